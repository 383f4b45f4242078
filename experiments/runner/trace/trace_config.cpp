#include "experiments/runner/trace/trace_config.h"

namespace iommusim::runner {

using base::Time;

const base::Fields<PerfettoConfig>& PerfettoConfig::fields() {
  static const auto f =
      base::Fields<PerfettoConfig>(
          "perfetto_trace", "Links, IOTLB ports, walkers, memory, cores and queues as tracks, with a flow per DMA")
          .field("json", &PerfettoConfig::json, "Writes trace.json, for ui.perfetto.dev")
          .field("sample", &PerfettoConfig::sample,
                 "One DMA of so many, of each endpoint, with all that is done for it; 1: every one")
          .range(1, 1000000000)
          .field("dmas", &PerfettoConfig::dmas,
                 "The trace ends with so many DMAs traced; 1 to 3 KB of file for each, and what cores and queues do "
                 "meanwhile")
          .range(1, 10000000)
          .field("from", &PerfettoConfig::from, "What begins from this time on; null: with the measurement window")
          .at_most(Time::ms(1000000))
          .field("to", &PerfettoConfig::to, "What begins before this time; null: to the end")
          .at_most(Time::ms(1000000))
          .field("levels", &PerfettoConfig::levels, "How often the lengths of queues are looked at")
          .range(Time::ns(1), Time::ms(1000))
          .check([](const PerfettoConfig& c, base::Report& report) {
            if (c.from && c.to && *c.to <= *c.from) report.error("to", "must be after from");
          });
  return f;
}

const base::Fields<TimelineConfig>& TimelineConfig::fields() {
  static const auto f =
      base::Fields<TimelineConfig>("timeline",
                                   "Figures over time: one row per interval, from the start of warm-up to the "
                                   "end of the measurement window")
          .field("csv", &TimelineConfig::csv, "Writes timeline.csv")
          .field("interval", &TimelineConfig::interval, "Simulated time of a row")
          .range(Time::ns(1), Time::ms(1000))
          .list(
              "metrics", &TimelineConfig::metrics,
              "Paths of figures in result.json, e.g. nic.dma.throughput, nic.dma.read.latency.mean; empty: every rate, "
              "ratio, level and latency");
  return f;
}

const base::Fields<TraceConfig>& TraceConfig::fields() {
  static const auto f =
      base::Fields<TraceConfig>("trace", "What is recorded over time; it does not change the results")
          .object("tlp", &TraceConfig::tlp, "The packets of every link, as a table")
          .object("perfetto", &TraceConfig::perfetto, "What every part of the machine does, as tracks")
          .object("timeline", &TraceConfig::timeline, "Figures over time, as a table");
  return f;
}

}  // namespace iommusim::runner
