// The trace files of a run, written into its result folder while it runs: tlp.csv, trace.json, timeline.csv.
#pragma once

#include <fstream>
#include <optional>

#include "experiments/runner/output_folder.h"
#include "experiments/runner/trace/perfetto.h"
#include "experiments/runner/trace/timeline.h"
#include "experiments/runner/trace/trace_config.h"

namespace iommusim::runner {

class TraceFiles {
 public:
  using Time = base::Time;
  /// Opens what `config` asks for. `window`: when the measurement window begins. Throws base::UserError naming a file
  /// that cannot be made.
  TraceFiles(const TraceConfig& config, Time window, const OutputFolder& folder);
  /// Who watches the links; null when nothing is asked for.
  pcie::TlpObserver* observer() { return tlp_ ? &*tlp_ : nullptr; }
  /// Who draws; null when nothing is asked for.
  tlm::Tracer* tracer() { return perfetto_ ? &*perfetto_ : nullptr; }

  /// The machine is made, at time 0.
  void begin(const base::Group& root);
  /// When look() is to be called next, before anything happens at that time; Time::max(): never.
  Time next_look() const;
  void look(Time now);
  /// Before and after the metrics are reset for the measurement window, and at the window's end.
  void window_begins(Time now);
  void metrics_reset(Time now);
  void window_ends(Time now);
  /// Ends the files. Throws base::UserError naming a file that could not be written in full.
  void finish(Time now);

 private:
  const TraceConfig config_;
  std::ofstream csv_, json_, timeline_csv_;
  std::optional<pcie::TlpTrace> tlp_;
  std::optional<Perfetto> perfetto_;
  std::optional<Timeline> timeline_;
};

}  // namespace iommusim::runner
