// Processes forked from this one, each doing one piece of work: SystemC allows one simulation per process, and a fork
// of a parent that has everything loaded and checked costs less than a millisecond.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace iommusim::runner {

struct PoolLimits {
  double seconds = 0;        ///< of wall-clock time of a process; 0: none
  std::uint64_t memory = 0;  ///< bytes of its address space; 0: none
};

/// Children die with this process (PR_SET_PDEATHSIG), and do not see the terminal's signals. Some more than may work
/// are made ahead and wait, so that no processor idles while the next is made. Call from one thread.
class Pool {
 public:
  /// Runs in the child: writes what the parent is to know to `report` and returns the exit status. What it prints on
  /// standard output and error is kept.
  using Work = std::function<int(int report)>;
  struct Ended {
    std::uint64_t tag;
    pid_t pid;
    bool done;        ///< exit status 0
    bool user_error;  ///< exit status 2
    std::string
        status;  ///< of one that is not: "exit status 1", "signal 11 (Segmentation fault)", "timed out after 5 s"
    std::string lines;  ///< the last it printed, at most 20 lines
    std::string report;
    double cpu;  ///< seconds, user and system
  };

  Pool(unsigned size, PoolLimits limits);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  bool full() const { return children_.size() >= size_ + ahead(); }
  bool idle() const { return children_.empty(); }
  /// Precondition: not full(). `tag` comes back with the end. Throws base::UserError when no process can be made.
  void start(std::uint64_t tag, const Work& work);
  /// Those that have ended, after at most `wait` when none has; a signal ends the wait.
  std::vector<Ended> wait(std::chrono::milliseconds wait);
  /// Asks all to end (SIGTERM), then kills what is left after two seconds. Returns who they were.
  std::vector<pid_t> stop();

 private:
  struct Child {
    std::uint64_t tag;
    pid_t pid;
    int report, log;
    int go;  ///< written to when it may work; -1 from then on
    std::chrono::steady_clock::time_point deadline;
    bool timed_out = false;
    std::string text;
  };
  [[noreturn]] void run_child(const Work& work, int report, int log, int go, pid_t parent);
  unsigned ahead() const { return 1 + size_ / 8; }
  void let_work();
  Ended reap(Child& child);
  unsigned size_;
  PoolLimits limits_;
  std::vector<Child> children_;
};

/// The last lines of a text, at most `most` of them and 4,000 bytes.
std::string last_lines(const std::string& text, std::size_t most);

}  // namespace iommusim::runner
