#include "experiments/runner/trace/timeline.h"

#include <cmath>

#include "models/base/text.h"

namespace iommusim::runner {

Timeline::Timeline(const TimelineConfig& config, const base::Group& root, std::ostream& out)
    : interval_(config.interval), figures_(root, config.metrics), out_(out), next_(config.interval) {
  out_ << "time_ps";
  for (const auto& column : figures_.columns()) out_ << ',' << column.path;
  out_ << '\n';
  figures_.restart(Time());
}

void Timeline::cut(Time now) {
  if (now == last_) return;
  write();
  figures_.resolve();
  row_ = figures_.take(now);
  last_ = now;
  if (now == next_) next_ = now + interval_;
}

void Timeline::reset(Time now) {
  write();
  figures_.resolve();
  if (now > Time()) figures_.require();
  figures_.restart(now);
}

void Timeline::write() {
  if (row_.empty()) return;
  out_ << last_.ps();
  for (const double figure : row_) {
    out_ << ',';
    if (!std::isnan(figure)) out_ << base::to_text(figure);
  }
  out_ << '\n';
  row_.clear();
}

void Timeline::finish(Time now) {
  if (now == last_ && !row_.empty())
    row_ = figures_.retake(now);
  else
    cut(now);
  write();
  next_ = Time::max();
}

}  // namespace iommusim::runner
