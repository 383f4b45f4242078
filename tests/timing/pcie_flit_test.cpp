// FLIT mode on a link, worked out by hand. Gen6 x16 without SKIP: 16 lanes at 64 GT/s are a byte each 7.8125 ps, a FLIT
// of 256 each 2 ns, of which 236 are TLPs: 500/59 ps for each of those.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::ep {
namespace {

using base::Time;

pcie::LinkConfig gen6_x16() {
  pcie::LinkConfig c;
  c.generation = 6;
  c.width = 16;
  c.skip_interval = base::Bytes(0);
  return c;
}

struct Seen : pcie::TlpObserver {
  struct Row {
    bool up;
    std::uint64_t bytes, start, stop, arrival;
  };
  void sent(const pcie::Link&, bool up, const pcie::SentTlp& t) override {
    rows.push_back({up, t.wire_bytes, t.start.ps(), t.stop.ps(), t.arrival.ps()});
  }
  std::vector<Row> rows;
};

struct Bench : EngineBench {
  explicit Bench(std::vector<DmaRequest> list, const pcie::LinkConfig& config = gen6_x16())
      : EngineBench({}, config, Time::ns(100)) {
    work.list = std::move(list);
    link.observe(&seen);
    engine.drive(work);
    run();
    expect_quiet();
  }
  ListedDmas work;
  Seen seen;
};

void expect_row(const Seen::Row& r, bool up, std::uint64_t bytes, std::uint64_t start, std::uint64_t stop,
                std::uint64_t arrival) {
  EXPECT_EQ(up, r.up);
  EXPECT_EQ(bytes, r.bytes);
  EXPECT_EQ(start, r.start);
  EXPECT_EQ(stop, r.stop);
  EXPECT_EQ(arrival, r.arrival);
}

TEST(PcieFlit, AReadAndItsCompletionEachWaitForTheEndOfTheirFlit) {
  Bench b({read_of(high, 64)});
  ASSERT_EQ(2u, b.seen.rows.size());
  // 16 bytes x 500/59 = 135.6 ps; the FLIT ends at 2 ns.
  expect_row(b.seen.rows[0], true, 16, 0, 136, 2000);
  // Memory answers at 2 + 100 ns, where a FLIT begins: 76 bytes take 644.07 ps, it ends 2 ns later.
  expect_row(b.seen.rows[1], false, 76, 102000, 102645, 104000);
  EXPECT_EQ(104000u, b.work.results.at(0).done.ps());
}

TEST(PcieFlit, TlpsShareFlitsAndSpanThem) {
  Bench b({write_of(high, 64), write_of(high + 64, 64), write_of(high + 128, 64)});
  ASSERT_EQ(3u, b.seen.rows.size());
  // 80 bytes each, 677.97 ps: two end within the first FLIT, the third (240 bytes) in the second.
  expect_row(b.seen.rows[0], true, 80, 0, 678, 2000);
  expect_row(b.seen.rows[1], true, 80, 678, 1356, 2000);
  expect_row(b.seen.rows[2], true, 80, 1356, 2034, 4000);
}

TEST(PcieFlit, AFullStreamMovesTwoHundredThirtySixBytesPerFlit) {
  // 1,000 writes of 256 bytes: 272 on the wire, 272,000 / 236 = 1152.54 FLITs.
  DmaEngineConfig config;
  config.posted_window = 2000;
  std::vector<DmaRequest> list;
  for (std::uint64_t i = 0; i < 1000; ++i) list.push_back(write_of(high + 256 * i, 256));
  ListedDmas work;
  work.list = list;
  pcie::RootComplexConfig rc;
  rc.buffer = {};
  EngineBench b(config, gen6_x16(), Time(), rc);
  Seen seen;
  b.link.observe(&seen);
  b.engine.drive(work);
  b.run();
  ASSERT_EQ(1000u, seen.rows.size());
  EXPECT_EQ(2305085u, seen.rows.back().stop) << "272,000 x 500/59 = 2305084.75";
  EXPECT_EQ(2306000u, seen.rows.back().arrival) << "end of FLIT 1,153";
}

TEST(PcieFlit, ALowerRateWithoutFlitsNeedsNoFlitToBeFull) {
  pcie::LinkConfig gen5 = gen6_x16();
  gen5.generation = 5;
  gen5.ack_interval = gen5.fc_interval = base::Bytes(0);
  Bench b({read_of(high, 64)}, gen5);
  // 24 bytes at 8125/512 ps.
  expect_row(b.seen.rows.at(0), true, 24, 0, 381, 381);
}

TEST(PcieFlit, ALowerRateWithFlitsDoes) {
  pcie::LinkConfig gen5 = gen6_x16();
  gen5.generation = 5;
  gen5.flit = true;
  Bench b({read_of(high, 64)}, gen5);
  // 16 bytes x 4062.5/236 ps = 275.4; a FLIT takes 4062.5 ps.
  expect_row(b.seen.rows.at(0), true, 16, 0, 276, 4063);
}

}  // namespace
}  // namespace iommusim::ep
