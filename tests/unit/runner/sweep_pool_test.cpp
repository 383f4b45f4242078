#include "experiments/runner/sweep/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>

namespace iommusim::runner {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::map<std::uint64_t, Pool::Ended> run_all(Pool& pool) {
  std::map<std::uint64_t, Pool::Ended> ended;
  while (!pool.idle())
    for (Pool::Ended& e : pool.wait(1s)) ended.emplace(e.tag, std::move(e));
  return ended;
}

TEST(Pool, ReportsComeBackWholeWithTheirTags) {
  Pool pool(3, {});
  for (std::uint64_t tag = 0; tag < 3; ++tag)
    pool.start(tag, [tag](int report) {
      const std::string text(100000 * (tag + 1), static_cast<char>('a' + tag));  // larger than a pipe holds
      for (std::size_t sent = 0; sent < text.size();)
        sent += static_cast<std::size_t>(::write(report, text.data() + sent, text.size() - sent));
      return 0;
    });
  EXPECT_FALSE(pool.full());
  const auto ended = run_all(pool);
  ASSERT_EQ(ended.size(), 3u);
  for (const auto& [tag, e] : ended) {
    EXPECT_TRUE(e.done);
    EXPECT_EQ(e.report, std::string(100000 * (tag + 1), static_cast<char>('a' + tag)));
  }
}

TEST(Pool, FailuresAreToldApartAndKeepTheirLastLines) {
  Pool pool(4, {});
  pool.start(1, [](int) {
    for (int i = 0; i < 100; ++i) std::cerr << "line " << i << "\n";
    return 1;
  });
  pool.start(2, [](int) { return 2; });
  pool.start(3, [](int) -> int { std::abort(); });
  auto ended = run_all(pool);
  EXPECT_EQ(ended.at(1).status, "exit status 1");
  EXPECT_FALSE(ended.at(1).user_error);
  EXPECT_THAT(ended.at(1).lines, HasSubstr("line 80\n"));
  EXPECT_THAT(ended.at(1).lines, ::testing::Not(HasSubstr("line 79\n")));
  EXPECT_THAT(ended.at(1).lines, ::testing::EndsWith("line 99"));
  EXPECT_TRUE(ended.at(2).user_error);
  EXPECT_EQ(ended.at(3).status, "signal 6 (Aborted)");
}

TEST(Pool, ATimeOutKillsOneProcessAndNoOther) {
  Pool pool(2, {1.5, 0});
  pool.start(1, [](int) {
    ::pause();
    return 0;
  });
  pool.start(2, [](int) { return 0; });
  auto ended = run_all(pool);
  EXPECT_EQ(ended.at(1).status, "timed out after 1.5 s");
  EXPECT_TRUE(ended.at(2).done);
}

TEST(Pool, AMemoryLimitEndsWhoTakesMore) {
  Pool pool(1, {0, std::uint64_t{4} << 30});
  pool.start(1, [](int) {
    try {
      std::vector<char> block;
      block.reserve(std::size_t{5} << 30);
      std::cout << block.capacity();
      return 0;
    } catch (const std::bad_alloc&) {
      return 1;
    }
  });
  EXPECT_EQ(run_all(pool).at(1).status, "exit status 1");
}

TEST(Pool, OnlyAsManyWorkAsAllowedAndOthersWaitReady) {
  Pool pool(2, {0.5, 0});
  int working[2];
  ASSERT_EQ(::pipe(working), 0);
  std::uint64_t tag = 0;
  while (!pool.full())
    pool.start(++tag, [&](int) -> int {
      const char one = 1;
      if (::write(working[1], &one, 1) != 1) return 1;
      while (true) ::pause();
    });
  EXPECT_GT(tag, 2u);
  ::usleep(100000);
  char read[8];
  EXPECT_EQ(::read(working[0], read, sizeof read), 2);
  const auto ended = run_all(pool);
  EXPECT_EQ(ended.size(), tag);
  for (const auto& [t, e] : ended) EXPECT_EQ(e.status, "timed out after 0.5 s") << "counted from when it works";
}

TEST(Pool, StopEndsWhoeverIgnoresIt) {
  Pool pool(2, {});
  for (std::uint64_t tag : {1, 2})
    pool.start(tag, [](int) -> int {
      ::signal(SIGTERM, SIG_IGN);
      while (true) ::pause();
    });
  const auto pids = pool.stop();
  ASSERT_EQ(pids.size(), 2u);
  EXPECT_TRUE(pool.idle());
  for (const pid_t pid : pids) EXPECT_NE(::kill(pid, 0), 0) << "reaped, not only killed";
}

TEST(Pool, WorkersDieWithTheirParent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    Pool pool(1, {});
    pool.start(1, [](int) -> int {
      while (true) ::pause();
    });
    const char ready = 1;
    if (::write(ends[1], &ready, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  ::close(ends[1]);
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "the worker held the other end until it died";
}

TEST(Pool, LastLinesAreWholeLines) {
  EXPECT_EQ(last_lines("a\nb\nc\n\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a", 2), "a");
  EXPECT_EQ(last_lines("", 2), "");
}

}  // namespace
}  // namespace iommusim::runner
