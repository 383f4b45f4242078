#include "platforms/work_monitor.h"

namespace iommusim::platforms {

class WorkMonitor::Watched final : public ep::Workload {
 public:
  Watched(WorkMonitor& monitor, std::unique_ptr<ep::Workload> workload)
      : monitor_(monitor), workload_(std::move(workload)) {}

  Next next(base::Time now) override {
    const Next answer = workload_->next(now);
    if (answer.kind == Next::Kind::dma) ++outstanding_;
    if (answer.kind == Next::Kind::finished) no_more_ = true;
    report_if_finished();
    return answer;
  }
  void done(const ep::DmaResult& result, base::Time now) override {
    workload_->done(result, now);
    --outstanding_;
    monitor_.one_done();
    report_if_finished();
  }
  Offered offered(base::Time now) const override { return workload_->offered(now); }
  bool open_loop() const override { return workload_->open_loop(); }

 private:
  void report_if_finished() {
    if (!no_more_ || outstanding_ != 0 || reported_) return;
    reported_ = true;
    monitor_.one_finished();
  }

  WorkMonitor& monitor_;
  std::unique_ptr<ep::Workload> workload_;
  std::uint64_t outstanding_ = 0;
  bool no_more_ = false;
  bool reported_ = false;
};

std::unique_ptr<ep::Workload> WorkMonitor::watch(std::unique_ptr<ep::Workload> workload) {
  ++watched_;
  return std::make_unique<Watched>(*this, std::move(workload));
}

void WorkMonitor::one_done() {
  ++completed_;
  if (completed_ == stop_at_) scheduler_.stop();
}

void WorkMonitor::one_finished() {
  ++finished_;
  if (finished()) scheduler_.stop();
}

}  // namespace iommusim::platforms
