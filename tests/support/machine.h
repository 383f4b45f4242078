// A whole machine in a test: YAML text in, elaborated platform out; DMAs and driver tasks by hand, each run to its end.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/base/bdf.h"
#include "models/base/config/config.h"
#include "platforms/platform.h"

namespace iommusim::test {

using base::Hpa;
using base::Iova;
using base::Time;

/// The parts of an experiment file that make a machine.
struct MachineDescription {
  platforms::PlatformConfig platform;
  std::vector<platforms::WorkloadUseConfig> workloads;
  static const base::Fields<MachineDescription>& fields() {
    static const auto f = base::Fields<MachineDescription>("test", "a machine and what it does")
                              .object("platform", &MachineDescription::platform, "machine")
                              .list("workloads", &MachineDescription::workloads, "work");
    return f;
  }
};

/// A DMA under way or done.
struct Dma {
  bool done = false;
  ep::DmaResult result;
  void finished(const ep::DmaResult& r) {
    done = true;
    result = r;
  }
  Time latency() const { return result.done - result.request.intended; }
};

class Machine {
 public:
  using Overrides = std::vector<std::string>;
  explicit Machine(const std::string& yaml, const Overrides& overrides = {},
                   tlm::Scheduler::Kind kind = tlm::Scheduler::Kind::wheel, std::uint64_t seed = 1)
      : Machine(parse(yaml, overrides), kind, seed) {}

  // --- domains at boot
  /// Translated (or not) as `type`, with [memory, memory + bytes) mapped read-write for endpoint `e`; returns the
  /// address it is mapped to.
  Iova map(host::DomainType type, Hpa memory, std::uint64_t bytes, std::size_t e = 0) {
    if (platform.driver() == nullptr) return Iova(memory.value());
    host::DmaDomain& domain = domain_of(type, e);
    return platform.driver()->map(domain, {{memory, bytes}}, iommu::kReadWrite);
  }
  host::DmaDomain& domain_of(host::DomainType type, std::size_t e = 0) {
    if (host::DmaDomain* have = platform.driver()->domain_of(source(e))) return *have;
    host::DmaDomain& domain = platform.driver()->create_domain(type);
    platform.driver()->attach(source(e), domain);
    return domain;
  }
  base::SourceId source(std::size_t e = 0) const { return platform.endpoints()[e]->dma.requester(); }

  // --- DMAs
  /// Starts one now. The reference stays valid.
  Dma& start(Iova at, std::uint32_t bytes, bool write, unsigned char* data = nullptr, std::size_t e = 0,
             bool relaxed = false) {
    Dma& dma = dmas_.emplace_back();
    ep::DmaRequest request;
    request.iova = at;
    request.bytes = bytes;
    request.write = write;
    request.write_done = ep::WriteDone::visible;
    request.relaxed_ordering = relaxed;
    request.intended = now();
    request.data = data;
    platform.endpoints()[e]->dma.submit(request, tlm::delegate<&Dma::finished>(&dma));
    return dma;
  }
  /// One DMA in an otherwise idle machine, to its end.
  const Dma& read(Iova at, std::uint32_t bytes = 64, unsigned char* data = nullptr, std::size_t e = 0) {
    return one(start(at, bytes, false, data, e));
  }
  const Dma& write(Iova at, std::uint32_t bytes = 64, unsigned char* data = nullptr, std::size_t e = 0) {
    return one(start(at, bytes, true, data, e));
  }

  // --- time
  Time now() const { return simulation.scheduler.now(); }
  /// Until `done()`, looked at every 10 ns; fails the test after 100 ms.
  void run_until(const std::function<bool()>& done) {
    const Time limit = now() + Time::ms(100);
    while (!done()) {
      const auto result = simulation.scheduler.run_until(now() + Time::ns(10));
      platform.rethrow_failure();
      if (result == tlm::Scheduler::RunResult::idle && !done())
        FAIL() << "nothing is left to happen: " << platform.holders();
      if (now() > limit) FAIL() << "100 ms have passed: " << platform.holders();
    }
  }
  void run_for(Time duration) { simulation.scheduler.run_until(now() + duration); }
  /// A task of core `c`, to its end.
  void task(const host::CpuCore::Task& task, std::size_t c = 0) {
    bool done = false;
    platform.core(c).submit([&](host::CpuCore& core) {
      task(core);
      done = true;
    });
    run_until([&] { return done; });
  }
  /// Until every workload has finished and nothing is in flight.
  void finish() {
    run_until([&] { return platform.monitor().finished(); });
    settle();
  }
  void settle() {
    run_until([&] { return platform.quiescent(); });
  }

  // --- results
  nlohmann::ordered_json metrics() const { return simulation.stats.to_json(now()); }
  /// A figure of a metric by its dotted path: number("iommu.walker.reads").
  double number(const std::string& path, const char* figure = "value") const {
    const auto json = metrics();
    const nlohmann::ordered_json* at = &json;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t dot = std::min(path.find('.', begin), path.size());
      at = &at->at(path.substr(begin, dot - begin));
      begin = dot + 1;
    }
    return at->at(figure).get<double>();
  }
  std::uint64_t count(const std::string& path) const { return static_cast<std::uint64_t>(number(path)); }

  tlm::Simulation simulation;
  platforms::Platform platform;

 private:
  Machine(const MachineDescription& d, tlm::Scheduler::Kind kind, std::uint64_t seed)
      : simulation(seed, kind), platform(simulation, d.platform, d.workloads) {
    ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
    platform.boot();
  }
  static MachineDescription parse(const std::string& yaml, const Overrides& overrides) {
    base::LoadOptions options;
    options.overrides = overrides;
    return base::parse_config<MachineDescription>(yaml, "machine", options);
  }
  const Dma& one(const Dma& dma) {
    run_until([&] { return dma.done && platform.quiescent(); });
    return dma;
  }
  std::deque<Dma> dmas_;
};

}  // namespace iommusim::test
