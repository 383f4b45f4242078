// The trace files of a run, written into its result folder while it runs.
#pragma once

#include <fstream>
#include <optional>

#include "experiments/runner/output_folder.h"
#include "experiments/runner/trace_config.h"

namespace iommusim::runner {

class TraceFiles {
 public:
  /// Opens what `config` asks for: tlp.csv, trace.json. Throws base::UserError naming a file that cannot be made.
  TraceFiles(const TraceConfig& config, const OutputFolder& folder);
  /// Who watches the links; null when nothing is asked for.
  pcie::TlpObserver* observer() { return tlp_ ? &*tlp_ : nullptr; }
  /// Ends the files. Throws base::UserError naming a file that could not be written in full.
  void finish();

 private:
  std::ofstream csv_, perfetto_;
  std::optional<pcie::TlpTrace> tlp_;
};

}  // namespace iommusim::runner
