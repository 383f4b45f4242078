// A DMA engine on a link of 1 ns per byte, root port and a memory of 100 ns, with protocol checkers on both hops; and a
// workload of listed DMAs. Addresses from `high` have 24-byte request headers.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "models/endpoints/dma_engine.h"
#include "models/pcie/device.h"
#include "models/pcie/link.h"
#include "models/pcie/root_complex.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::ep {

constexpr std::uint64_t high = std::uint64_t{1} << 32;

inline pcie::LinkConfig nanosecond_per_byte() {
  pcie::LinkConfig c;
  c.generation = 1;
  c.width = 4;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  return c;
}

inline DmaRequest read_of(std::uint64_t address, std::uint32_t bytes, base::Time intended = {}) {
  DmaRequest r;
  r.iova = base::Iova(address);
  r.bytes = bytes;
  r.intended = intended;
  return r;
}
inline DmaRequest write_of(std::uint64_t address, std::uint32_t bytes, WriteDone done = WriteDone::sent) {
  DmaRequest r = read_of(address, bytes);
  r.write = true;
  r.write_done = done;
  return r;
}

/// Offers each DMA at its intended time.
class ListedDmas final : public Workload {
 public:
  std::vector<DmaRequest> list;
  std::vector<DmaResult> results;
  unsigned window = ~0u;
  std::vector<base::Time> asked;

  Next next(base::Time now) override {
    asked.push_back(now);
    if (at_ == list.size()) return Next::finished();
    if (at_ - results.size() >= window) return Next::wait();
    if (list[at_].intended > now) return Next::later(list[at_].intended);
    return Next::take(list[at_++]);
  }
  void done(const DmaResult& result, base::Time) override { results.push_back(result); }
  Offered offered(base::Time) const override { return {at_, 0}; }

 private:
  std::size_t at_ = 0;
};

struct EngineBench {
  explicit EngineBench(const DmaEngineConfig& config = {}, pcie::LinkConfig link_config = nanosecond_per_byte(),
                       base::Time memory_latency = base::Time::ns(100), const pcie::RootComplexConfig& rc_config = {})
      : engine("engine", sim.context, config, {base::SourceId(0x0300), link_config.mps, link_config.mrrs}),
        device("device", sim.context, {}),
        rc("rc", sim.context, rc_config, 1),
        link("link", sim.context, link_config, rc.root_port(0), device.link_port),
        memory("memory", sim.context, memory_latency),
        registers("registers", sim.context, base::Time()),
        up_probe("up_probe"),
        host_probe("host_probe") {
    engine.port.bind(up_probe.from_initiator);
    up_probe.to_target.bind(device.from_function());
    rc.to_host(0).bind(host_probe.from_initiator);
    host_probe.to_target.bind(memory.port());
    device.to_function().bind(registers.port());
    cpu.port.bind(rc.from_cpu);
  }
  ~EngineBench() {
    EXPECT_TRUE(up_probe.violations().empty());
    EXPECT_TRUE(host_probe.violations().empty());
  }
  void run(base::Time until = base::Time::ms(100)) { sim.scheduler.run_until(until); }
  /// Nothing is left anywhere.
  void expect_quiet() {
    EXPECT_TRUE(engine.quiescent()) << engine.holding();
    EXPECT_EQ("", engine.holding());
    EXPECT_EQ("", sim.pool.leak_report());
  }

  tlm::Simulation sim;
  DmaEngine engine;
  pcie::Device device;
  pcie::RootComplex rc;
  pcie::Link link;
  test::FixedMemory memory, registers;
  tlm::ProtocolChecker up_probe, host_probe;
  test::Requester cpu{"cpu", sim.context};
};

}  // namespace iommusim::ep
