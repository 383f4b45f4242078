// SIGINT, SIGTERM and SIGHUP: a run ends at its next check, cleans up and writes nothing.
#pragma once

#include <signal.h>

#include <array>

namespace iommusim::runner {

/// While alive, these signals set a flag instead of ending the process; a second one ends it at once. A signal that is
/// ignored (nohup, background jobs of scripts) stays so.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  /// True once a signal has come.
  static bool requested();

 private:
  static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

}  // namespace iommusim::runner
