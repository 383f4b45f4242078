// Latency of memory against the load offered to it, with an open-loop source at the memory port: the usual curve, up to
// the bandwidth that can be computed, and Little's law.
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "models/base/random/distributions.h"
#include "models/memory/memory_system.h"
#include "models/tlm/simulation.h"

namespace iommusim::mem {
namespace {

using namespace base::literals;

// Sends 64-byte requests to random lines at times that do not depend on what is answered: a Poisson process.
class OpenLoop : public tlm::Module, private tlm::InitiatorPort::Owner {
 public:
  OpenLoop(::sc_core::sc_module_name name, tlm::Context& context, double lines_per_ps, double writes,
           std::uint64_t bytes)
      : Module(name, context),
        port("port", context, static_cast<tlm::InitiatorPort::Owner&>(*this)),
        random_(context.seed, this->name()),
        mean_gap_(1 / lines_per_ps),
        writes_(writes),
        lines_(bytes / kLineBytes),
        issue_(context.scheduler, "issue", tlm::delegate<&OpenLoop::issue>(this)) {
    issue_.arm(Time::ps(1));
  }
  tlm::InitiatorPort port;
  base::Mean latency, read_latency;
  base::Occupancy inside;
  base::Counter sent, answered;

  void reset() {
    latency.reset(), read_latency.reset(), sent.reset(), answered.reset();
    inside.reset(now());
  }

 private:
  void issue() {
    tlm::Payload& p = pool().acquire();
    pool().use_scratch(p, kLineBytes);
    random_.chance(writes_) ? p.set_write() : p.set_read();
    p.set_address(random_.below(lines_) * kLineBytes);
    tlm::dma(p).space = tlm::AddressSpace::hpa;
    tlm::dma(p).stamp_now(tlm::Boundary::intended, now());
    inside.add(now());
    ++sent;
    due_ += base::exponential(random_, mean_gap_);  // not rounded gap by gap: that would change the rate
    issue_.arm(std::max(now(), Time::ps(static_cast<std::uint64_t>(due_))));
    port.send(p);
  }
  void response(tlm::InitiatorPort&, tlm::Payload& p) override {
    const Time took = now() - tlm::dma(p).stamp_at(tlm::Boundary::intended);
    latency.add(took);
    if (p.is_read()) read_latency.add(took);
    ++answered;
    inside.sub(now());
    p.release();
  }
  base::RandomStream random_;
  double mean_gap_, writes_;
  std::uint64_t lines_;
  double due_ = 1;
  tlm::Timer issue_;
};

struct Point {
  double offered, achieved;  // as shares of the peak
  double latency_ns, read_ns;
  double inside, rate_times_latency;  // Little's law at the port
  double queue, queue_by_waits;       // and at the queues of the channels
};

MemoryConfig config_of(PagePolicy policy) {
  MemoryConfig c;
  c.ranges = {{Hpa(0), 1_GiB}};
  c.llc.size = 0_B;
  c.dram.page_policy = policy;
  return c;
}

// One simulation per process: points are made in children of the sweep below; here one is.
Point measure(const MemoryConfig& config, double load, double writes, Time window) {
  tlm::Simulation s;
  MemorySystem memory("memory", s.context, config, 1);
  const double peak = static_cast<double>(config.dram.channels) *
                      static_cast<double>(config.dram.bandwidth.bits_per_second()) / 8e12 / kLineBytes;  // lines per ps
  OpenLoop source("source", s.context, peak * load, writes, config.ranges[0].size.value());
  source.port.bind(memory.port());
  s.scheduler.run_until(20_us);
  s.stats.reset(s.scheduler.now());
  source.reset();
  s.scheduler.run_until(20_us + window);
  const Time now = 20_us + window;
  const auto ps = static_cast<double>(window.ps());
  const auto lines = static_cast<double>(source.answered.value());
  Point p{};
  p.offered = static_cast<double>(source.sent.value()) / ps / peak;
  p.achieved = lines / ps / peak;
  p.latency_ns = source.latency.mean() / 1e3;
  p.read_ns = source.read_latency.mean() / 1e3;
  p.inside = source.inside.mean(now);
  p.rate_times_latency = lines / ps * source.latency.mean();
  const auto dram = s.stats.to_json(now)["memory"]["dram"];
  for (unsigned i = 0; i < config.dram.channels; ++i) {
    const auto& channel = dram["channel" + std::to_string(i)];
    p.queue += channel["queue"]["mean"].get<double>();
    p.queue_by_waits += channel["wait"]["count"].get<double>() / ps * channel["wait"]["mean"].get<double>();
  }
  return p;
}

// The curve: each point in a process of its own, since SystemC allows one simulation per process.
std::vector<Point> curve(const MemoryConfig& config, const std::vector<double>& loads, double writes) {
  std::vector<Point> points;
  for (const double load : loads) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      const Point p = measure(config, load, writes, 200_us);
      const bool sent = write(ends[1], &p, sizeof p) == static_cast<ssize_t>(sizeof p);
      _exit(sent ? 0 : 1);
    }
    Point p{};
    EXPECT_EQ(read(ends[0], &p, sizeof p), static_cast<ssize_t>(sizeof p));
    int status = 1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    close(ends[0]), close(ends[1]);
    points.push_back(p);
    std::printf("load %.2f: achieved %.3f, mean latency %.1f ns, reads %.1f ns\n", load, p.achieved, p.latency_ns,
                p.read_ns);
  }
  return points;
}
const std::vector<double> kLoads{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};

void expect_open_loop_laws(const std::vector<Point>& points, const std::vector<double>& loads) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& p = points[i];
    EXPECT_NEAR(p.offered / loads[i], 1, 0.01) << "the source offers what it says";
    EXPECT_NEAR(p.achieved / p.offered, 1, 0.005) << loads[i];
    EXPECT_NEAR(p.inside / p.rate_times_latency, 1, 0.01) << loads[i];
    EXPECT_NEAR(p.queue / p.queue_by_waits, 1, 0.01) << loads[i];
    if (i > 0) {
      EXPECT_GT(p.read_ns, points[i - 1].read_ns) << loads[i];
    }
  }
}

MemoryConfig refreshed() {
  MemoryConfig config = config_of(PagePolicy::closed);
  config.dram.timing.t_refi = 7800_ns;  // JEDEC JESD79-4
  return config;
}

TEST(LoadedLatency, RisesWithTheLoadToMoreThanTwiceTheIdleLatencyAtNinetyFivePercent) {
  const MemoryConfig config = refreshed();
  const std::vector<Point> points = curve(config, kLoads, 0);
  expect_open_loop_laws(points, kLoads);
  EXPECT_GE(points.front().latency_ns, config.dram.latency.ns());
  EXPECT_LT(points.front().latency_ns, 1.15 * config.dram.latency.ns());
  EXPECT_GT(points.back().latency_ns, 2 * config.dram.latency.ns());
}

// Poisson arrivals at a bus with constant slots (M/D/1) wait load / (2 (1 - load)) slots; banks add to that. No
// scheduler does better than the bus alone.
TEST(LoadedLatency, WithoutRefreshIsThatOfTheDataBusAndALittleForTheBanks) {
  const MemoryConfig config = config_of(PagePolicy::closed);
  const std::vector<Point> points = curve(config, kLoads, 0);
  expect_open_loop_laws(points, kLoads);
  const double slot_ns = kLineBytes * 8 / 153.6;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double bus_ns = kLoads[i] / (2 * (1 - kLoads[i])) * slot_ns;
    EXPECT_GT(points[i].latency_ns - config.dram.latency.ns(), 0.97 * bus_ns) << kLoads[i];
    // A busy bank is met with probability (arrivals per row cycle / banks) and waited for half a cycle.
    const double cycle_ns = (config.dram.timing.t_ras + config.dram.timing.t_rp).ns();
    const double bank_ns = kLoads[i] * cycle_ns / slot_ns / config.dram.banks * cycle_ns / 2;
    EXPECT_LT(points[i].latency_ns - config.dram.latency.ns(), bus_ns + 3 * bank_ns) << kLoads[i];
  }
}

TEST(LoadedLatency, RisesWithOpenPagesAndWritesToo) {
  const std::vector<double> loads{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
  const std::vector<Point> points = curve(config_of(PagePolicy::open), loads, 0.3);
  expect_open_loop_laws(points, loads);
}

TEST(LoadedLatency, OverloadedReadsSaturateAtTheBandwidthOfTheChannels) {
  EXPECT_NEAR(measure(config_of(PagePolicy::closed), 1.3, 0, 200_us).achieved, 1, 0.005);
}

TEST(LoadedLatency, OverloadedReadsSaturateAtTheBandwidthLessRefresh) {
  const MemoryConfig config = refreshed();
  const double lost =
      static_cast<double>(config.dram.timing.t_rfc.ps()) / static_cast<double>(config.dram.timing.t_refi.ps());
  EXPECT_NEAR(measure(config, 1.3, 0, 200_us).achieved, 1 - lost, 0.005);
}

// Of each cycle of a drain of the full buffer and as many reads, the two turn-arounds are lost.
TEST(LoadedLatency, OverloadedReadsAndWritesSaturateAtTheBandwidthLessTurnArounds) {
  const MemoryConfig config = config_of(PagePolicy::closed);
  const unsigned drain = config.dram.scheduler.writes - config.dram.scheduler.drain_to;
  const double lines = 2 * drain * kLineBytes * 8e3 / 153.6;  // ps on the bus
  const auto lost = static_cast<double>((config.dram.timing.read_to_write + config.dram.timing.write_to_read).ps());
  EXPECT_NEAR(measure(config, 1.3, 0.5, 200_us).achieved, lines / (lines + lost), 0.01);
}

// One row after the other in one bank: an access per row cycle, whatever the bus could do.
TEST(LoadedLatency, OneBankSaturatesAtItsRowCycle) {
  MemoryConfig config = config_of(PagePolicy::closed);
  config.dram.channels = 1;
  config.dram.banks = 1;
  const double cycle = static_cast<double>((config.dram.timing.t_ras + config.dram.timing.t_rp).ps());
  EXPECT_NEAR(measure(config, 0.5, 0, 200_us).achieved, kLineBytes * 8e3 / 153.6 / cycle, 0.001);
}

}  // namespace
}  // namespace iommusim::mem
