#include "experiments/runner/sweep/sweep.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "experiments/runner/exit_code.h"
#include "experiments/runner/interrupt.h"
#include "experiments/runner/output_folder.h"
#include "experiments/runner/progress.h"
#include "experiments/runner/sweep/collect.h"
#include "experiments/runner/sweep/resolver.h"
#include "experiments/runner/sweep/schedule.h"
#include "experiments/runner/sweep/sweep_folder.h"
#include "experiments/runner/sweep/table.h"
#include "experiments/runner/sweep/worker.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::string duration_text(double seconds) {
  const auto s = static_cast<long>(std::lround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s / 60 % 60);
}

class Sweep {
 public:
  Sweep(const Study& study, const SweepOptions& options)
      : study_(study),
        options_(options),
        layout_(fs::absolute(options.output).lexically_normal(), study.replicated()) {}

  int run() {
    prepare();
    if (options_.prepare) {
      if (!options_.quiet)
        std::cout << fmt::format("{} points prepared in {}\n", record_->points.size(), options_.output.string());
      return exit_ok;
    }
    const InterruptGuard guard;
    const auto start = Clock::now();
    const bool whole = run_all();
    wall_ = std::chrono::duration<double>(Clock::now() - start).count();
    if (!whole) return interrupted();
    if (options_.share) return failed_ == 0 ? exit_ok : exit_failed;
    const SweepOutcome outcome = collect(*record_, layout_, *index_);
    report(outcome);
    bool held = true;
    for (const ClaimResult& c : outcome.claims) held = held && c.status == ClaimStatus::pass;
    return outcome.failed == 0 && outcome.pending == 0 && held ? exit_ok : exit_failed;
  }

 private:
  std::vector<std::size_t> points_of_share() const {
    std::vector<std::size_t> points;
    for (std::size_t p = 0; p < study_.points.size(); ++p)
      if (!options_.share || p % options_.share->of == options_.share->part) points.push_back(p);
    return points;
  }

  /// Everything that can be wrong is found here, before anything is written.
  void prepare() {
    resolver_ = std::make_unique<Resolver>(study_);
    std::error_code e;
    const bool exists = holds_files(layout_.root());
    const bool ours = fs::exists(layout_.study(), e);
    if (exists && !ours)
      throw base::UserError(options_.output.string() + " exists and is no folder of a sweep: it has no study.json");
    if (exists && !options_.resume && !options_.force)
      throw base::UserError(
          options_.output.string() +
          " exists already. Go on with --resume, replace it with --force, or choose another folder with -o.");
    if (options_.share) {
      if (!ours)
        throw base::UserError(options_.output.string() + " has no study.json: a share joins a sweep that has one");
      record_ = std::make_unique<SweepRecord>(read_study(layout_.root()));
      const auto mine = points_of_share();
      const auto checked = resolver_->check(mine);
      bool same = record_->points.size() == study_.points.size();
      for (std::size_t i = 0; same && i < mine.size(); ++i) same = record_->points[mine[i]].sha256 == checked[i].sha256;
      if (!same) throw base::UserError(study_.path + " has changed since " + layout_.study().string() + " was written");
    } else {
      const auto checked = resolver_->check();
      auto metrics = find_metrics(study_, *resolver_, options_.jobs);
      record_ = std::make_unique<SweepRecord>(record_of(study_, checked, std::move(metrics)));
    }
    fs::create_directories(layout_.root(), e);
    if (e) throw base::UserError("cannot create " + layout_.root().string() + ": " + e.message());
    lock_ = std::make_unique<FolderLock>(layout_, options_.share.has_value());
    if (!options_.share) {
      if (!exists && holds_files(layout_.root()))
        throw base::UserError("another sweep has begun in " + options_.output.string() + " meanwhile");
      if (exists && options_.force) remove_results(layout_);
      remove_leftovers(layout_, study_.replicated());
      remove_broken(layout_, study_.replicated());
      write_study(layout_, *record_, {}, [this](std::size_t p) { return planned_runs(p); });
    }
    fs::create_directories(layout_.runs(), e);
    journal_ = std::make_unique<Journal>(
        layout_.root(), options_.share
                            ? fmt::format("journal-{}-{}-{}.jsonl", options_.share->part, host_name(), ::getpid())
                            : "journal.jsonl");
    columns_ = columns_digest(record_->metrics);
    index_ = std::make_unique<RunIndex>(*record_, layout_);
    index_->digest_by([this](RunId id) {
      return resolver_->provenance(resolver_->config(study_.points[id.point], id.replication)).configuration_sha256;
    });
    index_->note_in(journal_.get());
  }
  std::vector<RunState> planned_runs(std::size_t p) const {
    std::vector<RunState> runs;
    for (unsigned r = 0; r < record_->rule.count; ++r) runs.push_back({record_->points[p].seed + r, "pending"});
    return runs;
  }
  double until_value(const RunRecord& run) const {
    return record_->until_metric < 0 ? kNoFigure : run.row[static_cast<std::size_t>(record_->until_metric)];
  }

  /// False when interrupted.
  bool run_all() {
    Schedule schedule(record_->rule, points_of_share(), [this](RunId id, double& value) {
      const RunRecord* run = index_->done(id);
      if (run) value = until_value(*run);
      return run != nullptr;
    });
    had_ = schedule.existing();
    ::malloc_trim(0);  // each process begins as a copy of this one: what checking has left need not be copied
    Pool pool(options_.jobs, options_.limits);
    Progress progress(!options_.quiet);
    const auto start = Clock::now();
    const auto show_now = [&] {
      show(progress, schedule, std::chrono::duration<double>(Clock::now() - start).count());
    };
    try {
      while (!schedule.empty() || !pool.idle()) {
        while (!pool.full() && !schedule.empty() && !InterruptGuard::requested()) {
          begin(pool, schedule.next());
          show_now();
        }
        for (const Pool::Ended& e : pool.wait(std::chrono::milliseconds(200))) end(schedule, e);
        if (InterruptGuard::requested()) {
          progress.clear();
          stop(pool);
          return false;
        }
        show_now();
      }
    } catch (...) {  // the journal cannot be written, no process can be made
      stop(pool);
      throw;
    }
    return true;
  }

  void begin(Pool& pool, RunId id) {
    const std::uint64_t tag = next_tag_++;
    running_[tag] = id;
    // Here rather than in the process: there everything that is touched first has to be copied.
    const ExperimentConfig config = resolver_->config(study_.points[id.point], id.replication);
    const PointRecord& point = record_->points[id.point];
    const Provenance provenance =
        resolver_->provenance(config, id.replication < point.sha256.size() ? point.sha256[id.replication] : "");
    pool.start(tag, [&](int report) {
      return run_in_worker(config, provenance, record_->metrics, layout_.folder(point.name, config.run.seed), report);
    });
  }

  void end(Schedule& schedule, const Pool::Ended& ended) {
    const RunId id = running_.at(ended.tag);
    running_.erase(ended.tag);
    const PointRecord& point = record_->points[id.point];
    const fs::path folder = layout_.folder(point.name, index_->seed(id));
    of_workers_ += ended.cpu;
    RunRecord run;
    run.point = point.name;
    run.seed = index_->seed(id);
    run.point_sha256 = point.sha256.front();
    run.done = ended.done && stat_result(folder, run);
    if (run.done) {
      WorkerReport report = parse_report(ended.report);
      run.row = std::move(report.row);
      run.cpu = report.cpu;
      run.columns = columns_;
      useful_ += run.cpu;
      ++ran_;
    } else {
      if (InterruptGuard::requested()) return;  // it did not fail, it was stopped
      std::error_code e;
      fs::remove_all(OutputFolder::working_of(folder, ended.pid), e);
      if (!ended.user_error && attempts_[key(id)]++ < options_.retry) return schedule.again(id);
      run.status = ended.status;
      run.lines = ended.lines;
      ++failed_;
      if (options_.share)  // nobody collects here: the log of a batch job should say why it failed
        std::cerr << failure_text({run.point, run.seed, run.status, run.lines}) << std::flush;
    }
    journal_->append(run);
    const double value = run.done ? until_value(run) : kNoFigure;
    index_->put(id, std::move(run));
    schedule.ended(id, value);
  }
  static std::uint64_t key(RunId id) { return (static_cast<std::uint64_t>(id.point) << 24) | id.replication; }

  void stop(Pool& pool) {
    std::vector<fs::path> folders;
    for (const auto& [tag, id] : running_)
      folders.push_back(layout_.folder(record_->points[id.point].name, index_->seed(id)));
    for (const pid_t pid : pool.stop()) {
      std::error_code e;
      for (const fs::path& folder : folders) fs::remove_all(OutputFolder::working_of(folder, pid), e);
    }
  }

  void show(Progress& progress, const Schedule& schedule, double elapsed) {
    const std::size_t ended = ran_ + failed_, left = schedule.planned() - schedule.existing() - ended;
    const double rate = elapsed > 0 ? static_cast<double>(ended) / elapsed : 0;
    std::string detail = fmt::format("{} of {} runs, {:.3g}/s", had_ + ended, schedule.planned(), rate);
    if (rate > 0) detail += ", " + duration_text(static_cast<double>(left) / rate) + " left";
    if (failed_ > 0) detail += fmt::format(", {} failed", failed_);
    progress.show("sweep", static_cast<double>(had_ + ended) / static_cast<double>(schedule.planned()), detail);
  }

  int interrupted() {
    std::cerr << fmt::format("iommusim: interrupted with {} runs done; go on with --resume\n", had_ + ran_);
    return exit_failed;
  }

  void report(const SweepOutcome& outcome) {
    const double share = wall_ > 0 ? useful_ / (wall_ * options_.jobs) : 0;
    write_file(
        layout_.root() / "sweep.log",
        fmt::format("runs            {} ran, {} had a result, {} failed\nwall_clock      {:.3f} s on {} processes\n"
                    "simulations     {:.3f} s of CPU time, {:.1f} % of processes times wall clock\n"
                    "around_them     {:.3f} s of CPU time in their processes, {:.3f} s in this one\n",
                    ran_, had_, failed_, wall_, options_.jobs, useful_, 100 * share, of_workers_ - useful_,
                    cpu_seconds()));
    if (!options_.quiet) {
      std::cout << study_.config.title << "\n" << results_text(layout_.results(), 60);
      std::cout << fmt::format("{} runs in {} on {} processes{}; {:.0f} % of their time in simulations\n", ran_,
                               duration_text(wall_), options_.jobs,
                               had_ > 0 ? fmt::format(", {} had results", had_) : "", 100 * share);
    }
    std::cout << claims_text(*record_, outcome);
    if (!options_.quiet) std::cout << "results in " << options_.output.string() << "\n";
    std::cout.flush();
    if (outcome.failed > 0)
      std::cerr << fmt::format("iommusim: {} of {} runs failed\n", outcome.failed, outcome.runs)
                << failures_text(outcome);
  }

  const Study& study_;
  const SweepOptions& options_;
  const SweepLayout layout_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<SweepRecord> record_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<RunIndex> index_;
  std::string columns_;  // digest of the metrics
  std::unordered_map<std::uint64_t, RunId> running_;
  std::unordered_map<std::uint64_t, unsigned> attempts_;
  std::uint64_t next_tag_ = 0;
  std::size_t ran_ = 0, had_ = 0, failed_ = 0;
  double useful_ = 0, of_workers_ = 0, wall_ = 0;  // seconds
};

}  // namespace

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

int run_sweep(const Study& study, const SweepOptions& options) { return Sweep(study, options).run(); }

namespace {

std::vector<RunId> missing_runs(const Study& study, const Resolver& resolver,
                                const std::vector<Resolver::Checked>& checked, const SweepLayout& layout) {
  std::vector<std::size_t> points(study.points.size());
  std::iota(points.begin(), points.end(), std::size_t{0});
  SweepRecord record = record_of(study, checked, {});
  std::error_code e;
  if (fs::exists(layout.study(), e)) {
    record = read_study(layout.root());
    bool same = record.points.size() == points.size();
    for (std::size_t p = 0; same && p < points.size(); ++p) same = record.points[p].sha256 == checked[p].sha256;
    if (!same)
      throw base::UserError(study.path + " has changed since " + layout.study().string() +
                            " was written: bring it up to date with --prepare --resume");
  }
  RunIndex index(record, layout);
  index.digest_by([&](RunId id) {
    return resolver.provenance(resolver.config(study.points[id.point], id.replication)).configuration_sha256;
  });
  // `collect` has no study to tell it what later replications are: what is found valid here is noted for it.
  std::optional<Journal> journal;
  if (fs::exists(layout.study(), e)) index.note_in(&journal.emplace(layout.root(), "journal-found.jsonl"));
  Schedule schedule(record.rule, std::move(points), [&](RunId id, double& value) {
    const RunRecord* run = index.done(id);
    if (run && record.until_metric >= 0) value = run->row[static_cast<std::size_t>(record.until_metric)];
    return run != nullptr;
  });
  std::vector<RunId> runs;
  while (!schedule.empty()) runs.push_back(schedule.next());
  return runs;
}

}  // namespace

bool is_complete(const Study& study, const fs::path& output) {
  const Resolver resolver(study);
  return missing_runs(study, resolver, resolver.check(), {fs::absolute(output).lexically_normal(), study.replicated()})
      .empty();
}

std::string export_runs(const Study& study, const fs::path& output) {
  const Resolver resolver(study);
  const auto checked = resolver.check();
  const SweepLayout layout(fs::absolute(output).lexically_normal(), study.replicated());
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  std::string text;
  for (const RunId id : missing_runs(study, resolver, checked, layout)) {
    const Point& point = study.points[id.point];
    std::string settings;
    for (const SettingGroup* group : point.settings)
      for (const SettingGroup::Setting& s : group->settings)
        settings += " -s " + shell_quoted(s.path + "=" + flow_text(s.value));
    const ExperimentConfig config = resolver.config(point, 0);
    if (config.replay) settings += " -s " + shell_quoted("replay.file=" + config.replay->file);
    const std::uint64_t seed = checked[id.point].seed + id.replication;
    text += shell_quoted(program) + " run " +
            shell_quoted(fs::absolute(study.files[point.file]).lexically_normal().string()) + settings +
            " -s run.seed=" + std::to_string(seed) + " -q --force -o " +
            shell_quoted(layout.folder(point.name, seed).string()) + "\n";
  }
  return text;
}

fs::path default_sweep_output(const std::string& study_file) {
  const fs::path file = fs::absolute(study_file).lexically_normal();
  const std::string folder = file.parent_path().filename().string(), name = file.stem().string();
  return fs::path("results") / (name == "sweep" ? folder : folder + "-" + name);
}

}  // namespace iommusim::runner
