#include "experiments/runner/sweep/pool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <utility>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void cannot(const char* what) {
  throw base::UserError(std::string("cannot ") + what + ": " + std::strerror(errno));
}

double seconds(const struct timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

std::string tail_of(int file) {
  constexpr off_t most = 8192;
  const off_t size = ::lseek(file, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::min(size, most)), '\0');
  const ssize_t got = ::pread(file, text.data(), text.size(), size - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

}  // namespace

std::string last_lines(const std::string& text, std::size_t most) {
  std::size_t end = text.size();
  while (end > 0 && text[end - 1] == '\n') --end;
  std::size_t begin = end;
  for (std::size_t lines = 0; begin > 0 && end - begin < 4000; --begin)
    if (text[begin - 1] == '\n' && ++lines == most) break;
  return text.substr(begin, end - begin);
}

Pool::Pool(unsigned size, PoolLimits limits) : size_(size), limits_(limits) {
  struct rlimit files {};  // three per process: the usual 1,024 are too few for a large machine
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

Pool::~Pool() {
  for (const Child& c : children_) ::kill(c.pid, SIGKILL);
  for (Child& c : children_) reap(c);
}

void Pool::run_child(const Work& work, int report, int log, int go, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C is the parent's to handle
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    ::sigaction(number, nullptr, &now);
    if (now.sa_handler != SIG_IGN) ::signal(number, SIG_DFL);  // nohup's choice stays
  }
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  if (limits_.memory != 0) {
    const struct rlimit limit { limits_.memory, limits_.memory };
    ::setrlimit(RLIMIT_AS, &limit);
  }
  const struct rlimit no_core { 0, 0 };
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::uint64_t value = 0;
  while (::read(go, &value, sizeof value) < 0 && errno == EINTR) {}
  const int status = work(report);
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(status);  // no destructors: they are the parent's
}

void Pool::start(std::uint64_t tag, const Work& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) cannot("make a pipe");
  const int log = ::memfd_create("run", MFD_CLOEXEC);
  if (log < 0) cannot("make a file in memory");
  const int go = ::eventfd(0, EFD_CLOEXEC);
  if (go < 0) cannot("make an event");
  std::cout.flush();
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) cannot("start a process");
  if (pid == 0) {
    ::close(ends[0]);
    run_child(work, ends[1], log, go, parent);
  }
  ::close(ends[1]);  // so that the pipe ends with the child
  children_.push_back({tag, pid, ends[0], log, go, Clock::time_point::max(), false, ""});
  let_work();
}

void Pool::let_work() {
  const auto limit = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limits_.seconds));
  // One that has reported has done its work and is giving back its memory.
  std::size_t working = 0;
  for (const Child& c : children_) working += c.go < 0 && c.text.empty();
  for (Child& c : children_) {
    if (c.go < 0) continue;
    if (working++ >= size_) break;
    const std::uint64_t one = 1;
    if (::write(c.go, &one, sizeof one) < 0) cannot("start a process");
    ::close(std::exchange(c.go, -1));
    if (limits_.seconds > 0) c.deadline = Clock::now() + limit;
  }
}

Pool::Ended Pool::reap(Child& child) {
  int status = 0;
  struct rusage usage {};
  while (::wait4(child.pid, &status, 0, &usage) < 0 && errno == EINTR) {}
  Ended ended{child.tag,
              child.pid,
              false,
              false,
              "",
              "",
              std::move(child.text),
              seconds(usage.ru_utime) + seconds(usage.ru_stime)};
  if (WIFEXITED(status)) {
    ended.done = WEXITSTATUS(status) == 0;
    ended.user_error = WEXITSTATUS(status) == 2;
    if (!ended.done) ended.status = fmt::format("exit status {}", WEXITSTATUS(status));
  } else {
    ended.status = fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  }
  if (child.timed_out) ended.status = fmt::format("timed out after {:g} s", limits_.seconds);
  if (!ended.done) ended.lines = last_lines(tail_of(child.log), 20);
  ::close(child.report);
  ::close(child.log);
  if (child.go >= 0) ::close(child.go);
  return ended;
}

std::vector<Pool::Ended> Pool::wait(std::chrono::milliseconds wait) {
  std::vector<struct pollfd> files;
  auto until = Clock::now() + wait;
  for (const Child& c : children_) {
    files.push_back({c.report, POLLIN, 0});
    if (!c.timed_out) until = std::min(until, c.deadline);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  const int ready = ::poll(files.data(), files.size(), static_cast<int>(std::max<long>(left + 1, 0)));
  const auto now = Clock::now();
  std::vector<Ended> ended;
  for (std::size_t i = children_.size(); i-- > 0;) {
    Child& c = children_[i];
    if (!c.timed_out && now >= c.deadline) {
      c.timed_out = true;
      ::kill(c.pid, SIGKILL);
    }
    if (ready <= 0 || files[i].revents == 0) continue;
    char buffer[65536];
    const ssize_t got = ::read(c.report, buffer, sizeof buffer);
    if (got > 0) {
      c.text.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      ended.push_back(reap(c));
      children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  let_work();
  return ended;
}

std::vector<pid_t> Pool::stop() {
  std::vector<pid_t> all;
  for (const Child& c : children_) {
    all.push_back(c.pid);
    ::kill(c.pid, SIGTERM);
  }
  const auto until = Clock::now() + std::chrono::seconds(2);
  while (!children_.empty() && Clock::now() < until) wait(std::chrono::milliseconds(50));
  for (const Child& c : children_) ::kill(c.pid, SIGKILL);
  for (Child& c : children_) reap(c);
  children_.clear();
  return all;
}

}  // namespace iommusim::runner
