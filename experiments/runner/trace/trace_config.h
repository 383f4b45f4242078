// What a run records beside its statistics.
#pragma once

#include <string>
#include <vector>

#include "models/base/config/config.h"
#include "models/pcie/tlp_trace.h"

namespace iommusim::runner {

/// trace.json: what every part of the machine does, on tracks for ui.perfetto.dev.
struct PerfettoConfig {
  bool json = false;
  std::uint64_t sample = 1;
  std::uint64_t dmas = 1000;
  std::optional<base::Time> from, to;
  base::Time levels = base::Time::ns(100);
  static const base::Fields<PerfettoConfig>& fields();
};

/// timeline.csv: figures of one stretch of time after another.
struct TimelineConfig {
  bool csv = false;
  base::Time interval = base::Time::us(10);
  std::vector<std::string> metrics;
  static const base::Fields<TimelineConfig>& fields();
};

/// The `trace` section of an experiment. It watches only: results are the same with and without.
struct TraceConfig {
  pcie::TlpTraceConfig tlp;
  PerfettoConfig perfetto;
  TimelineConfig timeline;
  static const base::Fields<TraceConfig>& fields();
};

}  // namespace iommusim::runner
