// SIGINT and SIGTERM: a run ends at its next check, cleans up and writes nothing.
#pragma once

namespace iommusim::runner {

/// While alive, SIGINT and SIGTERM set a flag instead of ending the process; a second signal ends it at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  /// True once a signal has come.
  static bool requested();
};

}  // namespace iommusim::runner
