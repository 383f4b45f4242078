// Payloads are made once, reset when taken, and found again when lost.
#include "models/tlm/payload_pool.h"

#include <gtest/gtest.h>

#include "models/tlm/simulation.h"
#include "tests/support/own_models.h"

namespace iommusim::tlm {
namespace {

TEST(PayloadPoolTest, TakesAPayloadBackAtItsLastReferenceAndGivesItOutAsNew) {
  PayloadPool pool;
  Payload& first = pool.acquire();
  first.set_write();
  first.set_address(0x1234);
  first.set_response_status(::tlm::TLM_OK_RESPONSE);
  dma(first).tag = 7;
  dma(first).stamp_now(Boundary::unit_in, Time::ps(5));
  dma(first).push_hop(3);
  pool.use_scratch(first, 64);
  first.acquire();
  first.release();
  EXPECT_EQ(pool.live(), 1u);
  first.release();
  EXPECT_EQ(pool.live(), 0u);

  Payload& again = pool.acquire();
  EXPECT_EQ(&again, &first);
  EXPECT_EQ(pool.created(), 1u);
  EXPECT_EQ(again.get_command(), ::tlm::TLM_IGNORE_COMMAND);
  EXPECT_EQ(again.get_address(), 0u);
  EXPECT_EQ(again.get_data_length(), 0u);
  EXPECT_NE(again.get_data_ptr(), nullptr);
  EXPECT_EQ(again.get_response_status(), ::tlm::TLM_INCOMPLETE_RESPONSE);
  EXPECT_EQ(dma(again).tag, 0);
  EXPECT_TRUE(dma(again).store_data);
  EXPECT_EQ(dma(again).hops(), 0u);
  EXPECT_EQ(dma(again).stamp_at(Boundary::unit_in), Time());
  again.release();
}

TEST(PayloadPoolTest, SharesOneScratchAndKeepsOneBufferPerPayload) {
  PayloadPool pool;
  Payload& a = pool.acquire();
  Payload& b = pool.acquire();
  pool.use_scratch(a, 4096);
  pool.use_scratch(b, 64);
  EXPECT_EQ(a.get_data_ptr(), b.get_data_ptr());
  EXPECT_FALSE(dma(a).store_data);
  unsigned char* own = pool.use_buffer(a, 128);
  EXPECT_NE(own, b.get_data_ptr());
  EXPECT_TRUE(dma(a).store_data);
  EXPECT_EQ(pool.use_buffer(a, 64), own);
  a.release();
  b.release();
}

struct Stray : ::tlm::tlm_extension<Stray> {
  explicit Stray(int& count) : alive(count) { ++alive; }
  ~Stray() override { --alive; }
  ::tlm::tlm_extension_base* clone() const override { return new Stray(alive); }
  void copy_from(const ::tlm::tlm_extension_base&) override {}
  int& alive;
};

TEST(PayloadPoolTest, DropsWhatAForeignComponentAttachedForTheTransaction) {
  PayloadPool pool;
  int alive = 0;
  Payload& p = pool.acquire();
  p.set_auto_extension(new Stray(alive));
  EXPECT_EQ(alive, 1);
  p.release();
  EXPECT_EQ(alive, 0);
  Payload& q = pool.acquire();
  EXPECT_EQ(q.get_extension<Stray>(), nullptr);
  EXPECT_NE(q.get_extension<DmaExtension>(), nullptr);
  q.release();
}

TEST(PayloadPoolTest, LeakReportNamesTheHolderAndWhatItHolds) {
  Simulation s;
  test::OwnInitiator initiator("device", s.context);
  test::OwnTarget target("memory", s.context, Time::ns(10));
  initiator.port.bind(target.port);
  target.deaf = true;
  initiator.read(0x1000, 64, Time::ns(1));
  initiator.write(0x2000, 64, Time::ns(2));
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(s.pool.live(), 2u);
  EXPECT_EQ(s.pool.leak_report(), "memory.port holds 2 payloads, the first a read of 64 bytes at 0x1000\n");
}

TEST(PayloadPoolTest, HasNothingToReportAfterACleanRun) {
  Simulation s;
  test::OwnInitiator initiator("device", s.context);
  test::OwnTarget target("memory", s.context, Time::ns(10));
  initiator.port.bind(target.port);
  initiator.read(0x1000, 64, Time::ns(1));
  s.scheduler.run_until(Time::us(1));
  EXPECT_EQ(initiator.done.size(), 1u);
  EXPECT_EQ(s.pool.live(), 0u);
  EXPECT_EQ(s.pool.leak_report(), "");
}

TEST(DmaExtensionTest, RemembersTheWayBackLastInFirstOut) {
  DmaExtension e;
  e.push_hop(3);
  e.push_hop(9);
  EXPECT_EQ(e.pop_hop(), 9);
  EXPECT_EQ(e.pop_hop(), 3);
  EXPECT_DEATH(e.pop_hop(), "more fan-ins");
}

TEST(DmaExtensionTest, IsCopiedWithoutItsHopsAndItsPool) {
  PayloadPool pool;
  DmaExtension& e = pool.lend_extension();
  e.requester = base::SourceId(0x20);
  e.push_hop(1);
  auto* copy = static_cast<DmaExtension*>(e.clone());
  EXPECT_EQ(copy->requester, base::SourceId(0x20));
  EXPECT_EQ(copy->hops(), 0u);
  EXPECT_EQ(copy->pool, nullptr);
  copy->free();
  pool.take_back(e);
}

}  // namespace
}  // namespace iommusim::tlm
