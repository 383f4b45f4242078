// The floor benchmark: how many DMAs per second the skeleton of the data path simulates. One simulation per process, so one
// scheduler and one number of endpoints per call:
//
//   bench_floor [--scheduler=wheel|stage_events] [--endpoints=N] [Google Benchmark's options]
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "bench/report.h"
#include "bench/skeleton.h"

namespace {

using iommusim::tlm::Scheduler;

/// Takes `--name=value` out of the arguments; `fallback` if absent.
std::string take_option(int& argc, char** argv, const std::string& name, const std::string& fallback) {
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

}  // namespace

int sc_main(int argc, char** argv) {
  const std::string kind = take_option(argc, argv, "scheduler", "wheel");
  const int endpoints = std::atoi(take_option(argc, argv, "endpoints", "1").c_str());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || endpoints < 1 || (kind != "wheel" && kind != "stage_events")) {
    std::fprintf(stderr, "usage: bench_floor [--scheduler=wheel|stage_events] [--endpoints=1..]\n");
    return 2;
  }
  Scheduler scheduler(kind == "wheel" ? Scheduler::Kind::wheel : Scheduler::Kind::stage_events);
  iommusim::tlm::PayloadPool pool;
  iommusim::tlm::Context context(scheduler, pool, 1);
  iommusim::bench::Skeleton skeleton(context, static_cast<unsigned>(endpoints));
  skeleton.start();

  iommusim::bench::register_run("floor/" + kind + "/" + std::to_string(endpoints), scheduler,
                                [&] { return skeleton.completed(); });
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
