// The 16 recorded captures: counts, order, hits and fills of each.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "experiments/import/counts.h"
#include "experiments/import/import.h"
#include "experiments/import/iotlb_replay.h"
#include "models/endpoints/trace/gz_lines.h"
#include "tests/unit/import/files.h"
#include "tests/unit/import/walk.h"

namespace iommusim::importer {
namespace {

const std::string captures = std::string(IOMMUSIM_SOURCE_DIR) + "/../shared/traces";

/// The row of `capture` in oracle.csv; the header line for "capture".
std::string oracle_row(const std::string& capture) {
  std::ifstream in(captures + "/oracle.csv");
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.rfind(capture + ",", 0) == 0) return line;
  }
  return "";
}

/// Bytes of all data segments the recorder logged for NVMe commands.
std::uint64_t logged_segment_bytes(const std::string& capture) {
  ep::GzLines log(captures + "/" + capture + "/qemu-trace.log.gz");
  std::uint64_t bytes = 0;
  for (std::string_view line; log.next(line);)
    if (line.find(":pci_nvme_map_addr ") != std::string_view::npos)
      bytes += std::stoull(std::string(line.substr(line.rfind(' '))));
  return bytes;
}

class RecordedCapture : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(captures + "/oracle.csv"))
      GTEST_SKIP() << "NOT TESTED: the recorded captures are not at " << captures;
    scratch_ = std::make_unique<test::Scratch>();
    trace_ = *scratch_ / "trace";
    report_ = import_capture(captures + "/" + GetParam(), trace_);
  }
  std::unique_ptr<test::Scratch> scratch_;
  std::string trace_;
  ImportReport report_;
};

TEST_P(RecordedCapture, CountsEqualTheOracleInEveryColumn) {
  EXPECT_EQ(counts_csv_header(), oracle_row("capture"));
  EXPECT_EQ(counts_csv_row(count_trace(trace_)), oracle_row(GetParam()));
}

TEST_P(RecordedCapture, EveryAccessFallsIntoALiveMappingOfItsPhysicalPage) {
  const test::Walk walk(trace_);
  EXPECT_EQ(walk.outside, 0u);
  EXPECT_EQ(walk.forbidden, 0u);
  EXPECT_EQ(walk.doubled, 0u);
  EXPECT_EQ(walk.crossing_time, 0u);
  EXPECT_EQ(walk.reused_before_flush, 0u);
  EXPECT_EQ(walk.seeded_over_traced, 0u);
  EXPECT_EQ(report_.contradictions, 0u);
  EXPECT_EQ(report_.permission_mismatches, 0u);
  EXPECT_EQ(report_.unattributed_maps, 0u);
  EXPECT_EQ(report_.unattributed_unmaps, 0u);
  EXPECT_LE(report_.guessed_unmaps, 1u);
}

TEST_P(RecordedCapture, ASimpleIotlbExplainsEveryHitAndFillAndItsFullDropsFallOnTheLoggedLines) {
  const auto replay = replay_iotlb(trace_);
  EXPECT_EQ(replay.exceptions, 0u);
  EXPECT_EQ(replay.misplaced_resets, 0u);
  EXPECT_EQ(replay.accesses, count_trace(trace_).whole.hits + count_trace(trace_).whole.fills);
  ASSERT_EQ(replay.resets.size(), replay.logged.size());
  for (std::size_t i = 0; i < replay.resets.size(); ++i)
    EXPECT_EQ(replay.resets[i] + 1, replay.logged[i]) << "unit log line";
}

TEST_P(RecordedCapture, NvmeDataMovesExactlyTheBytesOfTheLoggedSegments) {
  ep::TraceReader reader;
  reader.open(trace_);
  test::Walk walk(trace_);
  std::uint64_t moved = 0;
  for (const auto& device : reader.header().devices)
    if (device.class_code == 0x0108) moved += walk.data_bytes[device.requester];
  EXPECT_EQ(moved, logged_segment_bytes(GetParam()));
  EXPECT_EQ(walk.classes['?'], 0u) << "accesses of unknown purpose";
}

INSTANTIATE_TEST_SUITE_P(All, RecordedCapture,
                         ::testing::Values("e1000e-lazy", "e1000e-strict", "groups-bridge", "mixed-lazy",
                                           "multi-nvme-lazy", "nvme-lazy", "nvme-nodbbuf-k612", "nvme-passthrough",
                                           "nvme-selfcontained", "nvme-strict", "switch-nvme", "switch-nvme-k612",
                                           "switch-nvme-strict", "vfio-map", "viommu-nvme", "virtio-net-ats"),
                         [](const auto& capture) {
                           std::string name = capture.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

class OneCapture : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(captures)) GTEST_SKIP() << "NOT TESTED: the recorded captures are not at " << captures;
  }
  ImportReport import(const std::string& name) { return import_capture(captures + "/" + name, scratch_ / "trace"); }
  test::Scratch scratch_;
};

TEST_F(OneCapture, TheSelfContainedCaptureNeedsNoSeededMapping) {
  const auto report = import("nvme-selfcontained");
  EXPECT_EQ(report.seeded, 0u);
  EXPECT_EQ(report.probes, 2213u);  // README of the captures, section 6.15
  EXPECT_EQ(report.assumed_accesses, 0u);
}

TEST_F(OneCapture, FunctionsBehindAPciBridgeShareItsRequesterId) {
  import("groups-bridge");
  ep::TraceReader reader;
  reader.open(scratch_ / "trace");
  unsigned behind = 0;
  for (const auto& device : reader.header().devices) {
    if (device.bdf != base::make_bdf(1, 1, 0) && device.bdf != base::make_bdf(1, 2, 0)) continue;
    ++behind;
    EXPECT_EQ(device.requester, base::make_bdf(1, 0, 0));
    EXPECT_EQ(device.domain, base::DomainId(5));
  }
  EXPECT_EQ(behind, 2u);
}

TEST_F(OneCapture, ASwitchedDeviceGoesToIdentityAndBackWhereTheSwitchLogSaysSo) {
  import("switch-nvme");
  ep::TraceReader reader;
  reader.open(scratch_ / "trace");
  std::string story;
  ep::TraceRecord r;
  while (reader.next(r)) {
    if (r.kind == ep::TraceKind::mark && r.side == ep::TraceSide::kernel) story += std::to_string(r.number) + " ";
    if (r.kind == ep::TraceKind::attach) story += std::string(ep::domain_type_name(r.type)) + " ";
  }
  EXPECT_EQ(story, "1 2 3 4 5 identity 6 7 8 9 DMA 10 11 12 DMA-FQ 13 14 ");
}

TEST_F(OneCapture, APassedThroughDeviceKeepsItsDmaAsDerivedAccesses) {
  import("nvme-passthrough");
  const auto counts = count_trace(scratch_ / "trace");
  EXPECT_EQ(counts.whole.accesses, 0u);
  // 1,386 commands fetched, 1,385 completed (one asynchronous event request stays open).
  const test::Walk walk(scratch_ / "trace");
  EXPECT_EQ(walk.classes.at('s'), 1386u);
  EXPECT_EQ(walk.classes.at('c'), 1385u);
}

TEST_F(OneCapture, VfioMappingsBelongToTheAttachedDevice) {
  import("vfio-map");
  ep::TraceReader reader;
  reader.open(scratch_ / "trace");
  ep::TraceRecord r;
  unsigned maps = 0;
  while (reader.next(r)) {
    if (r.kind != ep::TraceKind::map) continue;
    ++maps;
    ASSERT_EQ(r.requester, base::make_bdf(0, 3, 0));
    ASSERT_EQ(r.domain, base::DomainId(4));
  }
  EXPECT_EQ(maps, 568u);
}

TEST_F(OneCapture, ImportingTwiceGivesTheSameBytes) {
  import("switch-nvme-k612");
  const auto first = test::read_text(scratch_ / "trace");
  import("switch-nvme-k612");
  EXPECT_EQ(test::read_text(scratch_ / "trace"), first);
}

}  // namespace
}  // namespace iommusim::importer
