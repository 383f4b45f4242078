// Real Linux drivers, replayed: every recorded event through the simulated machine, one at a time, with the recorder's
// own IOTLB (1,024 entries, emptied when full). What happens there must be what the recorder logged: every hit and
// every fill, each full drop on its line, and every count of ../shared/traces/oracle.csv, for all captures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "experiments/import/counts.h"
#include "experiments/import/import.h"
#include "experiments/runner/experiment.h"
#include "models/base/bdf.h"
#include "platforms/platform.h"

namespace iommusim::test {
namespace {

namespace fs = std::filesystem;

const fs::path kTraces = fs::path(IOMMUSIM_SOURCE_DIR) / ".." / "shared" / "traces";
const char* const kCaptures[] = {"e1000e-lazy",        "e1000e-strict", "groups-bridge",     "mixed-lazy",
                                 "multi-nvme-lazy",    "nvme-lazy",     "nvme-nodbbuf-k612", "nvme-passthrough",
                                 "nvme-selfcontained", "nvme-strict",   "switch-nvme",       "switch-nvme-k612",
                                 "switch-nvme-strict", "vfio-map",      "viommu-nvme",       "virtio-net-ats"};

/// A folder of this test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "iommusim-replay-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// Everything a replay did, counted as the oracle counts, from what the player reports after each record.
struct Replay : ep::TracePlayer::Observer {
  importer::TraceCounts counts;
  std::uint64_t faults = 0, full_drops = 0, differing = 0, resets_off = 0;
  std::uint64_t maps = 0, unmaps = 0, interrupts = 0;
  importer::UnitCounts executed;  ///< whole log, from the remapping unit's own counters
  bool finished = false;

  void replayed(const ep::TraceRecord& record) override { counts.add(record); }
};

std::uint64_t value(const nlohmann::ordered_json& metrics, std::initializer_list<const char*> path) {
  const nlohmann::ordered_json* node = &metrics;
  for (const char* key : path) node = &node->at(key);
  return node->at("value").get<std::uint64_t>();
}

/// `settings`: lines of the `replay` section. `unit`: of platform.iommu.unit.
void replay(const Folder& folder, const std::string& capture, const std::string& settings, const std::string& unit,
            Replay& result) {
  const std::string trace = (folder / "trace.gz").string();
  importer::import_capture((kTraces / capture).string(), trace);

  std::set<base::Bdf> requesters;
  ep::TraceReader reader;
  reader.open(trace);
  const unsigned mask_bits = reader.header().page_mask_bits;
  const bool vtd = reader.header().iommu == ep::TraceIommu::vtd;
  ep::TraceRecord record;
  while (reader.next(record)) {
    if (record.kind == ep::TraceKind::access || record.kind == ep::TraceKind::doorbell)
      requesters.insert(record.requester);
  }

  std::ofstream yaml(folder / "replay.yaml");
  yaml << "schema: 1\nname: replay\nreplay:\n  file: trace.gz\n"
       << settings
       << "platform:\n  iommu:\n    architecture: {type: vtd, device_tlb: true, quirks: {page_mask_bits: " << mask_bits
       << "}}\n"
       << "    unit:\n"
       << unit << "  endpoints:\n";
  for (base::Bdf r : requesters) yaml << "    - {name: d" << r.value() << ", bdf: \"" << base::to_text(r) << "\"}\n";
  yaml.close();
  const runner::ExperimentConfig config = runner::load_experiment((folder / "replay.yaml").string(), {});

  tlm::Simulation simulation;
  platforms::Platform platform(simulation, config.platform, config.workloads, config.replay);
  simulation.scheduler.run_until(base::Time());
  platform.boot();
  platform.player()->observe(&result);
  result.counts.capture = capture;
  result.counts.resets_recorded = platform.player()->header().resets_recorded;
  while (!platform.player()->finished() && simulation.scheduler.now() < base::Time::ms(100000)) {
    simulation.scheduler.run_until(simulation.scheduler.now() + base::Time::ms(1));
    platform.rethrow_failure();
    platform.player()->rethrow_failure();
  }
  result.finished = platform.player()->finished();

  const auto metrics = simulation.stats.to_json(simulation.scheduler.now());
  result.faults = value(metrics, {"replay", "refused"});
  result.differing = value(metrics, {"replay", "outcome_differs"});
  result.resets_off = value(metrics, {"replay", "reset_differs"});
  result.maps = value(metrics, {"replay", "maps"});
  result.unmaps = value(metrics, {"replay", "unmaps"});
  result.interrupts = value(metrics, {"iommu", "interrupts"});
  result.full_drops = vtd ? value(metrics, {"iommu", "iotlb", "full_drops"}) : 0;
  importer::UnitCounts& u = result.executed;
  u.page_selective = value(metrics, {"iommu", "commands", "iotlb_page"});
  u.domain_selective = value(metrics, {"iommu", "commands", "iotlb_domain"});
  u.global = value(metrics, {"iommu", "commands", "iotlb_global"});
  u.device_tlb = value(metrics, {"iommu", "commands", "device_tlb"});
  u.context_cache = value(metrics, {"iommu", "commands", "context_cache"});
  u.interrupt_entry = value(metrics, {"iommu", "commands", "interrupt_entry"});
  u.waits = value(metrics, {"iommu", "commands", "wait"});
}

std::string oracle_row(const std::string& capture) {
  std::ifstream file(kTraces / "oracle.csv");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.compare(0, capture.size() + 1, capture + ",") == 0) return line;
  }
  return "";
}

constexpr const char* kQemuIotlb = "      iotlb: {entries: 1024, ways: 0, when_full: clear}\n";

class RecordedCapture : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!fs::exists(kTraces)) GTEST_SKIP() << "SKIPPED: no recorded captures at " << kTraces;
  }
};

TEST_P(RecordedCapture, SerialReplayHitsFillsAndCountsAsRecorded) {
  Folder folder;
  Replay r;
  replay(folder, GetParam(), "  pace: serial\n", kQemuIotlb, r);
  ASSERT_TRUE(r.finished);
  EXPECT_EQ(r.faults, 0u);
  EXPECT_EQ(r.differing, 0u) << "hits or fills that are not the recorded ones";
  EXPECT_EQ(r.resets_off, 0u) << "full drops that do not fall on the logged line";
  EXPECT_EQ(importer::counts_csv_row(r.counts), oracle_row(GetParam()));
  // The same again by the machine's own counters, which know nothing of the records.
  const importer::UnitCounts& whole = r.counts.whole;
  EXPECT_EQ(r.executed.page_selective, whole.page_selective);
  EXPECT_EQ(r.executed.domain_selective, whole.domain_selective);
  EXPECT_EQ(r.executed.global, whole.global);
  EXPECT_EQ(r.executed.device_tlb, whole.device_tlb);
  EXPECT_EQ(r.executed.context_cache, whole.context_cache);
  EXPECT_EQ(r.executed.interrupt_entry, whole.interrupt_entry);
  EXPECT_EQ(r.executed.waits, whole.waits);
  EXPECT_EQ(r.maps, r.counts.maps);
  EXPECT_EQ(r.unmaps, r.counts.unmaps);
  EXPECT_EQ(r.interrupts, whole.remapped_interrupts + r.counts.viommu_msi_writes);
  EXPECT_EQ(r.full_drops, r.counts.iotlb_resets);
}

TEST_P(RecordedCapture, FastReplayFaultsNowhereAndLosesNothing) {
  Folder folder;
  Replay r;
  replay(folder, GetParam(), "  pace: fastest\n", "      iotlb: {entries: 128}\n", r);
  ASSERT_TRUE(r.finished);
  EXPECT_EQ(r.faults, 0u);
  EXPECT_EQ(r.maps, r.counts.maps);
  EXPECT_EQ(r.executed.waits, r.counts.whole.waits);
}

INSTANTIATE_TEST_SUITE_P(All, RecordedCapture, ::testing::ValuesIn(kCaptures), [](const auto& capture) {
  std::string name = capture.param;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
});

struct Way {
  const char* name;
  const char* settings;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class SelfContained : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (!fs::exists(kTraces)) GTEST_SKIP() << "SKIPPED: no recorded captures at " << kTraces;
  }
};

// Tracing was on before the driver loaded: every mapping the device uses is in the capture.
TEST_P(SelfContained, ReplaysWithoutASingleFault) {
  Folder folder;
  Replay r;
  replay(folder, "nvme-selfcontained", GetParam().settings, "      iotlb: {entries: 64}\n", r);
  ASSERT_TRUE(r.finished);
  EXPECT_EQ(r.faults, 0u);
  EXPECT_EQ(r.counts.seeded_maps, 0u);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, SelfContained,
                         ::testing::Values(Way{"recorded_times", "  pace: recorded\n  time_scale: 0.01\n"},
                                           Way{"identity", "  domain: identity\n"}, Way{"strict", "  domain: DMA\n"},
                                           Way{"lazy", "  domain: DMA-FQ\n"},
                                           Way{"strict_serial", "  pace: serial\n  domain: DMA\n"}),
                         [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace iommusim::test
