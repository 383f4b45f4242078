// A VT-d unit in a whole machine, seen as its driver and its devices see it: faults, invalidation by policy, interrupt
// remapping, and the invalidation queue driven by a core. Everything goes through memory, MMIO and links; nothing is
// told to the unit out of band.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "models/iommu/arch/vtd/fault_log.h"
#include "models/iommu/arch/vtd/faults.h"
#include "tests/support/machine.h"

namespace iommusim::test {
namespace {

namespace vtd = iommu::vtd;
using host::CpuCore;
using host::DomainType;
using iommu::Invalidation;

constexpr Hpa kBuffer{std::uint64_t{4} << 30};
constexpr Hpa kRegisters{0xfed90000};
constexpr Iova kNowhere{0x12345000};
const char* const kMachine = R"(schema: 1
platform:
  cores: [{name: cpu0}, {name: cpu1}]
  endpoints: [{name: a, bdf: "01:00.0"}, {name: b, bdf: "02:00.1"}]
  iommu: {architecture: {type: vtd}}
)";

using Word = std::array<unsigned char, 8>;
std::uint64_t value_of(const Word& w) {
  std::uint64_t v;
  std::memcpy(&v, w.data(), sizeof v);
  return v;
}

struct VtdMachine : ::testing::Test {
  Machine m{kMachine};

  /// What a fault handler finds: FSTS, then the records from FRI on until one is not valid (VT-d 4.0 section 11.4.9:
  /// FRI stays at the first one). It clears each record it has read.
  struct Seen {
    std::uint32_t status = 0;
    vtd::FaultRecord record;  ///< the first one
    unsigned records = 0;
    std::uint32_t status_after = 0;
  };
  Seen handle_faults() {
    Seen seen;
    m.task([&](CpuCore& core) {
      seen.status = read32(core, vtd::reg::kFaultStatus);
      for (std::uint64_t n = seen.status >> 8 & 0xff; seen.records < 8; n = (n + 1) % 8) {
        const std::uint64_t at = vtd::reg::kFaultRecords + 16 * n;
        const vtd::Pair words{core.mmio_read(kRegisters + at, 8), core.mmio_read(kRegisters + (at + 8), 8)};
        const vtd::FaultRecord record = vtd::decode_fault_record(words);
        if (!record.valid) break;
        if (seen.records++ == 0) seen.record = record;
        core.mmio_write(kRegisters + (at + 12), 0x80000000u, 4);  // F is cleared by writing a one
      }
      seen.status_after = read32(core, vtd::reg::kFaultStatus);
    });
    return seen;
  }
  static std::uint32_t read32(CpuCore& core, std::uint64_t offset) {
    return static_cast<std::uint32_t>(core.mmio_read(kRegisters + offset, 4));
  }
  host::DmaDomain& domain(std::size_t e = 0) { return *m.platform.driver()->domain_of(m.source(e)); }
  iommu::Translation translation(Iova at) {
    return *domain().tables->lookup(m.platform.driver()->instant_memory(), at);
  }
};

// ---- faults

TEST_F(VtdMachine, AnUnmappedReadIsAnUnsupportedRequestAndAFaultRecordThatACoreReads) {
  m.map(DomainType::dma, kBuffer, 4096);
  const Dma& dma = m.read(kNowhere + 0x80);
  EXPECT_EQ(dma.result.status, tlm::CompletionStatus::unsupported_request);
  EXPECT_EQ(m.count("memory.dma.reads"), 0u);

  const Seen seen = handle_faults();
  EXPECT_EQ(seen.status & vtd::fault_status::kAny, vtd::fault_status::kPending);
  EXPECT_TRUE(seen.record.valid);
  EXPECT_TRUE(seen.record.read);
  EXPECT_EQ(seen.record.reason, static_cast<std::uint16_t>(vtd::Reason::no_read_permission))
      << "an entry without R and W is not present";
  EXPECT_EQ(seen.record.source, 0x0100);
  EXPECT_EQ(seen.record.information, kNowhere.value()) << "the page, not the byte";
  EXPECT_EQ(seen.status_after & vtd::fault_status::kPending, 0u);
}

TEST_F(VtdMachine, AFaultRaisesTheEventInterruptOnceUntilSoftwareHasLooked) {
  m.map(DomainType::dma, kBuffer, 4096);
  m.read(kNowhere);
  EXPECT_EQ(m.count("iommu_driver.event_interrupts"), 1u);
  EXPECT_EQ(m.count("cpu0.interrupts"), 1u) << "delivered to the core it was routed to";
  EXPECT_EQ(m.count("cpu1.interrupts"), 0u);
  m.read(kNowhere);
  EXPECT_EQ(m.count("iommu_driver.event_interrupts"), 1u) << "a status bit was set already";
  EXPECT_EQ(handle_faults().records, 2u);
  m.read(kNowhere);
  EXPECT_EQ(m.count("iommu_driver.event_interrupts"), 2u);
  EXPECT_EQ(m.count("interrupts.spurious"), 0u);
}

TEST_F(VtdMachine, AFaultHandlerTaskRunsOnTheInterrupt) {
  m.map(DomainType::dma, kBuffer, 4096);
  std::uint32_t status = 0;
  bool handled = false;
  m.platform.core(0).submit([&](CpuCore& core) {
    core.wait_for_interrupt(host::InterruptRegion::kFirstVector);  // the driver's events got the first one
    status = read32(core, vtd::reg::kFaultStatus);
    handled = true;
  });
  m.run_for(Time::us(1));
  EXPECT_FALSE(handled);
  m.read(kNowhere);
  m.run_until([&] { return handled; });
  EXPECT_EQ(status & vtd::fault_status::kPending, vtd::fault_status::kPending);
}

TEST_F(VtdMachine, AFaultingWriteIsSilentAtTheEndpointAndReachesNoMemory) {
  m.map(DomainType::dma, kBuffer, 4096);
  Word data{1};
  const Dma& dma = m.write(kNowhere + 8, 8, data.data());
  EXPECT_EQ(dma.result.status, tlm::CompletionStatus::ok) << "nothing comes back for a posted request";
  EXPECT_EQ(m.count("a.dma.failed_unsupported") + m.count("a.dma.failed_abort"), 0u);
  EXPECT_EQ(m.count("memory.dma.writes"), 0u);
  const Seen seen = handle_faults();
  EXPECT_TRUE(seen.record.valid);
  EXPECT_FALSE(seen.record.read);
  EXPECT_EQ(seen.record.reason, static_cast<std::uint16_t>(vtd::Reason::no_write_permission));
  EXPECT_EQ(seen.record.information, kNowhere.value());
}

TEST_F(VtdMachine, AWriteToAPageMappedForReadingFaultsAndAReadOfItDoesNot) {
  host::DmaDomain& d = m.domain_of(DomainType::dma);
  const Iova at = m.platform.driver()->map(d, {{kBuffer, 4096}}, iommu::kRead);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok);
  m.write(at);
  EXPECT_EQ(m.count("memory.dma.writes"), 0u);
  EXPECT_EQ(handle_faults().record.reason, static_cast<std::uint16_t>(vtd::Reason::no_write_permission));
}

TEST_F(VtdMachine, ADeviceWithoutAContextIsRefused) {
  m.map(DomainType::dma, kBuffer, 4096, 0);
  EXPECT_EQ(m.read(kNowhere, 64, nullptr, 1).result.status, tlm::CompletionStatus::unsupported_request);
  const Seen seen = handle_faults();
  EXPECT_EQ(seen.record.source, 0x0201) << "02:00.1";
  EXPECT_EQ(seen.record.reason, static_cast<std::uint16_t>(vtd::Reason::root_not_present))
      << "no device of bus 2 has ever had one";
}

TEST_F(VtdMachine, MoreFaultsThanRecordsOverflow) {
  m.map(DomainType::dma, kBuffer, 4096);
  for (int i = 0; i < 8; ++i) m.read(kNowhere);
  EXPECT_EQ(m.count("iommu.faults.not_present") + m.count("iommu.faults.permission"), 8u);
  const auto overflow = [&] {
    std::uint32_t status = 0;
    m.task([&](CpuCore& core) { status = read32(core, vtd::reg::kFaultStatus); });
    return (status & vtd::fault_status::kOverflow) != 0;
  };
  EXPECT_FALSE(overflow());
  m.read(kNowhere);
  EXPECT_TRUE(overflow()) << "eight records, nine faults";
  EXPECT_EQ(handle_faults().records, 8u);
  m.read(kNowhere);
  EXPECT_EQ(handle_faults().records, 0u) << "nothing is recorded until the overflow is cleared";
  m.task([&](CpuCore& core) { core.mmio_write(kRegisters + vtd::reg::kFaultStatus, vtd::fault_status::kOverflow, 4); });
  m.read(kNowhere);
  EXPECT_EQ(handle_faults().records, 1u);
}

// ---- unmapping by a core

TEST_F(VtdMachine, AfterAStrictUnmapTheNextDmaFaults) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok);
  EXPECT_TRUE(m.read(at).result.remapped.iotlb_hit);
  m.task([&](CpuCore& core) { m.platform.driver()->unmap(core, domain(), at, 4096); });
  EXPECT_EQ(m.count("iommu.commands.iotlb_page"), 1u);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::unsupported_request);
  EXPECT_EQ(handle_faults().record.information, at.value());
}

TEST_F(VtdMachine, AfterALazyUnmapAStaleEntryServesUntilTheFlush) {
  const Iova at = m.map(DomainType::dma_fq, kBuffer, 2 * 4096);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok);
  m.task([&](CpuCore& core) { m.platform.driver()->unmap(core, domain(), at, 2 * 4096); });
  EXPECT_FALSE(domain().tables->lookup(m.platform.driver()->instant_memory(), at).has_value())
      << "the tables no longer map it";
  const Dma& stale = m.read(at);
  EXPECT_EQ(stale.result.status, tlm::CompletionStatus::ok);
  EXPECT_TRUE(stale.result.remapped.iotlb_hit);
  EXPECT_EQ(m.read(at + 4096).result.status, tlm::CompletionStatus::unsupported_request)
      << "what the IOTLB did not hold is gone at once";
  m.task([&](CpuCore& core) { m.platform.driver()->flush(core); });
  EXPECT_EQ(m.count("iommu.commands.iotlb_domain"), 1u);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::unsupported_request);
}

TEST_F(VtdMachine, ALazyUnmapIsFlushedByItsTimer) {
  const Iova at = m.map(DomainType::dma_fq, kBuffer, 4096);
  m.read(at);
  m.task([&](CpuCore& core) { m.platform.driver()->unmap(core, domain(), at, 4096); });
  const Time unmapped = m.now();
  m.simulation.scheduler.run_until(unmapped + Time::ms(9));
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok) << "served stale";
  m.simulation.scheduler.run_until(unmapped + Time::ms(11));
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::unsupported_request) << "10 ms have passed";
}

TEST_F(VtdMachine, AMappingMadeByACoreIsUsedAndItsAddressReusedAfterAStrictUnmap) {
  m.domain_of(DomainType::dma);
  m.platform.memory().contents().write64(kBuffer, 111);
  m.platform.memory().contents().write64(kBuffer + 4096, 222);
  Iova first, second;
  Word data{};
  m.task([&](CpuCore& core) {
    first = m.platform.driver()->map(core, domain(), {{kBuffer, 4096}}, iommu::kReadWrite);
  });
  m.read(first, 8, data.data());
  EXPECT_EQ(value_of(data), 111u);
  m.task([&](CpuCore& core) {
    m.platform.driver()->unmap(core, domain(), first, 4096);
    second = m.platform.driver()->map(core, domain(), {{kBuffer + 4096, 4096}}, iommu::kReadWrite);
  });
  ASSERT_EQ(first, second) << "or the test shows nothing";
  m.read(second, 8, data.data());
  EXPECT_EQ(value_of(data), 222u) << "a stale entry would read the old page";
}

TEST_F(VtdMachine, DetachingADeviceMakesItFaultAndAttachingItElsewhereTranslatesThere) {
  const Iova at = m.map(DomainType::dma, kBuffer, 4096);
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::ok);
  m.task([&](CpuCore& core) { m.platform.driver()->detach(core, m.source()); });
  EXPECT_EQ(m.read(at).result.status, tlm::CompletionStatus::unsupported_request);
  EXPECT_EQ(handle_faults().record.reason, static_cast<std::uint16_t>(vtd::Reason::context_not_present));
  m.task([&](CpuCore& core) {
    host::DmaDomain& identity = m.platform.driver()->create_domain(core, DomainType::identity);
    m.platform.driver()->attach(core, m.source(), identity);
  });
  const Dma& dma = m.read(Iova(kBuffer.value()));
  EXPECT_EQ(dma.result.status, tlm::CompletionStatus::ok);
  EXPECT_FALSE(dma.result.remapped.translated);
}

// ---- the invalidation queue

TEST_F(VtdMachine, AWaitReturnsAfterItsInvalidationsHaveBeenCarriedOut) {
  const Iova at = m.map(DomainType::dma, kBuffer, 8 * 4096);
  for (int i = 0; i < 8; ++i) m.read(at + 4096 * i);
  ASSERT_EQ(m.platform.unit()->caches().iotlb_entries(), 8u);
  std::size_t left_at_return = 99;
  m.task([&](CpuCore& core) {
    Invalidation pages;
    pages.kind = Invalidation::Kind::iotlb_pages;
    pages.domain = domain().id;
    pages.address = at;
    pages.size_log2 = 13;  // two pages
    m.platform.driver()->queue().invalidate(core, {pages});
    left_at_return = m.platform.unit()->caches().iotlb_entries();
  });
  EXPECT_EQ(left_at_return, 6u);
  EXPECT_EQ(m.count("iommu.commands.iotlb_page"), 1u);
  EXPECT_EQ(m.count("iommu.commands.wait"), 1u);
  EXPECT_EQ(m.count("memory.queue.reads"), 2u) << "both descriptors were fetched from memory";
  EXPECT_EQ(m.count("memory.queue.writes"), 1u) << "and the status word written there";
}

TEST_F(VtdMachine, TheRingWrapsManyTimesWithTwoCoresSubmitting) {
  m.map(DomainType::dma, kBuffer, 4096);
  int running = 2;
  for (std::size_t c = 0; c < 2; ++c) {
    m.platform.core(c).submit([&](CpuCore& core) {
      Invalidation domain_wide;
      domain_wide.kind = Invalidation::Kind::iotlb_domain;
      domain_wide.domain = domain().id;
      for (int i = 0; i < 300; ++i) m.platform.driver()->queue().invalidate(core, {domain_wide});
      --running;
    });
  }
  m.run_until([&] { return running == 0; });
  EXPECT_EQ(m.count("iommu.commands.iotlb_domain"), 600u) << "1200 descriptors through a ring of 256";
  EXPECT_EQ(m.count("iommu.commands.wait"), 600u);
  EXPECT_EQ(m.count("iommu.commands.other"), 0u);
}

TEST_F(VtdMachine, ADescriptorThatMakesNoSenseStopsTheQueueAndRaisesAnEvent) {
  m.map(DomainType::dma, kBuffer, 4096);
  std::uint32_t status = 0;
  m.task([&](CpuCore& core) {
    const std::uint64_t base = core.mmio_read(kRegisters + vtd::reg::kQueueAddress, 8) & ~std::uint64_t{0xfff};
    core.write64(Hpa(base), 0xf);  // a type that does not exist
    core.mmio_write(kRegisters + vtd::reg::kQueueTail, 16, 8);
    core.spend(Time::us(5));
    status = read32(core, vtd::reg::kFaultStatus);
  });
  EXPECT_EQ(status & vtd::fault_status::kAny, vtd::fault_status::kQueueError);
  EXPECT_EQ(m.count("iommu_driver.event_interrupts"), 1u);
}

// ---- interrupts

TEST_F(VtdMachine, AnEndpointsMessageIsRemappedToTheCoreAndVectorOfItsEntry) {
  m.map(DomainType::dma, kBuffer, 4096);
  int called = 0;
  const auto message = m.platform.driver()->route_interrupt(m.source(), m.platform.core(1), [&](Time) { ++called; });
  EXPECT_NE(message.address & 0x10, 0u) << "remappable format";
  unsigned woken = 0;
  m.platform.core(1).submit([&](CpuCore& core) {
    core.wait_for_interrupt(host::InterruptRegion::kFirstVector);
    ++woken;
  });
  m.platform.endpoints()[0]->dma.send_msi(message.address, message.data);
  m.run_until([&] { return woken == 1; });
  EXPECT_EQ(called, 1);
  EXPECT_EQ(m.count("cpu1.interrupts"), 1u);
  EXPECT_EQ(m.count("cpu0.interrupts"), 0u);
  EXPECT_EQ(m.count("interrupts.spurious"), 0u);
  EXPECT_EQ(m.count("iommu.interrupts"), 1u);
}

TEST_F(VtdMachine, MovingAnInterruptByACoreTakesEffectOnItsReturn) {
  m.map(DomainType::dma, kBuffer, 4096);
  int on0 = 0, on1 = 0;
  iommu::InterruptMessage first, second;
  m.task([&](CpuCore& core) {
    first = m.platform.driver()->route_interrupt(core, m.source(), m.platform.core(0), [&](Time) { ++on0; });
  });
  m.task([&](CpuCore& core) {
    second = m.platform.driver()->route_interrupt(core, m.source(), m.platform.core(1), [&](Time) { ++on1; });
  });
  EXPECT_EQ(m.count("iommu.commands.interrupt_entry"), 2u);
  ep::DmaEngine& device = m.platform.endpoints()[0]->dma;
  device.send_msi(first.address, first.data);
  device.send_msi(second.address, second.data);
  device.send_msi(second.address, second.data);
  m.run_until([&] { return on0 + on1 == 3; });
  EXPECT_EQ(on0, 1);
  EXPECT_EQ(on1, 2);
}

TEST_F(VtdMachine, AnotherDevicesMessageIsBlockedBySourceValidation) {
  m.map(DomainType::dma, kBuffer, 4096, 0);
  m.map(DomainType::dma, kBuffer + 4096, 4096, 1);
  int called = 0;
  const auto message = m.platform.driver()->route_interrupt(m.source(0), m.platform.core(1), [&](Time) { ++called; });
  m.platform.endpoints()[1]->dma.send_msi(message.address, message.data);
  m.run_for(Time::us(10));
  EXPECT_EQ(called, 0);
  EXPECT_EQ(m.count("cpu1.interrupts"), 0u);
  const Seen seen = handle_faults();
  EXPECT_EQ(seen.record.reason, static_cast<std::uint16_t>(vtd::Reason::interrupt_source));
  EXPECT_EQ(seen.record.source, 0x0201);
}

TEST_F(VtdMachine, AnUnremappableMessageIsBlocked) {
  m.map(DomainType::dma, kBuffer, 4096);
  m.platform.endpoints()[0]->dma.send_msi(0xfee01000, 0x30);
  m.run_for(Time::us(10));
  EXPECT_EQ(m.count("cpu1.interrupts"), 0u);
  EXPECT_EQ(handle_faults().record.reason, static_cast<std::uint16_t>(vtd::Reason::interrupt_compatibility));
}

// MSIs are posted writes: the data they announce is in memory before them.
TEST_F(VtdMachine, AMessageArrivesAfterTheWritesBeforeIt) {
  const Iova at = m.map(DomainType::dma, kBuffer, 64 * 4096);
  std::uint64_t found = 0;
  const auto message = m.platform.driver()->route_interrupt(m.source(), m.platform.core(0), [&](Time) {
    found = m.platform.memory().contents().read64(kBuffer + 63 * 4096);
  });
  std::array<Word, 64> data{};
  for (std::size_t i = 0; i < 64; ++i) {
    data[i] = Word{7};
    m.start(at + 4096 * i, 8, true, data[i].data());
  }
  m.platform.endpoints()[0]->dma.send_msi(message.address, message.data);
  m.settle();
  EXPECT_EQ(m.count("interrupts.delivered"), 1u);
  EXPECT_EQ(found, 7u) << "64 misses on few walkers, and the message waited for the last";
}

}  // namespace
}  // namespace iommusim::test
