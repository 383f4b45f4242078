// Results made by hand: what counts as a result, and what becomes of it.
#include "experiments/runner/sweep/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "experiments/runner/progress.h"
#include "experiments/runner/sweep/table.h"
#include "experiments/runner/version.h"
#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CollectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "iommusim-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    record_.head = {{"schema", 1}, {"title", "t"}, {"factors", nlohmann::ordered_json::array()}};
    record_.head["factors"].push_back({{"name", "size"}, {"unit", "B"}, {"description", "d"}});
    record_.factor_names = {"size"};
    record_.metrics = {{"gbps", "a.throughput", 1, "Gb/s", "rate"}, {"p99_ns", "a.latency.p99", 0.001, "ns", "time"}};
  }
  void TearDown() override { fs::remove_all(root_); }

  void add_point(const std::string& name, double size) {
    PointRecord p;
    p.name = name;
    p.json = nlohmann::ordered_json{{"name", name},
                                    {"run", "x.yaml"},
                                    {"settings", nlohmann::ordered_json::object()},
                                    {"columns", {{"size", size}}},
                                    {"seed", 5},
                                    {"configuration_sha256", {name + "5"}}}
                 .dump();
    p.json.pop_back();
    p.cells = std::to_string(static_cast<int>(size)) + ",";
    p.seed = 5;
    p.sha256 = {name + "5"};
    record_.points.push_back(p);
  }
  void write_result(const std::string& folder, const std::string& sha256, std::uint64_t seed, double gbps,
                    const std::string& of_version = version()) {
    fs::create_directories(root_ / "runs" / folder);
    std::ofstream(root_ / "runs" / folder / "result.json")
        << nlohmann::ordered_json{{"schema", 1},
                                  {"simulator", {{"name", "iommusim"}, {"version", of_version}}},
                                  {"seed", seed},
                                  {"configuration_sha256", sha256},
                                  {"window", {{"start", 0}}},
                                  {"metrics",
                                   {{"a",
                                     {{"throughput", {{"value", gbps}, {"unit", "Gb/s"}, {"description", "d"}}},
                                      {"latency", {{"p99", 4500}, {"unit", "ps"}, {"description", "d"}}}}}}}};
  }
  SweepLayout layout() const { return {root_, record_.replicated}; }
  SweepOutcome run(Journal* journal = nullptr) {
    const SweepLayout where = layout();
    RunIndex index(record_, where);
    index.note_in(journal);
    return collect(record_, where, index);
  }
  std::string text(const std::string& name) const {
    std::ifstream in(root_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path root_;
  SweepRecord record_;
};

TEST_F(CollectTest, RowsAreInTheOrderOfPointsWithScaledMetrics) {
  add_point("b", 64);
  add_point("a", 32);
  write_result("a", "a5", 5, 2.5);
  write_result("b", "b5", 5, 1e6);
  const SweepOutcome outcome = run();
  EXPECT_EQ(outcome.done, 2u);
  EXPECT_EQ(text("results.csv"), "point,size,seed,gbps,p99_ns\nb,64,5,1000000,4.5\na,32,5,2.5,4.5\n");
  const auto columns = nlohmann::ordered_json::parse(text("results.columns.json"));
  EXPECT_EQ(columns["p99_ns"]["unit"], "ns");
  EXPECT_EQ(columns["size"]["kind"], "factor");
}

TEST_F(CollectTest, AResultOfAnotherConfigurationOrVersionDoesNotCount) {
  for (const char* name : {"good", "digest", "version", "seed", "torn", "none"}) add_point(name, 1);
  write_result("good", "good5", 5, 1);
  write_result("digest", "other", 5, 1);
  write_result("version", "version5", 5, 1, "0.0.0");
  write_result("seed", "seed5", 6, 1);
  fs::create_directories(root_ / "runs" / "torn");
  std::ofstream(root_ / "runs" / "torn" / "result.json") << "{\"schema\": 1, \"configuration_sha256\": \"torn5\", \"se";
  const SweepOutcome outcome = run();
  EXPECT_EQ(outcome.done, 1u);
  EXPECT_EQ(outcome.pending, 5u);
  EXPECT_EQ(text("results.csv"), "point,size,seed,gbps,p99_ns\ngood,1,5,1,4.5\n");
}

TEST_F(CollectTest, WhatTheJournalTellsIsNotReadAgainUnlessTheFileChanged) {
  add_point("a", 1);
  write_result("a", "a5", 5, 1);
  {
    Journal journal(root_, "journal.jsonl");
    run(&journal);
  }
  const std::string journal_text = text("journal.jsonl");
  EXPECT_THAT(journal_text, HasSubstr("\"row\":[1.0,4.5]"));
  std::ofstream(root_ / "journal.jsonl") << std::string(journal_text).replace(journal_text.find("[1.0"), 4, "[7.0");
  run();
  EXPECT_THAT(text("results.csv"), HasSubstr("a,1,5,7,4.5")) << "taken from the journal";
  write_result("a", "a5", 5, 123456);
  run();
  EXPECT_THAT(text("results.csv"), HasSubstr("a,1,5,123456,4.5"));
  fs::remove_all(root_ / "runs" / "a");
  EXPECT_EQ(run().pending, 1u) << "a journal is no result";
}

TEST_F(CollectTest, ALineCutShortIsPassedOverAndDoesNotSwallowTheNext) {
  add_point("a", 1);
  std::ofstream(root_ / "journal.jsonl") << "{\"point\":\"a\",\"see";
  {
    Journal journal(root_, "journal.jsonl");
    RunRecord record;
    record.point = "a";
    record.seed = 5;
    record.point_sha256 = "a5";
    record.status = "exit status 1";
    record.lines = "bad \xff bytes";
    journal.append(record);
  }
  const SweepOutcome outcome = run();
  ASSERT_EQ(outcome.failed, 1u);
  EXPECT_EQ(outcome.failures[0].status, "exit status 1");
  EXPECT_THAT(failures_text(outcome), HasSubstr("a (seed 5): exit status 1\n    bad "));
}

TEST_F(CollectTest, ReplicationsBeyondTheRuleDoNotCount) {
  record_.replicated = true;
  record_.rule = {2, true, 0.1, 0.95, 2, 6};
  record_.until_metric = 0;
  add_point("a", 1);
  Journal journal(root_, "journal.jsonl");
  const double values[] = {10, 10.1, 50, 60};  // two are enough
  for (unsigned r = 0; r < 4; ++r) {
    write_result("a/" + std::to_string(5 + r), "sha", 5 + r, values[r]);
    RunRecord record;
    record.point = "a";
    record.seed = 5 + r;
    record.point_sha256 = "a5";
    record.done = true;
    record.columns = columns_digest(record_.metrics);
    record.row = {values[r], 4.5};
    stat_result(layout().folder("a", 5 + r), record);
    journal.append(record);
  }
  EXPECT_EQ(run().runs, 2u);
  EXPECT_EQ(text("results.csv"), "point,size,seed,gbps,p99_ns\na,1,5,10,4.5\na,1,6,10.1,4.5\n");
}

TEST_F(CollectTest, AStudyReadsBackAsItWasWritten) {
  record_.replicated = true;
  record_.rule = {2, true, 0.1, 0.95, 2, 6};
  record_.until_metric = 1;
  add_point("a", 1);
  add_point("b", 2.5);
  Claim claim;
  claim.text = "less";
  claim.metric = "gbps";
  claim.reference = "f.csv: x";
  claim.at_most = 3;
  claim.rows.push_back({1, 0, 2.5});
  record_.claims.push_back(claim);
  write_study(layout(), record_, {}, [](std::size_t) { return std::vector<RunState>{{5, "pending"}}; });
  const SweepRecord read = read_study(root_);
  EXPECT_EQ(read.head, record_.head);
  ASSERT_EQ(read.points.size(), 2u);
  EXPECT_EQ(read.points[1].json, record_.points[1].json);
  EXPECT_EQ(read.points[0].cells, record_.points[0].cells);
  EXPECT_EQ(read.points[1].sha256, record_.points[1].sha256);
  EXPECT_EQ(read.rule.at_most, 6u);
  EXPECT_EQ(read.until_metric, 1);
  EXPECT_EQ(to_json(read.claims[0]), to_json(claim));
  EXPECT_EQ(read.claims[0].reference, claim.reference);
  EXPECT_EQ(columns_digest(read.metrics), columns_digest(record_.metrics));
}

TEST_F(CollectTest, ClaimsAreOfMeansOverReplications) {
  record_.replicated = true;
  record_.rule.count = 1;
  add_point("a", 1);
  write_result("a/5", "a5", 5, 3.5);
  Claim claim;
  claim.text = "sentence";
  claim.metric = "gbps";
  claim.at_most = 3;
  claim.rows.push_back({0, std::nullopt, std::nullopt});
  record_.claims = {claim};
  const SweepOutcome outcome = run();
  EXPECT_EQ(outcome.claims[0].status, ClaimStatus::fail);
  EXPECT_EQ(claims_text(record_, outcome), "claims: 0 of 1 hold\n  fail    sentence\n          3.5 at a, limit <= 3\n");
  EXPECT_EQ(nlohmann::json::parse(text("study.json"))["claims"][0]["status"], "fail");
}

TEST_F(CollectTest, AFolderOfNoSweepIsRefused) {
  EXPECT_THROW(read_study(root_), base::UserError);
  std::ofstream(root_ / "study.json") << "{\"schema\": 1}";
  EXPECT_THROW(read_study(root_), base::UserError);
}

TEST(Table, NumbersStandToTheRight) {
  EXPECT_EQ(aligned({{"a", "n"}, {"xyz", "1"}, {"x", "100"}}), "a      n\nxyz    1\nx    100\n");
}

TEST_F(CollectTest, AJournalCutAtAnyByteTellsOfEveryWholeLineBeforeAndAfter) {
  RunRecord run;
  run.done = true;
  run.row = {1.5, std::nan("")};
  {
    Journal journal(root_, "journal.jsonl");
    for (const char* point : {"a", "b", "c"}) {
      run.point = point;
      journal.append(run);
    }
  }
  const fs::path file = root_ / "journal.jsonl";
  std::stringstream whole;
  whole << std::ifstream(file).rdbuf();
  const std::string text = whole.str();
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::ofstream(file, std::ios::trunc) << text.substr(0, size);
    run.point = "after";
    Journal(root_, "journal.jsonl").append(run);
    std::string points;
    Journal::read(root_, [&](RunRecord&& r) { points += r.point; });
    const auto lines =
        static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
    // A last line that lacks nothing but its end is whole.
    const bool only_end = size < text.size() && text[size] == '\n';
    EXPECT_EQ(points, std::string("abc").substr(0, lines + only_end) + "after") << size;
  }
}

TEST_F(CollectTest, LinesOfAJournalThatAreNotOursArePassedOver) {
  std::ofstream(root_ / "journal-x.jsonl") << "{}\n[1]\n{\"point\":1}\n\xff\xfe\n"
                                           << std::string(100000, '[') << "\n"
                                           << R"({"point":"a","seed":-1,"config":"","state":"done"})"
                                           << "\n";
  Journal::read(root_, [](RunRecord&&) { FAIL(); });
}

TEST(Progress, FitsTheTerminal) {
  const std::string detail = "1234 of 100000 runs, 12.3/s, 2:14 h left, 3 failed";
  EXPECT_EQ(progress_line("sweep", 0.5, "10 of 20 runs", 200),
            "   sweep [###############...............]  50 %  10 of 20 runs");
  for (std::size_t columns : {1u, 10u, 40u, 60u, 80u, 132u}) {
    const std::string line = progress_line("sweep", 0.0123, detail, columns);
    EXPECT_LT(line.size(), columns);
    EXPECT_EQ(line.find(detail) != std::string::npos, columns >= 80) << columns;
    EXPECT_EQ(line.find('[') != std::string::npos, columns >= 80) << columns;
  }
}

}  // namespace
}  // namespace iommusim::runner
