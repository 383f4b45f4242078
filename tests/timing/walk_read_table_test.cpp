// Memory reads of a walk in every mode, with nothing cached: what the specification's tables need, what the untimed
// unit reads and what the timed unit sends to memory must be one number, and models/iommu/WALK_READS.md must say it.
// Write the table anew with IOMMUSIM_UPDATE_DOCS=1 in the environment.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "models/iommu/api/untimed.h"
#include "tests/support/unit_bench.h"
#include "tests/timing/walk_read_modes.h"

namespace iommusim::test {
namespace {

using base::Hpa;
using base::Iova;
using base::Time;
using iommu::Structure;

constexpr base::SourceId kDevice{0x0018};
constexpr std::uint64_t kIova = std::uint64_t{5} << 30;  // of 1 GiB, so that any page size fits

struct Counted {
  unsigned untimed = 0, timed = 0;  ///< page-table entries
  unsigned structures = 0;          ///< entries of device tables
  bool ok = false;
};

// One cold access in a mode. Guest-physical addresses are host-physical ones.
Counted count(const WalkMode& mode) {
  auto config = without_walk_caches();
  UnitBench b(*mode.architecture, config);
  const std::uint64_t one = std::uint64_t{1} << mode.first_page, two = std::uint64_t{1} << mode.second_page;
  const Hpa target(std::uint64_t{9} << 30);
  const base::DomainId domain(7);
  std::unique_ptr<iommu::PageTables> first, second;
  Tables guest(b.memory, std::uint64_t{3} << 30);  // a guest's own memory
  const auto levels = [](unsigned n, iommu::TableStage stage) {
    return iommu::DomainGeometry{static_cast<std::uint8_t>(n), stage};
  };
  if (mode.second != 0) second = b.driver->create_tables(b.tables, levels(mode.second, iommu::TableStage::second));
  if (mode.first != 0) {
    first = b.driver->create_tables(second ? guest : b.tables, levels(mode.first, iommu::TableStage::first));
    first->map(second ? guest : b.tables, Iova(kIova), target, one, iommu::kReadWrite, one);
  }
  if (second) {
    const std::uint64_t from = first ? target.value() : kIova;
    const std::uint64_t bytes = std::max(one, two);
    second->map(b.tables, Iova(from), target, bytes, iommu::kReadWrite, two);
    // The guest's tables, by pages of the same size, so that every walk of the second stage is alike.
    if (first)
      second->map(b.tables, Iova(std::uint64_t{3} << 30), Hpa(std::uint64_t{3} << 30), 1 << 30, iommu::kReadWrite, two);
  }
  if (first && second) {
    b.driver->attach_nested(b.tables, kDevice, domain, *first, *second);
  } else {
    b.driver->attach(b.tables, kDevice, domain, first ? first.get() : second.get());
  }

  Counted c;
  iommu::Request request;
  request.source = kDevice;
  request.needed = iommu::kRead;
  request.address = kIova + 0x40;
  request.bytes = 64;
  iommu::UntimedUnit untimed(b.unit.architecture(), b.tables);
  const iommu::Resolution r = untimed.resolve(request);
  c.untimed = r.reads[Structure::page_table];
  c.structures = r.reads.total() - c.untimed;

  const std::size_t sent = b.device.read(Time::us(1), request.address, kDevice);
  b.run();
  c.ok = r.outcome == iommu::Resolution::Outcome::translated && b.device.sent[sent].ok;
  c.timed = b.walk_reads() - c.structures;
  EXPECT_EQ(b.device.sent[sent].fields.walk_reads, c.timed + c.structures) << "what the extension says";
  return c;
}

std::string size_text(unsigned log2) { return log2 == 12 ? "4 KiB" : log2 == 21 ? "2 MiB" : "1 GiB"; }
std::string row(const WalkMode& mode, const Counted& c) {
  std::string pages;
  if (mode.first != 0) pages = size_text(mode.first_page);
  if (mode.second != 0) pages += (pages.empty() ? "" : " over ") + size_text(mode.second_page);
  return fmt::format("| {} | {} | {} | {} | {} |", mode.unit, mode.name, pages, mode.reads(), c.structures);
}
std::string path() { return std::string(IOMMUSIM_SOURCE_DIR) + "/models/iommu/WALK_READS.md"; }
const char* const kHead =
    "# Memory reads of a walk\n\n"
    "Page-table entries read by a walk with nothing cached, and entries of device tables before it. An entry of a "
    "first\n"
    "stage of n levels over a second stage of m lies at a guest-physical address, so that the walk takes n (m + 1) + "
    "m\n"
    "reads. A hit in a walk cache of level k leaves k of a stage's. tests/timing/walk_read_table_test.cpp writes this "
    "file\n"
    "(IOMMUSIM_UPDATE_DOCS=1) and checks it: the number is what the untimed unit reads and what the timed unit sends "
    "to\n"
    "memory.\n\n"
    "| unit | mode | pages | page-table reads | device-table reads |\n|---|---|---|---|---|\n";

bool updating() { return std::getenv("IOMMUSIM_UPDATE_DOCS") != nullptr; }
std::string document() {
  std::ifstream in(path());
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class WalkReadTable : public ::testing::TestWithParam<std::size_t> {};

TEST_P(WalkReadTable, TimedUntimedSpecifiedAndDocumentedAgree) {
  const WalkMode mode = walk_modes()[GetParam()];
  const Counted c = count(mode);
  ASSERT_TRUE(c.ok) << mode.name;
  EXPECT_EQ(c.untimed, mode.reads());
  EXPECT_EQ(c.timed, mode.reads());
  const std::string line = row(mode, c);
  if (updating()) {
    // One process per test: rows come in the order of the tests when they run one at a time.
    std::ofstream out(path(), GetParam() == 0 ? std::ios::trunc : std::ios::app);
    out << (GetParam() == 0 ? kHead : "") << line << "\n";
    return;
  }
  EXPECT_NE(document().find(line + "\n"), std::string::npos) << "not in the table: " << line;
}

INSTANTIATE_TEST_SUITE_P(Modes, WalkReadTable, ::testing::Range<std::size_t>(0, walk_modes().size()));

TEST(WalkReadTable, HoldsNoOtherRows) {
  if (updating()) GTEST_SKIP() << "being written";
  const std::string text = document();
  EXPECT_EQ(text.substr(0, std::string(kHead).size()), kHead);
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
            walk_modes().size() + static_cast<std::size_t>(std::count(kHead, kHead + std::strlen(kHead), '\n')));
}

}  // namespace
}  // namespace iommusim::test
