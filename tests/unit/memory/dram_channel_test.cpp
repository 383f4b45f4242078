// What a channel owes its users whatever comes: every access answered once, none for ever, none too early.
#include "models/memory/dram_channel.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/random/stream.h"
#include "models/tlm/simulation.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;

// Sends `count` random reads and writes at random gaps, some bursts, mostly to few rows.
class Traffic {
 public:
  Traffic(const DramConfig& config, std::uint64_t seed, unsigned count)
      : config_(config),
        simulation_(seed),
        map_(config_),
        random_(seed, "traffic"),
        channel_(config_, map_, simulation_.scheduler, "channel", 0, tlm::delegate<&Traffic::finish>(this)),
        issue_(simulation_.scheduler, "issue", tlm::delegate<&Traffic::issue>(this)),
        left_(count) {
    channel_.add_stats(simulation_.stats);
    issue_.arm(1_ns);
  }
  void run() {
    simulation_.scheduler.run_until(100_ms);
    const auto metrics = simulation_.stats.to_json(simulation_.scheduler.now());
    const auto count = [&](const char* name) { return metrics[name]["value"].get<std::uint64_t>(); };
    ASSERT_EQ(left_, 0u);
    EXPECT_EQ(unanswered_, 0u);
    EXPECT_EQ(channel_.waiting(), 0u);
    EXPECT_LT(channel_.buffered(), config_.scheduler.drain_at);
    EXPECT_EQ(count("read_lines"), read_lines_);
    EXPECT_EQ(count("written_lines") + channel_.buffered(), written_lines_);
    EXPECT_EQ(count("row_hits") + count("row_misses") + count("row_conflicts"),
              count("read_lines") + count("written_lines"));
    EXPECT_EQ(metrics["wait"]["count"], reads_);
    EXPECT_EQ(metrics["queue"]["mean"].get<double>() > 0, metrics["wait"]["mean"].get<double>() > 0);
  }

 private:
  void issue() {
    const Time now = simulation_.scheduler.now();
    const std::uint64_t first = random_.below(8) * 1024 + random_.below(64);
    const auto ticket = static_cast<Ticket>(asked_.size());
    if (random_.chance(0.4)) {
      ++written_lines_;
      const Time done = channel_.write(first, ticket);
      note(now, done, config_.latency);
    } else {
      DramChannel::Run run{first, random_.chance(0.2) ? random_.next() | 1 : 1};
      read_lines_ += static_cast<unsigned>(__builtin_popcountll(run.lines));
      ++reads_;
      const Time done = channel_.read(run);
      note(now, run.lines == 0 ? done : Time::max(), config_.latency - config_.timing.t_rcd);
      if (run.lines != 0) channel_.wait(run, done, ticket);
    }
    if (--left_ > 0) issue_.arm(now + Time::ps(random_.chance(0.7) ? random_.below(3000) : random_.below(200000)));
  }
  void note(Time now, Time done, Time least) {
    asked_.push_back({now, least});
    if (done == Time::max()) {
      ++unanswered_;
    } else {
      EXPECT_GE(done, now + least);
    }
  }
  void finish(Ticket ticket, Time done) {
    ASSERT_LT(ticket, asked_.size());
    Asked& asked = asked_[ticket];
    EXPECT_FALSE(asked.finished) << "answered twice";
    asked.finished = true;
    EXPECT_GE(done, asked.at + asked.least);
    EXPECT_GE(done, simulation_.scheduler.now());
    --unanswered_;
  }
  struct Asked {
    Time at, least;
    bool finished = false;
  };
  DramConfig config_;
  tlm::Simulation simulation_;
  DramMap map_;
  base::RandomStream random_;
  DramChannel channel_;
  tlm::Timer issue_;
  unsigned left_;
  std::vector<Asked> asked_;
  std::uint64_t unanswered_ = 0, reads_ = 0, read_lines_ = 0, written_lines_ = 0;
};

DramConfig tiny(PagePolicy policy, unsigned reads, unsigned bypass, unsigned writes) {
  DramConfig c;
  c.channels = 1;
  c.banks = 4;
  c.row = 1_KiB;
  c.bank_interleave = 1_KiB;
  c.page_policy = policy;
  c.scheduler.reads = reads;
  c.scheduler.bypass_limit = bypass;
  c.scheduler.writes = writes;
  c.scheduler.drain_at = (writes + 1) / 2;
  c.scheduler.drain_to = 0;
  return c;
}

class DramChannelOf
    : public ::testing::TestWithParam<std::tuple<PagePolicy, unsigned, unsigned, unsigned, std::uint64_t>> {};

TEST_P(DramChannelOf, AnswersEveryAccessOnceAndLosesNoLine) {
  const auto [policy, reads, bypass, writes, refresh_ns] = GetParam();
  DramConfig c = tiny(policy, reads, bypass, writes);
  c.timing.t_refi = Time::ns(refresh_ns);
  Traffic(c, 7, 20000).run();
}

INSTANTIATE_TEST_SUITE_P(Queues, DramChannelOf,
                         ::testing::Combine(::testing::Values(PagePolicy::closed, PagePolicy::open),
                                            ::testing::Values(1u, 4u, 64u), ::testing::Values(0u, 8u),
                                            ::testing::Values(1u, 2u, 64u), ::testing::Values(0u, 1000u)));

// Row hits at the rate of the bus for 10 us, and one access to another row of their bank. Returns how long that takes.
class Starving {
 public:
  explicit Starving(unsigned bypass_limit)
      : config_(tiny(PagePolicy::open, 64, bypass_limit, 64)),
        map_(config_),
        channel_(config_, map_, simulation_.scheduler, "channel", 0, tlm::delegate<&Starving::finish>(this)),
        issue_(simulation_.scheduler, "issue", tlm::delegate<&Starving::issue>(this)) {
    issue_.arm(1_ns);
  }
  Time run() {
    simulation_.scheduler.run_until(1_ms);
    return done_ - 100_ns;
  }

 private:
  void issue() {
    const Time now = simulation_.scheduler.now();
    if (now == 100_ns) {
      send(5 * 16, 1);  // bank 0, another row
    } else {
      send(now.ps() / 3000 % 16, 0);
    }
    if (now < 10_us) issue_.arm(now + 3_ns);
  }
  void send(std::uint64_t line, Ticket ticket) {
    ASSERT_EQ(map_.place(line).bank, 0u);
    DramChannel::Run run{line, 1};
    const Time done = channel_.read(run);
    run.lines != 0 ? channel_.wait(run, done, ticket) : finish(ticket, done);
  }
  void finish(Ticket ticket, Time done) {
    if (ticket == 1) done_ = done;
  }
  DramConfig config_;
  tlm::Simulation simulation_;
  DramMap map_;
  DramChannel channel_;
  tlm::Timer issue_;
  Time done_;
};

TEST(DramChannelTest, WithoutAnAgeCapAStreamOfRowHitsStarvesAnotherRow) { EXPECT_GT(Starving(1000000).run(), 10_us); }

TEST(DramChannelTest, TheAgeCapEndsTheWaitOfAnotherRow) {
  // Sixteen hits of 3.3 ns pass it; then their row closes, after the bus has carried those started before.
  const Time took = Starving(16).run();
  EXPECT_GT(took, 84_ns + Time::ns(16 * 3));
  EXPECT_LT(took, 84_ns + Time::ns(16 * 4) + 60_ns);
}

}  // namespace
}  // namespace iommusim::mem
