// A hand-made capture of one NVMe read, one transmitted packet and one NVMe write: needs no recorded captures.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "experiments/import/counts.h"
#include "experiments/import/import.h"
#include "experiments/import/iotlb_replay.h"
#include "models/base/bdf.h"
#include "tests/unit/import/files.h"
#include "tests/unit/import/walk.h"

namespace iommusim::importer {
namespace {

const base::Bdf nvme = base::make_bdf(0, 3, 0), nic = base::make_bdf(0, 4, 0);

class SmallTrace : public ::testing::Test {
 protected:
  void SetUp() override {
    report_ = import_capture(capture_.write(scratch_), trace_);
    ep::TraceReader reader;
    reader.open(trace_);
    header_ = reader.header();
    for (ep::TraceRecord r; reader.next(r);) records_.push_back(r);
  }
  /// The accesses with some property, in order.
  template <class Test>
  std::vector<ep::TraceRecord> select(Test test) const {
    std::vector<ep::TraceRecord> found;
    for (const auto& r : records_)
      if (test(r)) found.push_back(r);
    return found;
  }
  /// Position of the n-th record (from 0) of a kind at an address.
  std::size_t position(ep::TraceKind kind, base::Bdf requester, std::uint64_t iova, unsigned n = 0) const {
    for (std::size_t i = 0; i < records_.size(); ++i)
      if (records_[i].kind == kind && records_[i].requester == requester && records_[i].iova.value() == iova &&
          n-- == 0)
        return i;
    ADD_FAILURE() << "no such record";
    return 0;
  }

  test::SmallCapture capture_;
  test::Scratch scratch_;
  std::string trace_ = scratch_ / "trace";
  ImportReport report_;
  ep::TraceHeader header_;
  std::vector<ep::TraceRecord> records_;
};

TEST_F(SmallTrace, CountsAreThoseOfTheTwoLogs) {
  EXPECT_EQ(counts_csv_row(count_trace(trace_)),
            "small,2,00:03.0 00:04.0,2,4 5,5,5,2,4,2,0,0,0,0,2,0,0,11,4,7,3,3,4,0,1,0,1,1,5,0,0,17,6,11,3,4,0,0,0");
  EXPECT_EQ(count_trace(trace_).faults, 1u);
}

TEST_F(SmallTrace, TheHeaderTellsDevicesDomainsAndTheMaskWidth) {
  EXPECT_EQ(header_.name, "small");
  EXPECT_EQ(header_.kernel, "6.1.0-small");
  EXPECT_EQ(header_.iommu, ep::TraceIommu::vtd);
  EXPECT_EQ(header_.page_mask_bits, 8u);
  ASSERT_EQ(header_.devices.size(), 2u);
  EXPECT_EQ(header_.devices[0].class_code, 0x0108);
  EXPECT_EQ(header_.devices[1].domain, base::DomainId(5));
  EXPECT_EQ(header_.devices[1].type, ep::DomainType::dma);
}

TEST_F(SmallTrace, EveryAccessFindsItsMapping) {
  const test::Walk walk(trace_);
  EXPECT_EQ(walk.translated, 17u);
  EXPECT_EQ(walk.outside + walk.forbidden + walk.doubled + walk.reused_before_flush + walk.seeded_over_traced, 0u);
  EXPECT_EQ(report_.contradictions, 0u);
  EXPECT_EQ(replay_iotlb(trace_).exceptions, 0u);
}

TEST_F(SmallTrace, OlderMappingsAreSeededFromTheirFirstAccessAndAgainWhenTheirPageChanges) {
  // Admin queues, I/O queues and a buffer, the buffer twice.
  EXPECT_EQ(report_.seeded, 6u);
  EXPECT_EQ(report_.reseeded, 1u);
  const auto at = position(ep::TraceKind::access, nvme, 0xffffa000, 1);
  EXPECT_EQ(records_[at - 1].kind, ep::TraceKind::map);
  EXPECT_EQ(records_[at - 1].paddr, base::Hpa(0x4101000));
  EXPECT_EQ(records_[at - 1].flags, ep::trace_flag::seeded);
  EXPECT_EQ(records_[at - 2].kind, ep::TraceKind::unmap);
}

TEST_F(SmallTrace, PiecesOfOneCallAreOneMappingAndItsAccessesCarryItsNumber) {
  const auto& first = records_[position(ep::TraceKind::map, nvme, 0xfffbe000)];
  const auto& second = records_[position(ep::TraceKind::map, nvme, 0xfffbf000)];
  EXPECT_EQ(first.mapping, second.mapping);
  EXPECT_EQ(records_[position(ep::TraceKind::access, nvme, 0xfffbf000)].mapping, first.mapping);
  EXPECT_EQ(records_[position(ep::TraceKind::unmap, nvme, 0xfffbe000)].mapping, first.mapping);
  EXPECT_EQ(first.permissions, 3);
}

TEST_F(SmallTrace, ARepeatedAddressInsideOneSegmentIsAProbeWithoutBytes) {
  const auto data = select(
      [](const auto& r) { return r.kind == ep::TraceKind::access && r.access == ep::AccessClass::data && r.io == 4; });
  ASSERT_EQ(data.size(), 3u);
  EXPECT_EQ(data[0].size, 4096u);
  EXPECT_EQ(data[1].size, 4096u);
  EXPECT_EQ(data[2].size, 0u);
  EXPECT_EQ(data[2].flags, ep::trace_flag::probe);
  for (const auto& r : data) EXPECT_TRUE(r.write) << "a disk read writes memory";
}

TEST_F(SmallTrace, EntriesDataAndInterruptOfACommandCarryItsNumber) {
  std::string story;
  for (const auto& r : records_)
    if (r.io == 5) story += r.kind == ep::TraceKind::msi ? 'S' : static_cast<char>(r.access);
  EXPECT_EQ(story, "sdcS");
}

TEST_F(SmallTrace, FirmwareCommandsBeforeTheUnitIsOnAreDerivedWithPhysicalAddresses) {
  const auto derived =
      select([](const auto& r) { return r.kind == ep::TraceKind::access && (r.flags & ep::trace_flag::derived); });
  ASSERT_EQ(derived.size(), 3u);
  EXPECT_EQ(derived[0].outcome, ep::Outcome::untranslated);
  EXPECT_EQ(derived[0].iova, base::Iova(0x3000000));
  EXPECT_EQ(derived[1].paddr, base::Hpa(0x3002000));
  EXPECT_EQ(derived[1].size, 4096u);
  EXPECT_EQ(derived[2].access, ep::AccessClass::cqe);
}

TEST_F(SmallTrace, TransmitLengthsComeFromTheDescriptor) {
  const auto sent = select([](const auto& r) { return r.kind == ep::TraceKind::access && r.requester == nic; });
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].access, ep::AccessClass::tx_descriptor);
  EXPECT_EQ(sent[0].size, 16u);
  EXPECT_EQ(sent[1].access, ep::AccessClass::data);
  EXPECT_EQ(sent[1].size, 0x5au);
  EXPECT_EQ(sent[1].paddr, base::Hpa(0x7000002));
  EXPECT_FALSE(sent[1].write);
  EXPECT_EQ(sent[2].access, ep::AccessClass::write_back);
  EXPECT_EQ(sent[2].size, 4u);
}

TEST_F(SmallTrace, AnUnmapWhoseProbeWasMissedGoesToTheDeviceThatHoldsTheAddress) {
  const auto& r = records_[position(ep::TraceKind::unmap, nic, 0xfffbf000)];
  EXPECT_EQ(r.domain, base::DomainId(5));
  EXPECT_EQ(report_.guessed_unmaps, 0u);
}

TEST_F(SmallTrace, AnUnmapStandsAfterTheLastAccessAndBeforeItsInvalidation) {
  const auto unmap = position(ep::TraceKind::unmap, nvme, 0xfffbe000);
  EXPECT_GT(unmap, position(ep::TraceKind::access, nvme, 0xfffbf000, 1));
  const auto invalidation = std::find_if(records_.begin(), records_.end(), [](const auto& r) {
    return r.invalidate == ep::InvalidateKind::iotlb_page && r.iova == base::Iova(0xfffbe000);
  });
  ASSERT_NE(invalidation, records_.end());
  EXPECT_EQ(invalidation->mask, 1);
  EXPECT_LT(unmap, static_cast<std::size_t>(invalidation - records_.begin()));
}

TEST_F(SmallTrace, AMappingIsPulledBeforeTheAccessThatNeedsItEvenIfItsClockIsLater) {
  EXPECT_EQ(report_.pulled, 1u);
  const auto map = position(ep::TraceKind::map, nvme, 0xfffbf000, 1);
  EXPECT_LT(map, position(ep::TraceKind::access, nvme, 0xfffbf000, 2));
  EXPECT_EQ(records_[map].origin, 4213000u) << "its own clock is kept";
  EXPECT_EQ(records_[map].permissions, 1);
}

TEST(SmallCaptureVariants, AFilledQueueLineOfAnotherNameIsIgnoredByName) {
  test::Scratch scratch;
  test::SmallCapture capture;
  test::replace_first(capture.unit, "1000.003015:pci_cfg_write", "1000.003015:brand_new_event");
  const auto report = import_capture(capture.write(scratch), scratch / "trace");
  EXPECT_GT(report.unknown_unit_lines, 0u);
  EXPECT_EQ(report.unknown_kernel_lines, 1u);
}

TEST(SmallCaptureVariants, AnOlderKernelsMapLineWithoutEndAddressIsRead) {
  test::Scratch scratch;
  test::SmallCapture capture;
  test::replace_first(capture.kernel, "iova=0x00000000fffbe000 - 0x00000000fffbf000 paddr",
                      "iova=0x00000000fffbe000 paddr");
  import_capture(capture.write(scratch), scratch / "trace");
  EXPECT_EQ(count_trace(scratch / "trace").maps, 5u);
}

TEST(SmallCaptureVariants, AnAccessAfterItsUnmapIsCountedAsAContradiction) {
  test::Scratch scratch;
  test::SmallCapture capture;
  test::replace_first(capture.unit, "iova 0xfffbf000 slpte 0x6009001", "iova 0xfffbe000 slpte 0x6000003");
  const auto report = import_capture(capture.write(scratch), scratch / "trace");
  EXPECT_EQ(report.contradictions, 1u);
}

}  // namespace
}  // namespace iommusim::importer
