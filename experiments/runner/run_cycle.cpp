#include "experiments/runner/run_cycle.h"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>
#include <systemc>

#include "experiments/runner/interrupt.h"
#include "experiments/runner/latency_csv.h"
#include "experiments/runner/stepper.h"
#include "experiments/runner/worst_json.h"
#include "models/tlm/simulation.h"
#include "platforms/platform.h"

namespace iommusim::runner {
namespace {

using base::Time;
using Result = tlm::Scheduler::RunResult;

class Cycle {
 public:
  Cycle(const ExperimentConfig& config, Progress& progress, TraceFiles* traces)
      : run_(config.run),
        progress_(progress),
        traces_(traces),
        simulation_(config.run.seed),
        platform_(simulation_, config.platform, config.workloads, config.replay),
        stepper_(simulation_.scheduler, [this] { between_slices(); }) {
    if (traces_ == nullptr) return;
    platform_.observe_links(traces_->observer());
    simulation_.context.tracer = traces_->tracer();
    stepper_.look_at([this] { return traces_->next_look(); }, [this](Time at) { traces_->look(at); });
  }

  RunOutcome run(const Provenance& provenance) {
    const auto start = std::chrono::steady_clock::now();
    ::sc_core::sc_start(::sc_core::SC_ZERO_TIME);  // ends elaboration
    if (traces_ != nullptr) traces_->begin(simulation_.stats);
    platform_.boot();
    warm_up();
    const auto window_start = std::chrono::steady_clock::now();
    const std::uint64_t before = platform_.completed();
    const Window window = measure();
    RunOutcome outcome;
    outcome.result = result_document(provenance, window, simulation_.stats);
    outcome.latency_csv = latency_csv(platform_);
    outcome.worst_json = worst_json(platform_);
    outcome.window_dmas = platform_.completed() - before;
    outcome.window_wall_seconds = seconds_since(window_start);
    add_drain(outcome.result, drain());
    if (traces_ != nullptr) traces_->finish(now());
    outcome.wall_seconds = seconds_since(start);
    outcome.simulated = now();
    outcome.dmas = platform_.completed();
    outcome.kernel_events = simulation_.scheduler.kernel_events();
    outcome.dispatches = simulation_.scheduler.dispatches();
    outcome.payloads = simulation_.pool.created();
    return outcome;
  }

 private:
  static double seconds_since(std::chrono::steady_clock::time_point t) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
  }
  Time now() const { return simulation_.scheduler.now(); }

  void between_slices() {
    platform_.rethrow_failure();
    if (InterruptGuard::requested()) throw RunFailed("interrupted, nothing written");
    const double of_time =
        goal_ > phase_start_ ? (now() - phase_start_).seconds() / (goal_ - phase_start_).seconds() : 0;
    const double of_dmas =
        goal_dmas_ == 0 ? 0
                        : static_cast<double>(platform_.completed() - phase_dmas_) / static_cast<double>(goal_dmas_);
    progress_.show(phase_, std::max(of_time, of_dmas),
                   fmt::format("{:.3f} ms, {} DMAs", now().seconds() * 1e3, platform_.completed()));
  }

  void enter(const char* phase, Time goal, std::uint64_t goal_dmas = 0) {
    phase_ = phase;
    phase_start_ = now();
    phase_dmas_ = platform_.completed();
    goal_ = goal;
    goal_dmas_ = goal_dmas;
  }

  void warm_up() {
    enter("warm-up", run_.warm_up);
    if (run_.warm_up == Time()) return;
    Result result = Result::stopped;
    while (result == Result::stopped && !platform_.monitor().finished()) result = stepper_.run_until(run_.warm_up);
    if (platform_.monitor().finished()) {
      throw base::UserError(
          fmt::format("every workload had finished at {:.3f} us, within run.warm_up: there is nothing left to measure",
                      now().seconds() * 1e6));
    }
    if (result == Result::idle)
      throw RunFailed("nothing is left to happen in the warm-up, but work is unfinished\n" + platform_.holders());
  }

  Window measure() {
    WindowEnd reason = WindowEnd::time;
    const Time start = now();
    if (traces_ != nullptr) traces_->window_begins(start);
    simulation_.stats.reset(start);
    if (traces_ != nullptr) traces_->metrics_reset(start);
    const Time limit = run_.measure == Time() ? run_.time_limit : start + run_.measure;
    if (run_.dmas != 0) platform_.monitor().stop_at(platform_.monitor().completed() + run_.dmas);
    enter("measure", run_.measure == Time() ? start : limit, run_.dmas);
    while (true) {
      const Result result = stepper_.run_until(limit);
      if (platform_.monitor().reached()) {
        reason = WindowEnd::dmas;
        break;
      }
      if (platform_.monitor().finished()) {
        // Posted writes are done for their requester before memory has them: they belong to the window.
        reason = WindowEnd::finished;
        stepper_.run_while_not([this] { return platform_.quiescent(); }, now() + run_.drain_timeout);
        break;
      }
      if (result == Result::idle) {
        throw RunFailed(
            fmt::format("nothing is left to happen at {:.3f} us, but work is unfinished\n", now().seconds() * 1e6) +
            platform_.holders());
      }
      if (result == Result::reached_limit) {
        if (run_.measure != Time()) break;
        throw RunFailed(fmt::format("the window had not ended by run.time_limit, {}, with {} DMAs done",
                                    base::to_text(run_.time_limit), platform_.completed()));
      }
    }
    platform_.monitor().stop_at(0);
    if (traces_ != nullptr) traces_->window_ends(now());
    return {start, now(), reason};
  }

  Time drain() {
    const Time start = now();
    enter("drain", start + run_.drain_timeout);
    platform_.stop_issuing();
    if (!stepper_.run_while_not([this] { return platform_.quiescent(); }, start + run_.drain_timeout)) {
      throw RunFailed(fmt::format("not everything in flight finished within run.drain_timeout, {}. Still holding:\n",
                                  base::to_text(run_.drain_timeout)) +
                      platform_.holders());
    }
    return now() - start;
  }

  const RunConfig run_;
  Progress& progress_;
  TraceFiles* const traces_;
  tlm::Simulation simulation_;
  platforms::Platform platform_;
  Stepper stepper_;
  const char* phase_ = "";
  Time phase_start_, goal_;
  std::uint64_t phase_dmas_ = 0, goal_dmas_ = 0;
};

}  // namespace

RunOutcome run_experiment(const ExperimentConfig& config, const Provenance& provenance, Progress& progress,
                          TraceFiles* traces) {
  const InterruptGuard guard;
  Cycle cycle(config, progress, traces);
  return cycle.run(provenance);
}

}  // namespace iommusim::runner
