// The two ways to count the bytes of a link, by hand, on a Gen3 x8 link with nothing else configured. A byte takes
// 126.953125 ps before what the data link layer takes.
//   physical:   ACKs and credits 8 of 1,624 bytes each, SKIP 16 of 6,000: 76125/75172 of that, 128.5626 ps
//   pcie_bench: ACKs and credits 8 of 203 bytes each, SKIP 4 of 1,538: 138.2056 ps
#include <gtest/gtest.h>

#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;

/// Picoseconds that one write of `bytes` bytes to `address` takes to memory, which has no latency.
std::uint64_t write_time(std::uint64_t address, std::uint32_t bytes, pcie::Accounting accounting) {
  pcie::LinkConfig link;
  link.accounting = accounting;
  EngineBench b({}, link, Time());
  ListedDmas work;
  work.list = {write_of(address, bytes, WriteDone::visible)};
  b.engine.drive(work);
  b.run();
  return work.results.at(0).done.ps();
}

TEST(PcieAccounting, PhysicalPayloadsFillDoublewords) {
  // 24 + 68 bytes.
  EXPECT_EQ(11828u, write_time(high, 65, pcie::Accounting::physical));
}

TEST(PcieAccounting, APhysicalHeaderIsShorterBelow4GiB) {
  // 20 + 64 bytes.
  EXPECT_EQ(10800u, write_time(0x10000, 64, pcie::Accounting::physical));
}

TEST(PcieAccounting, APhysicalHeaderIsLongerAbove) {
  // 24 + 64 bytes.
  EXPECT_EQ(11314u, write_time(high, 64, pcie::Accounting::physical));
}

TEST(PcieAccounting, PcieBenchCountsBytes) {
  // 24 + 65 bytes.
  EXPECT_EQ(12301u, write_time(high, 65, pcie::Accounting::pcie_bench));
}

TEST(PcieAccounting, PcieBenchCounts64BitAddressesAlways) {
  // 24 + 64 bytes.
  EXPECT_EQ(12163u, write_time(0x10000, 64, pcie::Accounting::pcie_bench));
}

}  // namespace
}  // namespace iommusim::ep
