// A remapping unit of any architecture with its driver, between one device and a memory of constant latency, and the
// software side of its command queue.
#pragma once

#include <memory>
#include <vector>

#include "models/iommu/api/driver.h"
#include "models/iommu/api/factory.h"
#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::test {

/// Tables written straight into the memory of a test. Blocks come from `base` upwards.
class Tables : public iommu::TableMemory {
 public:
  explicit Tables(FixedMemory& memory, std::uint64_t base = 1 << 20) : memory_(memory), next_(base) {}
  std::uint64_t read64(base::Hpa a) override { return memory_.word(a.value()); }
  void write64(base::Hpa a, std::uint64_t v) override { memory_.set_word(a.value(), v); }
  base::Hpa allocate(std::uint64_t bytes) override {
    next_ = (next_ + bytes - 1) / bytes * bytes;
    const base::Hpa block(next_);
    next_ += bytes;
    return block;
  }
  void release(base::Hpa, std::uint64_t) override {}
  std::uint64_t next() const { return next_; }

 private:
  FixedMemory& memory_;
  std::uint64_t next_;
};

struct UnitBench {
  explicit UnitBench(const iommu::ArchitectureConfig& architecture, const iommu::RemappingUnitConfig& config = {},
                     base::Time memory_latency = base::Time::ns(100))
      : unit("unit", simulation.context, config, architecture.make_architecture(), 1),
        memory("memory", simulation.context, memory_latency, 2),
        device("device", simulation.context),
        registers("registers", simulation.context),
        tables(memory),
        driver(architecture.make_driver()) {
    device.port.bind(unit.upstream(0));
    unit.downstream.bind(memory.port(0));
    unit.walk.bind(memory.port(1));
    registers.port.bind(unit.registers);
    ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);
    for (const auto& list : {driver->set_up(tables, 256), driver->enable(false)}) {
      for (const auto& w : list) (void)unit.architecture().write_register(w.offset, w.bytes, w.value);
    }
  }

  /// Writes entries behind the queue's last; the tail moves behind them at `at`. At most 255 not yet carried out.
  void submit(base::Time at, const std::vector<iommu::Invalidation>& commands) {
    for (const iommu::Invalidation& i : commands) {
      const iommu::CommandBytes entry = driver->encode(i);
      for (unsigned w = 0; w < entry.bytes / 8u; ++w)
        memory.set_word((driver->queue_base() + tail_ * entry.bytes + 8 * w).value(), entry.words[w]);
      tail_ = (tail_ + 1) % driver->queue_entries();
    }
    const iommu::RegisterWrite w = driver->tail_write(tail_);
    registers.write(at, w.offset, base::SourceId(0), w.bytes, static_cast<std::uint32_t>(w.value));
  }
  /// A wait that writes `status` to kStatus.
  static iommu::Invalidation wait(std::uint32_t status) {
    iommu::Invalidation i;
    i.kind = iommu::Invalidation::Kind::wait;
    i.status_address = base::Hpa(kStatus);
    i.status = status;
    return i;
  }
  std::uint32_t status() const { return static_cast<std::uint32_t>(memory.word(kStatus)); }
  void run(base::Time until = base::Time::ms(100)) { simulation.scheduler.run_until(until); }
  base::Time now() const { return simulation.scheduler.now(); }
  unsigned walk_reads() const {
    unsigned n = 0;
    for (const auto& a : memory.accesses) n += a.traffic == tlm::Traffic::walk && !a.write ? 1u : 0u;
    return n;
  }
  static constexpr std::uint64_t kStatus = 0x8000;

  tlm::Simulation simulation;
  iommu::RemappingUnit unit;
  FixedMemory memory;
  Requester device, registers;
  Tables tables;
  std::unique_ptr<iommu::Driver> driver;

 private:
  std::uint32_t tail_ = 0;
};

/// A unit without walk caches.
inline iommu::RemappingUnitConfig without_walk_caches(iommu::RemappingUnitConfig c = {}) {
  iommu::WalkCachesConfig& w = c.walk_caches;
  for (auto* level : {&w.level1, &w.level2, &w.level3, &w.level4, &w.level5}) level->entries = 0;
  c.walk_caches.nested.entries = 0;
  return c;
}

}  // namespace iommusim::test
