// Runs a simulation in a process of its own and brings its result back as JSON: how one test compares several
// simulations, of which SystemC allows one per process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace iommusim::test {

using Json = nlohmann::ordered_json;
using Work = std::function<Json()>;

namespace detail {

struct Child {
  pid_t pid;
  int from;
};

[[noreturn]] inline void run(const Work& work, int to) {
  int status = 0;
  std::string text;
  try {
    text = work().dump();
  } catch (const std::exception& e) {
    text = e.what();
    status = 1;
  }
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = ::write(to, text.data() + at, text.size() - at);
    if (n <= 0) _exit(2);
    at += static_cast<std::size_t>(n);
  }
  std::fflush(nullptr);
  _exit(status);
}

inline Child start(const Work& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);  // or the child writes what is buffered once more
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process");
  if (pid == 0) {
    ::close(ends[0]);
    run(work, ends[1]);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

inline Json finish(const Child& child) {
  std::string text;
  char buffer[65536];
  for (ssize_t n; (n = ::read(child.from, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(child.from);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (status != 0) throw std::runtime_error("a simulation failed (status " + std::to_string(status) + "): " + text);
  return Json::parse(text);
}

}  // namespace detail

/// The results in the order of the work, two processes at a time. Call before the calling process has made a SystemC
/// object. Throws std::runtime_error with what a child had to say if one throws or dies.
inline std::vector<Json> in_children(const std::vector<Work>& work) {
  constexpr std::size_t kAtOnce = 2;
  std::vector<detail::Child> children;
  std::vector<Json> results;
  for (std::size_t i = 0; i < work.size(); ++i) {
    children.push_back(detail::start(work[i]));
    if (i + 1 >= kAtOnce) results.push_back(detail::finish(children[i + 1 - kAtOnce]));
  }
  while (results.size() < work.size()) results.push_back(detail::finish(children[results.size()]));
  return results;
}

inline Json in_child(const Work& work) { return in_children({work}).front(); }

}  // namespace iommusim::test
