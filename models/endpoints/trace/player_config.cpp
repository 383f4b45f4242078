#include "models/endpoints/trace/player_config.h"

namespace iommusim::ep {

const base::Fields<TracePlayerConfig>& TracePlayerConfig::fields() {
  using C = TracePlayerConfig;
  static const auto f =
      base::Fields<C>("trace_player",
                      "Replays a trace that `iommusim import` wrote: mappings, invalidations and DMAs of real drivers")
          .field("file", &C::file, "The trace, relative to this file")
          .required()
          .field("pace", &C::pace,
                 "When records happen: one finishes before the next starts; at their recorded times; or as soon as "
                 "their dependencies allow",
                 {{"serial", Pace::serial}, {"recorded", Pace::recorded}, {"fastest", Pace::fastest}})
          .field("time_scale", &C::time_scale,
                 "pace recorded: recorded times are multiplied by this; 0.1 is ten times faster")
          .range("0.000001", "1000000")
          .field("domain", &C::domain,
                 "recorded: the recording's domains, addresses and invalidations; else every device in a domain of "
                 "this type of its own",
                 {{"recorded", ReplayDomain::recorded},
                  {"identity", ReplayDomain::identity},
                  {"DMA", ReplayDomain::dma},
                  {"DMA-FQ", ReplayDomain::dma_fq}})
          .field("window", &C::window, "Records read ahead and not finished at most (pace serial: one)")
          .range(1, 65536);
  return f;
}

}  // namespace iommusim::ep
