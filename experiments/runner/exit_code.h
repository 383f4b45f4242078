// Exit statuses of the `iommusim` program.
#pragma once

namespace iommusim::runner {

/// 0: done. 1: the run failed or was interrupted; nothing was written; a sweep keeps what was done, and also ends with
/// 1 when a claim does not hold. 2: the command line, a configuration or an input file is wrong; nothing was written. A
/// fault of the simulator itself aborts (SIGABRT, 134 in a shell).
enum ExitCode : int { exit_ok = 0, exit_failed = 1, exit_user_error = 2 };

}  // namespace iommusim::runner
