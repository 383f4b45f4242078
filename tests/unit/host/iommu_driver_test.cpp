#include "models/host/iommu_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/base/error.h"
#include "tests/unit/host/fakes.h"

namespace iommusim::host::test {
namespace {

using base::DomainId;
using base::SourceId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Hpa kData(0x40000000);
constexpr std::uint64_t kGiB4 = std::uint64_t{1} << 32;
constexpr SourceId kNic(0x18);

FakeTables& tables(DmaDomain& d) { return static_cast<FakeTables&>(*d.tables); }

TEST(IommuDriver, InstantBootSetsUpEventsAndEnablesWithoutTime) {
  Host host;
  host.add_driver();
  host.boot();
  const Hpa queue = host.driver->hardware().queue_base();
  EXPECT_THAT(host.machine.register_writes,
              ElementsAre("144=" + std::to_string(queue.value()), "160=256", "60=48", "24=3"));
  EXPECT_EQ(host.now(), Time());
}

TEST(IommuDriver, TimedBootClearsItsTablesAndWritesRegistersByTheCore) {
  CpuCoreConfig config;
  config.write_buffers = 64;
  Host host(1, config);
  FakeHardware& hardware = host.add_driver();
  // Queue 8 KiB, contexts 4 KiB, status words 4 KiB: 128, 64 and 64 lines, 64 at a time; four register writes of 10.
  EXPECT_EQ(host.run([&](CpuCore& c) { host.driver->boot(c); }), Time::ps(4 * 50000 + 4 * 10000));
  host.go_on(Time::us(1));
  EXPECT_EQ(host.machine.register_writes.size(), 4u);
  EXPECT_EQ(host.machine.register_writes[3], "24=3");
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  host.run([&](CpuCore& c) { host.driver->attach(c, kNic, d); });
  EXPECT_EQ(host.machine.memory.read64(hardware.context(kNic)), 2u << 8 | 1u);
}

TEST(IommuDriver, DomainTypesAreNamedAsInSysfs) {
  for (const DomainType t :
       {DomainType::identity, DomainType::dma, DomainType::dma_fq, DomainType::blocked, DomainType::unmanaged}) {
    EXPECT_EQ(domain_type(to_text(t)), t);
  }
  EXPECT_STREQ(to_text(DomainType::dma_fq), "DMA-FQ");
  EXPECT_EQ(domain_type("dma"), std::nullopt);
}

TEST(IommuDriver, IdentityDomainIsOneSharedOneAndMapsNothing) {
  Host host;
  FakeHardware& hardware = host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::identity);
  EXPECT_EQ(&d, &host.driver->create_domain(DomainType::identity));
  EXPECT_EQ(d.id, DomainId(1));
  host.driver->attach(kNic, d);
  EXPECT_EQ(host.machine.memory.read64(hardware.context(kNic)), 1u << 8 | 2u);
  EXPECT_EQ(host.run([&](CpuCore& c) {
    const Iova iova = host.driver->map_buffer(c, d, kData + 100, 50, iommu::kRead);
    EXPECT_EQ(iova.value(), kData.value() + 100);
    host.driver->unmap_buffer(c, d, iova, 50);
    EXPECT_THROW(host.driver->map(c, d, {{kData, 4096}, {kData + 8192, 4096}}, iommu::kRead), std::logic_error);
  }),
            Time());
  EXPECT_THAT(host.machine.executed, IsEmpty());
}

TEST(IommuDriver, MapWritesOneEntryPerPageAndAllocatesFromTheTop) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  Iova iova;
  // Two entries in one line: each is read (80) and written in the background; the lock's release waits for the last
  // (50).
  EXPECT_EQ(host.run([&](CpuCore& c) {
    iova = host.driver->map(c, d, {{kData, 4096}, {kData + 0x100000, 4096}}, iommu::kReadWrite);
  }),
            Time::ps(80000 + 80000 + 50000));
  EXPECT_EQ(iova, Iova(kGiB4 - 8192));
  EXPECT_EQ(host.machine.memory.read64(tables(d).entry(iova)), kData.value() | 1);
  EXPECT_EQ(host.machine.memory.read64(tables(d).entry(iova + 4096)), (kData.value() + 0x100000) | 1);
  EXPECT_THAT(host.machine.executed, IsEmpty());
}

TEST(IommuDriver, MappingAtBootTakesNoTime) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::unmanaged, DomainId(9));
  host.driver->map_at(d, Iova(0x5000), {{kData, 4096}}, iommu::kRead);
  EXPECT_EQ(host.machine.memory.read64(tables(d).entry(Iova(0x5000))), kData.value() | 1);
  EXPECT_EQ(host.now(), Time());
  EXPECT_EQ(host.driver->find_domain(DomainId(9)), &d);
  EXPECT_THROW(host.driver->create_domain(DomainType::dma, DomainId(9)), std::logic_error);
}

TEST(IommuDriver, CachingModeInvalidatesOnMap) {
  Host host;
  host.add_driver().caching_mode = true;
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  host.run([&](CpuCore& c) { host.driver->map(c, d, {{kData, 4096}}, iommu::kRead); });
  EXPECT_THAT(host.machine.executed, ElementsAre("pages d2 0xfffff000+12 leaf", "wait"));
}

// --- strict

TEST(StrictInvalidation, EachUnmapInvalidatesItsRangeAndWaits) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  Iova iova;
  host.run([&](CpuCore& c) { iova = host.driver->map_buffer(c, d, kData + 0x10, 3 * 4096, iommu::kRead); });
  EXPECT_EQ(iova, Iova(kGiB4 - 4 * 4096 + 0x10));
  // Clearing four entries: four reads, the last write 50; then a synchronous invalidation, 902.
  EXPECT_EQ(host.run([&](CpuCore& c) { host.driver->unmap_buffer(c, d, iova, 3 * 4096); }),
            Time::ps(4 * 80000 + 50000 + 902000));
  EXPECT_THAT(host.machine.executed, ElementsAre("pages d2 0xffffc000+14 leaf", "wait"));
  EXPECT_EQ(host.machine.memory.read64(tables(d).entry(iova)), 0u);
  EXPECT_EQ(d.iovas.allocations(), 0u);
  EXPECT_EQ(tables(d).releases, 1);
}

TEST(StrictInvalidation, RangeIsCoveredByTheSmallestAlignedPowerOfTwo) {
  InvalidationConfig config;
  const auto cover = [&](std::uint64_t first, std::uint64_t pages) {
    return invalidation_of(DomainId(3), {Iova(first), pages * 4096}, false, config);
  };
  EXPECT_EQ(cover(0x5000, 1).size_log2, 12);
  EXPECT_EQ(cover(0x4000, 3).size_log2, 14);
  EXPECT_EQ(cover(0x4000, 3).address, Iova(0x4000));
  EXPECT_EQ(cover(0x7000, 2).size_log2, 16);  // 7 and 8: pages 0 to 15
  EXPECT_EQ(cover(0x7000, 2).address, Iova(0));
  EXPECT_EQ(cover(0, 1 << 18).kind, Invalidation::Kind::iotlb_pages);
  EXPECT_EQ(cover(0, (1 << 18) + 1).kind, Invalidation::Kind::iotlb_domain);
}

TEST(StrictInvalidation, FreedTablesAreInvalidatedTooAndReleasedAfterwards) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  tables(d).frees = true;
  host.run([&](CpuCore& c) {
    const Iova iova = host.driver->map(c, d, {{kData, 4096}}, iommu::kRead);
    host.driver->unmap(c, d, iova, 4096);
    EXPECT_EQ(tables(d).releases, 1);
  });
  EXPECT_THAT(host.machine.executed, ElementsAre("pages d2 0xfffff000+12", "wait"));
}

TEST(StrictInvalidation, AddressIsUsedAgainOnlyAfterTheInvalidation) {
  Host host(2);
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  const Iova first = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  Iova during, after;
  host.core[0]->submit([&](CpuCore& c) { host.driver->unmap(c, d, first, 4096); });  // returns at 80 + 50 + 902 = 1032
  host.core[1]->submit([&](CpuCore& c) {
    c.spend(Time::ns(700));
    during = host.driver->map(c, d, {{kData, 4096}}, iommu::kRead);
    c.spend(Time::ns(1000));
    after = host.driver->map(c, d, {{kData, 4096}}, iommu::kRead);
  });
  host.go_on(Time::us(5));
  EXPECT_EQ(during, first - 4096);
  EXPECT_EQ(after, first);
}

TEST(StrictInvalidation, ObserverSeesBothWindowsOfAnUnmap) {
  struct Log : MappingObserver {
    void mapped(const DmaDomain&, IovaRange) override { text.push_back("mapped"); }
    void unmap_begins(const DmaDomain&, IovaRange) override { text.push_back("begins"); }
    void unmap_ends(const DmaDomain&, IovaRange) override {
      text.push_back("ends " + std::to_string(machine->executed.size()));
    }
    FakeMachine* machine = nullptr;
    std::vector<std::string> text;
  } log;
  Host host;
  log.machine = &host.machine;
  host.add_driver();
  host.boot();
  host.driver->observe(&log);
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  host.run([&](CpuCore& c) { host.driver->unmap(c, d, host.driver->map(c, d, {{kData, 4096}}, iommu::kRead), 4096); });
  EXPECT_THAT(log.text, ElementsAre("mapped", "begins", "ends 2"));
}

// --- lazy

TEST(LazyInvalidation, UnmapOnlyClearsTheTablesAndTheTimerFlushesTheDomainOnce) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  const Iova first = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  const Iova second = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  EXPECT_EQ(host.run([&](CpuCore& c) { host.driver->unmap(c, d, first, 4096); }), Time::ps(130000));
  host.run([&](CpuCore& c) {
    host.driver->unmap(c, d, second, 4096);
    EXPECT_EQ(host.driver->map(c, d, {{kData, 4096}}, iommu::kRead), second - 4096);  // neither is free yet
  });
  EXPECT_EQ(d.iovas.allocations(), 3u);
  // The timer was started at 130 ns. Its flush: entries 50, tail 200, one command of 300 is done 550 later.
  host.go_on(Time::ms(10) + Time::ps(130000 + 550000) - host.now());
  EXPECT_THAT(host.machine.executed, IsEmpty());
  host.go_on(Time::ps(1));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2"));
  host.go_on(Time::us(1));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2", "wait"));
  EXPECT_EQ(d.iovas.allocations(), 1u);
  host.run([&](CpuCore& c) { EXPECT_EQ(host.driver->map(c, d, {{kData, 4096}}, iommu::kRead), first); });
  host.go_on(Time::ms(30));
  EXPECT_EQ(host.machine.executed.size(), 2u);  // the timer is off until something is queued
}

TEST(LazyInvalidation, FullQueueFlushesBeforeItTakesTheNextRange) {
  IommuDriverConfig config;
  config.invalidation.flush_queue_entries = 256;
  Host host;
  host.add_driver(config);
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  std::vector<Iova> iovas;
  for (int i = 0; i < 256; ++i) iovas.push_back(host.driver->map(d, {{kData, 4096}}, iommu::kRead));
  host.run([&](CpuCore& c) {
    for (int i = 0; i < 255; ++i) host.driver->unmap(c, d, iovas[i], 4096);
    EXPECT_THAT(host.machine.executed, IsEmpty());
    EXPECT_EQ(d.iovas.allocations(), 256u);
    host.driver->unmap(c, d, iovas[255], 4096);
    EXPECT_EQ(d.iovas.allocations(), 1u);  // the last one waits for the next flush
  });
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2", "wait"));
  host.go_on(Time::ms(11));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2", "wait", "domain d2", "wait"));
  EXPECT_EQ(d.iovas.allocations(), 0u);
}

TEST(LazyInvalidation, EachCpuHasItsQueueAndOneTimerFlushesAll) {
  IommuDriverConfig config;
  config.invalidation.flush_queue_entries = 3;
  Host host(2);
  host.add_driver(config);
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  std::vector<Iova> iovas;
  for (int i = 0; i < 4; ++i) iovas.push_back(host.driver->map(d, {{kData, 4096}}, iommu::kRead));
  for (int i = 0; i < 4; ++i) host.run([&](CpuCore& c) { host.driver->unmap(c, d, iovas[i], 4096); }, i % 2);
  EXPECT_THAT(host.machine.executed, IsEmpty());
  host.go_on(Time::ms(11));
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2", "wait"));
  EXPECT_EQ(d.iovas.allocations(), 0u);
}

TEST(LazyInvalidation, RangeQueuedDuringAFlushWaitsForTheNextOne) {
  Host host(2);
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  const Iova first = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  const Iova second = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  host.core[0]->submit([&](CpuCore& c) {
    host.driver->unmap(c, d, first, 4096);
    host.driver->flush(c);  // from 130 to 1032
  });
  host.core[1]->submit([&](CpuCore& c) {
    c.spend(Time::ns(300));
    host.driver->unmap(c, d, second, 4096);
  });
  host.go_on(Time::us(5));
  EXPECT_EQ(d.iovas.allocations(), 1u);
  EXPECT_FALSE(d.iovas.release(first));
  host.go_on(Time::ms(11));
  EXPECT_EQ(d.iovas.allocations(), 0u);
}

TEST(LazyInvalidation, TablesFreedDuringAFlushAreKeptUntilTheNext) {
  Host host(2);
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  tables(d).frees = true;
  const Iova first = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  const Iova second = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  host.core[0]->submit([&](CpuCore& c) { host.driver->unmap(c, d, first, 4096), host.driver->flush(c); });
  host.core[1]->submit([&](CpuCore& c) { c.spend(Time::ns(300)), host.driver->unmap(c, d, second, 4096); });
  host.go_on(Time::us(5));
  EXPECT_EQ(tables(d).releases, 0);
  host.go_on(Time::ms(11));
  EXPECT_EQ(tables(d).releases, 1);
}

// --- attachment

TEST(Attachment, MovingASourceClearsItsContextThenInvalidatesContextAndDomain) {
  Host host;
  FakeHardware& hardware = host.add_driver();
  host.boot();
  DmaDomain& dma = host.driver->create_domain(DomainType::dma);
  DmaDomain& other = host.driver->create_domain(DomainType::unmanaged);
  host.driver->attach(kNic, dma);
  EXPECT_EQ(host.driver->domain_of(kNic), &dma);
  host.run([&](CpuCore& c) { host.driver->attach(c, kNic, other); });
  EXPECT_THAT(host.machine.executed, ElementsAre("context d2 s24", "wait", "domain d2", "wait"));
  EXPECT_EQ(host.machine.memory.read64(hardware.context(kNic)), 3u << 8 | 1u);
  EXPECT_EQ(host.driver->domain_of(kNic), &other);
  EXPECT_THAT(dma.sources, IsEmpty());
}

TEST(Attachment, BlockedSourceHasNoContext) {
  Host host;
  FakeHardware& hardware = host.add_driver();
  host.boot();
  DmaDomain& blocked = host.driver->create_domain(DomainType::blocked);
  host.driver->attach(kNic, host.driver->create_domain(DomainType::identity));
  host.run([&](CpuCore& c) {
    host.driver->attach(c, kNic, blocked);
    EXPECT_THROW(host.driver->map(c, blocked, {{kData, 4096}}, iommu::kRead), std::logic_error);
  });
  EXPECT_EQ(host.machine.memory.read64(hardware.context(kNic)), 0u);
  EXPECT_THAT(host.machine.executed, ElementsAre("context d1 s24", "wait", "domain d1", "wait"));
}

TEST(Attachment, StrictBecomesLazyOnTheLiveDomain) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  host.driver->attach(kNic, d);
  const Iova iova = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  host.run([&](CpuCore& c) {
    EXPECT_EQ(&host.driver->switch_type(c, {kNic}, DomainType::dma_fq), &d);
    host.driver->unmap(c, d, iova, 4096);
  });
  EXPECT_THAT(host.machine.executed, IsEmpty());
  EXPECT_EQ(d.type, DomainType::dma_fq);
}

TEST(Attachment, LazyDomainIsFlushedBeforeItsSourcesLeaveForAnotherType) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma_fq);
  host.driver->attach(kNic, d);
  const Iova iova = host.driver->map(d, {{kData, 4096}}, iommu::kRead);
  host.run([&](CpuCore& c) {
    host.driver->unmap(c, d, iova, 4096);
    DmaDomain& next = host.driver->switch_type(c, {kNic}, DomainType::identity);
    EXPECT_EQ(next.id, DomainId(1));
    EXPECT_EQ(d.iovas.allocations(), 0u);
  });
  EXPECT_THAT(host.machine.executed, ElementsAre("domain d2", "wait", "context d2 s24", "wait", "domain d2", "wait"));
}

TEST(Attachment, GroupOfSourcesInDifferentDomainsIsRefused) {
  Host host;
  host.add_driver();
  host.boot();
  host.driver->attach(SourceId(1), host.driver->create_domain(DomainType::dma));
  host.driver->attach(SourceId(2), host.driver->create_domain(DomainType::dma));
  host.run([&](CpuCore& c) {
    EXPECT_THROW(host.driver->switch_type(c, {SourceId(1), SourceId(2)}, DomainType::identity), std::logic_error);
    EXPECT_THROW(host.driver->switch_type(c, {SourceId(7)}, DomainType::identity), std::logic_error);
  });
}

// --- replay and interrupts

TEST(IommuDriver, ReplayUnmapsTablesWithoutInvalidating) {
  Host host;
  host.add_driver();
  host.boot();
  DmaDomain& d = host.driver->create_domain(DomainType::dma);
  host.driver->map_at(d, Iova(0x8000), {{kData, 8192}}, iommu::kRead);
  host.run([&](CpuCore& c) { EXPECT_EQ(host.driver->unmap_tables(c, d, Iova(0x7000), 0x4000), 8192u); });
  EXPECT_THAT(host.machine.executed, IsEmpty());
}

TEST(IommuDriver, RemappedInterruptGetsAnEntryThatPointsToItsVector) {
  Host host(2);
  host.add_driver();
  host.boot();
  iommu::InterruptMessage instant = host.driver->route_interrupt(kNic, *host.core[1]);
  EXPECT_EQ(instant.address, 0xfee00010u);
  iommu::InterruptMessage timed;
  host.run([&](CpuCore& c) { timed = host.driver->route_interrupt(c, kNic, *host.core[1]); });
  EXPECT_EQ(timed.address, 0xfee00030u);
  EXPECT_THAT(host.machine.executed, ElementsAre("interrupt 1", "wait"));
}

TEST(IommuDriver, WithoutRemappingTheDeviceGetsTheVectorItself) {
  IommuDriverConfig config;
  config.interrupt_remapping = false;
  Host host(2);
  host.add_driver(config);
  host.boot();
  const iommu::InterruptMessage m = host.driver->route_interrupt(kNic, *host.core[1]);
  EXPECT_EQ(m.address, 0xfee01000u);
  host.send_message(m.address, m.data);
  host.go_on(Time::us(1));
  EXPECT_EQ(host.interrupts.delivered(m), 1u);
}

TEST(IommuDriver, MemoryThatRunsOutIsTheUsersErrorAndStopsTheRun) {
  Host host;
  host.add_driver();
  host.boot();
  while (host.frames.available().value() > 0) host.frames.allocate();
  host.core[0]->submit([&](CpuCore& c) { host.driver->create_domain(c, DomainType::dma); });
  EXPECT_EQ(host.simulation.scheduler.run_until(Time::ms(1)), tlm::Scheduler::RunResult::stopped);
  EXPECT_THROW(host.core[0]->rethrow_failure(), base::UserError);
}

TEST(IommuDriver, UnknownPolicyIsExplained) {
  IommuDriverConfig config;
  config.dma_policy = "strickt";
  Host host;
  host.add_driver(config);
  host.boot();
  try {
    host.driver->create_domain(DomainType::dma);
    FAIL();
  } catch (const base::UserError& e) {
    EXPECT_STREQ(e.what(), "unknown invalidation policy 'strickt'. Did you mean 'strict'? Known: lazy, strict");
  }
}

}  // namespace
}  // namespace iommusim::host::test
