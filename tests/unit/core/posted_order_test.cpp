#include "models/iommu/core/posted_order.h"

#include <gtest/gtest.h>

#include "models/tlm/payload_pool.h"

namespace iommusim::iommu {
namespace {

struct Bench {
  ~Bench() {
    for (auto& t : all) t.payload->release();
  }
  Transaction& add(bool posted, int pasid = -1, bool ido = false, bool relaxed = false) {
    all.emplace_back();
    Transaction& t = all.back();
    t.payload = &pool.acquire();
    tlm::dma(*t.payload).id_ordering = ido;
    t.posted = posted;
    t.relaxed = relaxed;
    t.ticket = ++tickets;
    t.request.has_pasid = pasid >= 0;
    if (pasid >= 0) t.request.pasid = base::Pasid(static_cast<std::uint32_t>(pasid));
    order.arrive(t);
    return t;
  }
  void resolve(Transaction& t) {
    t.ready = true;
    order.resolved(t, [this](Transaction& gone) { left.push_back(gone.ticket); });
  }
  using Tickets = std::vector<std::uint64_t>;
  tlm::PayloadPool pool;
  std::deque<Transaction> all;
  std::uint64_t tickets = 0;
  PostedOrder order;
  Tickets left;
};

TEST(PostedOrder, WritesLeaveInOrderOfArrivalAndReadsStayBehind) {
  Bench b;
  Transaction &w1 = b.add(true), &r2 = b.add(false), &w3 = b.add(true);
  b.resolve(w3);
  b.resolve(r2);
  EXPECT_TRUE(b.left.empty());
  b.resolve(w1);
  EXPECT_EQ((Bench::Tickets{1, 2, 3}), b.left);
  EXPECT_TRUE(b.order.empty());
}

TEST(PostedOrder, ReadsResolvedInAnyOrderGoAsTheWritesBeforeThemDo) {
  Bench b;
  Transaction &w1 = b.add(true), &r2 = b.add(false), &w3 = b.add(true), &r4 = b.add(false), &w5 = b.add(true),
              &r6 = b.add(false);
  b.resolve(r6);
  b.resolve(r2);
  b.resolve(r4);
  b.resolve(w3);
  b.resolve(w1);
  EXPECT_EQ((Bench::Tickets{1, 2, 3, 4}), b.left);
  b.resolve(w5);
  EXPECT_EQ((Bench::Tickets{1, 2, 3, 4, 5, 6}), b.left);
  EXPECT_TRUE(b.order.empty());
}

TEST(PostedOrder, RelaxedRequestsAreExempt) {
  Bench b;
  b.add(true);
  b.resolve(b.add(true, -1, false, true));
  EXPECT_EQ((Bench::Tickets{2}), b.left);
}

TEST(PostedOrder, IdBasedOrderingLetsAnotherPasidPass) {
  Bench b;
  Transaction &w1 = b.add(true, 1), &w2 = b.add(true, 2, true), &r3 = b.add(false, 3, true);
  b.resolve(w2);
  b.resolve(r3);
  EXPECT_EQ((Bench::Tickets{2, 3}), b.left);
  b.resolve(w1);
  EXPECT_EQ((Bench::Tickets{2, 3, 1}), b.left);
  EXPECT_TRUE(b.order.empty());
}

TEST(PostedOrder, IdBasedOrderingFreesNobodyFromItsOwnPasid) {
  Bench b;
  Transaction &w1 = b.add(true, 1), &w2 = b.add(true, 1, true), &r3 = b.add(false, 1, true);
  b.resolve(w2);
  b.resolve(r3);
  EXPECT_TRUE(b.left.empty());
  b.resolve(w1);
  EXPECT_EQ((Bench::Tickets{1, 2, 3}), b.left);
}

TEST(PostedOrder, IdBasedOrderingNeedsAPasidOnBothSides) {
  Bench b;
  b.add(true);
  b.resolve(b.add(true, 2, true));
  b.resolve(b.add(false, -1, true));
  EXPECT_TRUE(b.left.empty());
}

TEST(PostedOrder, WithoutTheAttributePasidsDoNotMatter) {
  Bench b;
  b.add(true, 1);
  b.resolve(b.add(true, 2));
  EXPECT_TRUE(b.left.empty());
}

// The overtaker waits for an earlier write of its own PASID; when that one goes, so does it, and its reads.
TEST(PostedOrder, OvertakingKeepsTheOrderWithinAPasid) {
  Bench b;
  b.add(true, 1);
  Transaction &w2 = b.add(true, 2, true), &w3 = b.add(true, 2, true), &r4 = b.add(false, 2, true);
  b.resolve(r4);
  b.resolve(w3);
  EXPECT_TRUE(b.left.empty());
  b.resolve(w2);
  EXPECT_EQ((Bench::Tickets{2, 3, 4}), b.left);
}

}  // namespace
}  // namespace iommusim::iommu
