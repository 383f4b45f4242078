// One way to measure every simulation of bench/: it advances in slices of simulated time inside the benchmark loop and
// reports DMA/s of processor time, and what the kernel did for each DMA.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>

#include "models/tlm/scheduler.h"

namespace iommusim::bench {

/// Takes `--name=value` out of the arguments; `fallback` if absent.
inline std::string take_option(int& argc, char** argv, const std::string& name, const std::string& fallback) {
  const std::string prefix = "--" + name + "=";
  std::string value = fallback;
  int kept = 0;
  for (int i = 0; i < argc; ++i) {
    const std::string a = argv[i];
    if (a.rfind(prefix, 0) == 0) {
      value = a.substr(prefix.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return value;
}

/// Registers a benchmark that advances `scheduler`'s simulation. `completed` gives the DMAs finished so far. A slice is
/// the simulated time of about `dmas_per_slice` DMAs, found out by a warm-up that also fills caches and pools.
inline void register_run(const std::string& name, iommusim::tlm::Scheduler& scheduler,
                         std::function<std::uint64_t()> completed, std::uint64_t dmas_per_slice = 20000) {
  benchmark::RegisterBenchmark(
      name.c_str(), [&scheduler, completed = std::move(completed), dmas_per_slice](benchmark::State& state) {
        using base::Time;
        Time slice = Time::us(1);
        for (std::uint64_t done = 0; done < dmas_per_slice; slice = slice * 2) {
          const std::uint64_t before = completed();
          if (scheduler.run_until(scheduler.now() + slice) != iommusim::tlm::Scheduler::RunResult::reached_limit) {
            state.SkipWithError("the simulation came to its end");
            return;
          }
          done = completed() - before;
        }
        const std::uint64_t dmas = completed(), events = scheduler.kernel_events(), stages = scheduler.dispatches();
        for (auto _ : state) scheduler.run_until(scheduler.now() + slice);
        const double n = static_cast<double>(completed() - dmas);
        state.counters["DMA/s"] = benchmark::Counter(n, benchmark::Counter::kIsRate);
        state.counters["kernel_events/DMA"] = static_cast<double>(scheduler.kernel_events() - events) / n;
        state.counters["stages/DMA"] = static_cast<double>(scheduler.dispatches() - stages) / n;
      });
}

/// Registers a benchmark that runs a trace once, whole: reading it, the driver's work and the DMAs.
inline void register_replay(const std::string& name, iommusim::tlm::Scheduler& scheduler,
                            std::function<std::uint64_t()> completed, std::function<bool()> finished) {
  benchmark::RegisterBenchmark(name.c_str(), [&scheduler, completed = std::move(completed),
                                              finished = std::move(finished)](benchmark::State& state) {
    for (auto _ : state) {
      while (!finished()) scheduler.run_until(scheduler.now() + base::Time::us(100));
    }
    const double n = static_cast<double>(completed());
    state.counters["DMA/s"] = benchmark::Counter(n, benchmark::Counter::kIsRate);
    state.counters["kernel_events/DMA"] = static_cast<double>(scheduler.kernel_events()) / n;
    state.counters["stages/DMA"] = static_cast<double>(scheduler.dispatches()) / n;
  })->Iterations(1);
}

}  // namespace iommusim::bench
