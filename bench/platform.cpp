// How fast a whole machine simulates: builds the platform of a configuration file and runs it in slices, as the floor
// does. A file with a replay runs once, from the trace's first record to its last.
//
//   bench_platform FILE [--endpoints=N] [Google Benchmark's options]
//
// `--endpoints=N` repeats the file's only endpoint N times; they share its buffer.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "bench/report.h"
#include "experiments/runner/experiment.h"
#include "models/base/error.h"
#include "platforms/platform.h"

namespace {

using iommusim::runner::ExperimentConfig;

/// Copies of the first endpoint at other requester IDs, each with its own workload on its share of the buffer, a page
/// at least. The context cache and the IOTLB grow to hold them all, so that what is measured stays the same.
void repeat_endpoint(ExperimentConfig& config, unsigned count) {
  if (count == 1) return;
  auto& share = config.workloads.at(0).buffer.size;
  share = iommusim::base::Bytes(std::max<std::uint64_t>(4096, share.value() / count / 4096 * 4096));
  if (config.platform.iommu) {
    auto& unit = config.platform.iommu->unit;
    unit.context_cache.entries = std::max(unit.context_cache.entries, 2 * count);
    unit.iotlb.entries = std::max(unit.iotlb.entries, 2 * count);
  }
  const auto endpoint = config.platform.endpoints.at(0);
  const auto workload = config.workloads.at(0);
  for (unsigned i = 1; i < count; ++i) {
    config.platform.endpoints.push_back(endpoint);
    config.workloads.push_back(workload);
    auto& e = config.platform.endpoints.back();
    e.name += std::to_string(i);
    e.bdf = iommusim::base::make_bdf(2 + i / 32, i % 32, 0);
    // Different ones keep links from acting in the same picosecond, which would make their events look cheap.
    e.link.propagation += iommusim::base::Time::ps(137) * i;
    config.workloads.back().endpoint = e.name;
  }
}

int run(const std::string& file, unsigned endpoints) {
  ExperimentConfig config = iommusim::runner::load_experiment(file, {});
  repeat_endpoint(config, endpoints);
  iommusim::tlm::Simulation simulation(config.run.seed);
  iommusim::platforms::Platform platform(simulation, config.platform, config.workloads, config.replay);
  ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);  // ends elaboration
  platform.boot();
  const std::string name = std::filesystem::path(file).stem().string() + "/" + std::to_string(endpoints);
  if (config.replay) {
    iommusim::bench::register_replay(
        "trace_replay/1", simulation.scheduler, [&] { return platform.completed(); },
        [&] { return platform.player()->finished(); });
  } else {
    iommusim::bench::register_run(name, simulation.scheduler, [&] { return platform.monitor().completed(); });
  }
  benchmark::RunSpecifiedBenchmarks();
  platform.rethrow_failure();
  return 0;
}

}  // namespace

int sc_main(int argc, char** argv) {
  const int endpoints = std::atoi(iommusim::bench::take_option(argc, argv, "endpoints", "1").c_str());
  benchmark::Initialize(&argc, argv);
  if (argc != 2 || endpoints < 1) {
    std::fprintf(stderr, "usage: bench_platform FILE [--endpoints=1..]\n");
    return 2;
  }
  try {
    return run(argv[1], static_cast<unsigned>(endpoints));
  } catch (const iommusim::base::UserError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
