// A saturated Gen3 x8 link carries what the packet arithmetic says: the values are the pcie-bench
// model's own, in its accounting (64-bit addresses, unpadded payloads, ACK and flow control 8 of 203 bytes each, SKIP 4
// of 1538).
#include <gtest/gtest.h>

#include <string>

#include "models/base/config/config.h"
#include "models/endpoints/workload/generator.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;

struct Rates {
  double read, write;  // Gb/s
};

Rates measure(unsigned bytes, const std::string& reads) {
  DmaEngineConfig c;
  c.tags = 1024;
  c.tag_bits = 14;
  c.posted_window = 1024;
  c.dmas = 2048;
  pcie::LinkConfig link;
  link.accounting = pcie::Accounting::pcie_bench;
  pcie::RootComplexConfig rc;
  rc.buffer = {};
  EngineBench b(c, link, Time(), rc);
  const auto config = base::parse_config<GeneratorConfig>(
      "schema: 1\nwindow: 1024\nwrite_done: visible\nstreams:\n  - pattern: {type: "
      "sequential}\n    size: {type: fixed, bytes: " +
      std::to_string(bytes) + " B}\n    unit: 4 KiB\n    reads: " + reads + "\n");
  const auto workload = config.make({"engine", 1, base::Iova(high), 1 << 22});
  b.engine.drive(*workload);
  b.run(Time::us(50));
  b.sim.stats.reset(Time::us(50));
  b.run(Time::us(250));
  const auto& n = b.engine.counters();
  return {static_cast<double>(n.read_bytes.value()) * 8 / 200e3,
          static_cast<double>(n.write_bytes.value()) * 8 / 200e3};
}

TEST(PcieBandwidth, Reads64) { EXPECT_NEAR(44.103, measure(64, "1").read, 0.0005 * 44.1); }
TEST(PcieBandwidth, Reads65) { EXPECT_NEAR(44.265, measure(65, "1").read, 0.0005 * 44.3); }
TEST(PcieBandwidth, Reads257) { EXPECT_NEAR(50.089, measure(257, "1").read, 0.001 * 50.1); }
TEST(PcieBandwidth, Reads512) { EXPECT_NEAR(53.690, measure(512, "1").read, 0.002 * 53.7); }
TEST(PcieBandwidth, Writes64) { EXPECT_NEAR(42.098, measure(64, "0").write, 0.0005 * 42.1); }
TEST(PcieBandwidth, Writes257) { EXPECT_NEAR(48.775, measure(257, "0").write, 0.001 * 48.8); }
TEST(PcieBandwidth, Writes2048) { EXPECT_NEAR(52.923, measure(2048, "0").write, 0.002 * 52.9); }

TEST(PcieBandwidth, MixedReadsAndWritesShareTheUpwardDirection) {
  const Rates r = measure(64, "0.5");
  EXPECT_NEAR(33.077, r.read, 0.01 * 33.1);
  EXPECT_NEAR(33.077, r.write, 0.01 * 33.1);
}

}  // namespace
}  // namespace iommusim::ep
