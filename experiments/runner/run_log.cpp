#include "experiments/runner/run_log.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "experiments/runner/version.h"

namespace iommusim::runner {

std::string run_log(const RunOutcome& o) {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  const double dmas = static_cast<double>(o.dmas);
  std::string text = fmt::format("iommusim {}\n", version());
  text += fmt::format("wall_clock            {:.3f} s, of which the measurement window {:.3f} s\n", o.wall_seconds,
                      o.window_wall_seconds);
  text += fmt::format("simulated             {:.6f} ms\n", o.simulated.seconds() * 1e3);
  text += fmt::format("dmas                  {} ({} in the window)\n", o.dmas, o.window_dmas);
  text += fmt::format("speed                 {:.0f} DMA/s\n", o.wall_seconds > 0 ? dmas / o.wall_seconds : 0.0);
  text += fmt::format("kernel_events_per_dma {:.2f}\n", o.dmas > 0 ? static_cast<double>(o.kernel_events) / dmas : 0.0);
  text += fmt::format("stage_calls_per_dma   {:.2f}\n", o.dmas > 0 ? static_cast<double>(o.dispatches) / dmas : 0.0);
  text += fmt::format("payloads              {}\n", o.payloads);
  text += fmt::format("peak_memory           {:.1f} MiB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  return text;
}

}  // namespace iommusim::runner
