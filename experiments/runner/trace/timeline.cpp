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
  out_ << now.ps();
  for (const double figure : figures_.take(now)) {
    out_ << ',';
    if (!std::isnan(figure)) out_ << base::to_text(figure);
  }
  out_ << '\n';
  last_ = now;
  if (now == next_) next_ = now + interval_;
}

void Timeline::finish(Time now) {
  cut(now);
  next_ = Time::max();
}

}  // namespace iommusim::runner
