// The floor benchmark: how many DMAs per second the skeleton of the data path simulates. One simulation per process, so
// one scheduler, one number of endpoints and of reads outstanding at each per call:
//
//   bench_floor [--scheduler=wheel|stage_events] [--endpoints=N] [--outstanding=N] [Google Benchmark's options]
#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "bench/report.h"
#include "bench/skeleton.h"

using iommusim::bench::take_option;
using iommusim::tlm::Scheduler;

int sc_main(int argc, char** argv) {
  const std::string kind = take_option(argc, argv, "scheduler", "wheel");
  const int endpoints = std::atoi(take_option(argc, argv, "endpoints", "1").c_str());
  const int outstanding = std::atoi(take_option(argc, argv, "outstanding", "64").c_str());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || endpoints < 1 || outstanding < 1 ||
      (kind != "wheel" && kind != "stage_events")) {
    std::fprintf(stderr, "usage: bench_floor [--scheduler=wheel|stage_events] [--endpoints=1..] [--outstanding=1..]\n");
    return 2;
  }
  Scheduler scheduler(kind == "wheel" ? Scheduler::Kind::wheel : Scheduler::Kind::stage_events);
  iommusim::tlm::PayloadPool pool;
  iommusim::bench::Services services{scheduler, pool};
  iommusim::bench::Skeleton skeleton(services, static_cast<unsigned>(endpoints), static_cast<unsigned>(outstanding));
  skeleton.start();

  iommusim::bench::register_run("floor/" + kind + "/" + std::to_string(endpoints) + "x" + std::to_string(outstanding),
                                scheduler, [&] { return skeleton.completed(); });
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
