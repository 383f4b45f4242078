#include "experiments/runner/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace iommusim::runner {

std::string progress_line(const std::string& phase, double done, const std::string& detail, std::size_t columns) {
  const double share = std::clamp(done, 0.0, 1.0);
  std::string text = fmt::format(" {:3.0f} %  {}", std::floor(share * 100), detail);
  const std::size_t rest = text.size() + std::max<std::size_t>(phase.size(), 8) + 4;  // the last column stays free
  const std::size_t width = columns > rest ? std::min<std::size_t>(columns - rest, 30) : 0;
  if (width >= 5) {
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    text = " [" + std::string(filled, '#') + std::string(width - filled, '.') + "]" + text;
  }
  text = fmt::format("{:>8}", phase) + text;
  return text.substr(0, columns > 0 ? columns - 1 : 0);
}

Progress::Progress(bool enabled) : enabled_(enabled && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::show(const std::string& phase, double done, const std::string& detail) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (shown_ && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  struct winsize window {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
  std::fputs(("\r\033[K" + progress_line(phase, done, detail, known ? window.ws_col : 80)).c_str(), stderr);
  std::fflush(stderr);
}

void Progress::clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace iommusim::runner
