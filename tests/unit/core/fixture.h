// A remapping unit of the fake architecture between one requester and a memory of constant latency.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"
#include "tests/unit/core/fake_architecture.h"

namespace iommusim::test {

using base::Time;

/// Memory answers after 100 ns; context lookup 1 ns, IOTLB lookup 2 ns. Source 8 has domain 1, source 16 passes
/// through, 24 has no context. Page p of every domain maps to 0x40000000 + p * 4 KiB, read and write, except page 5:
/// absent, page 6: read only.
struct Bench {
  /// With two ports `other` is connected to the second.
  explicit Bench(const RemappingUnitConfig& config = defaults(), unsigned levels = 1,
                 std::unique_ptr<FakeArchitecture> a = std::make_unique<FakeArchitecture>(), unsigned ports = 1)
      : requester("requester", simulation.context), memory("memory", simulation.context, Time::ns(100), 2) {
    a->levels = levels;
    architecture = a.get();
    unit = std::make_unique<RemappingUnit>("unit", simulation.context, config, std::move(a), ports);
    registers = std::make_unique<Requester>("registers", simulation.context);
    requester.port.bind(unit->upstream(0));
    if (ports > 1) {
      other = std::make_unique<Requester>("other", simulation.context);
      other->port.bind(unit->upstream(1));
    }
    registers->port.bind(unit->registers);
    unit->downstream.bind(memory.port(0));
    unit->walk.bind(memory.port(1));
    set_context(8, 1, false);
    set_context(16, 2, true);
    for (std::uint64_t page = 0; page < 512; ++page) map(page, 0x40000000 + page * 4096, 3);
    map(5, 0, 0);
    map(6, 0x40000000 + 6 * 4096, 1);
  }
  static RemappingUnitConfig defaults() {
    RemappingUnitConfig c;
    c.walkers = 2;
    return c;
  }
  void set_context(unsigned source, unsigned domain, bool pass) {
    memory.set_word(0x1000 + 8 * source, 1u | (pass ? 2u : 0u) | domain << 16);
  }
  void map(std::uint64_t page, std::uint64_t output, unsigned rights) {
    memory.set_word(0x100000 + 8 * page, output | rights);
  }
  void run(Time until = Time::ms(1)) { simulation.scheduler.run_until(until); }
  const Requester::Sent& sent(std::size_t i) const { return requester.sent[i]; }
  /// When the i-th request left the unit.
  Time left(std::size_t i) const { return sent(i).answered_at - Time::ns(100); }
  unsigned walk_reads() const {
    unsigned n = 0;
    for (const auto& a : memory.accesses) n += a.traffic == tlm::Traffic::walk ? 1u : 0u;
    return n;
  }

  tlm::Simulation simulation;
  Requester requester;
  FixedMemory memory;
  FakeArchitecture* architecture = nullptr;
  std::unique_ptr<RemappingUnit> unit;
  std::unique_ptr<Requester> registers, other;
};

}  // namespace iommusim::test
