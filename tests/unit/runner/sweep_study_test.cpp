#include "experiments/runner/sweep/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "experiments/runner/sweep/resolver.h"
#include "models/base/config/raw.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const kExperiment =
    "schema: 1\nname: base\nrun: {measure: 10 us, seed: 40}\n"
    "platform:\n  endpoints: [{name: a, bdf: \"01:00.0\"}, {name: b, bdf: \"02:00.0\"}]\n"
    "  iommu: {architecture: {type: vtd}}\n"
    "workloads:\n"
    "  - {endpoint: a, buffer: {size: 64 KiB}, traffic: {type: generator, window: 1, streams: [{pattern: {type: "
    "random}, size: {type: fixed, "
    "bytes: 64 B}}]}}\n"
    "  - {endpoint: b, buffer: {size: 64 KiB}, traffic: {type: generator, window: 1, streams: [{pattern: {type: "
    "random}, size: {type: fixed, "
    "bytes: 64 B}}]}}\n";

const char* const kHead = "schema: 1\ntitle: t\nrun: base.yaml\nmetrics: {gbps: a.dma.throughput}\n";

class StudyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "iommusim-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    write("base.yaml", kExperiment);
    write("other.yaml", kExperiment);
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(root_ / name) << text; }
  std::unique_ptr<Study> load(const std::string& text) {
    write("s.yaml", text);
    return load_study((root_ / "s.yaml").string());
  }
  /// The errors of a study, without the folder's name.
  std::string errors(const std::string& text, bool resolve = false) {
    try {
      const auto study = load(text);
      if (resolve) Resolver(*study).check();
    } catch (const base::ConfigError& e) {
      std::string what = e.what();
      const std::string folder = root_.string() + "/";
      for (std::size_t at; (at = what.find(folder)) != std::string::npos;) what.erase(at, folder.size());
      return what;
    }
    return "";
  }
  static std::vector<std::string> names(const Study& study) {
    std::vector<std::string> out;
    for (const Point& p : study.points) out.push_back(p.name);
    return out;
  }
  fs::path root_;
};

TEST_F(StudyTest, FactorsAreCrossedTheLastOneFastest) {
  const auto study =
      load(std::string(kHead) +
           "vary:\n"
           "  - {name: window, path: \"workloads[0].buffer.size\", range: from 64 KiB to 128 KiB factor 2}\n"
           "  - name: domain\n"
           "    cases:\n"
           "      - {label: none, set: {platform.iommu.present: false}}\n"
           "      - {label: DMA}\n");
  EXPECT_THAT(names(*study), ElementsAre("64KiB-none", "64KiB-DMA", "128KiB-none", "128KiB-DMA"));
  const Resolver resolver(*study);
  const ExperimentConfig third = resolver.config(study->points[2], 0);
  EXPECT_EQ(third.workloads[0].buffer.size, base::Bytes(128 << 10));
  EXPECT_FALSE(third.platform.iommu->present);
  EXPECT_TRUE(resolver.config(study->points[3], 0).platform.iommu->present);
  EXPECT_EQ(study->factors[0].unit(), "B");
  EXPECT_EQ(study->factors[1].unit(), "");
}

TEST_F(StudyTest, CasesMayRunAnotherFileAndLabelsMayBeNumbers) {
  const auto study =
      load(std::string(kHead) + "vary:\n  - {name: ends, cases: [{label: 1}, {label: 2, run: other.yaml}]}\n");
  EXPECT_THAT(names(*study), ElementsAre("1", "2"));
  EXPECT_EQ(study->points[0].file, 0u);
  EXPECT_EQ(study->points[1].file, 1u);
  EXPECT_EQ(*study->points[1].values[0]->number, 2);
}

TEST_F(StudyTest, CombinationsAreExcludedByOneValueOrSeveral) {
  const std::string factors =
      "vary:\n"
      "  - {name: size, path: \"workloads[0].buffer.size\", values: [64 KiB, 1 MiB]}\n"
      "  - {name: window, path: \"workloads[0].traffic.window\", values: [1, 2, 4]}\n";
  EXPECT_THAT(names(*load(kHead + factors + "exclude: [{size: 1024 KiB, window: [2, 4]}]\n")),
              ElementsAre("64KiB-1", "64KiB-2", "64KiB-4", "1MiB-1"))
      << "values are compared as quantities";
  EXPECT_THAT(errors(kHead + factors + "exclude: [{size: 2 MiB}, {widnow: 1}]\n"),
              "s.yaml:8:18: exclude[0].size: no point has the value '2 MiB'. Known: 64 KiB, 1 MiB\n"
              "s.yaml:8:27: exclude[1].widnow: no such factor. Did you mean 'window'?");
  EXPECT_THAT(errors(kHead + factors + "exclude: [{size: [64 KiB, 1 MiB]}]\n"),
              "s.yaml:8:10: exclude: leaves no point");
}

TEST_F(StudyTest, SettingsOfThePointComeAfterThoseOfTheStudy) {
  const auto study = load(std::string(kHead) +
                          "set: {run.seed: 7, run.measure: 20 us}\n"
                          "points:\n  - {name: x, set: {run.seed: 9}, columns: {kind: special}}\n");
  const ExperimentConfig config = Resolver(*study).config(study->points[0], 2);
  EXPECT_EQ(config.run.seed, 11u) << "replication 2 adds 2";
  EXPECT_EQ(config.run.measure, base::Time::us(20));
  EXPECT_EQ(study->points[0].values[0]->text, "special");
}

TEST_F(StudyTest, AStarSetsEveryItemOfAList) {
  const auto study = load(std::string(kHead) + "set: {\"workloads[*].buffer.size\": 1 MiB}\npoints: [{name: x}]\n");
  const ExperimentConfig config = Resolver(*study).config(study->points[0], 0);
  EXPECT_EQ(config.workloads[0].buffer.size, base::Bytes(1 << 20));
  EXPECT_EQ(config.workloads[1].buffer.size, base::Bytes(1 << 20));
}

TEST_F(StudyTest, AnErrorOfSettingsIsSaidOnceAtItsPlaceInTheStudy) {
  EXPECT_EQ(errors(std::string(kHead) +
                       "set: {\"workloads[0].traffic.windw\": 2}\n"
                       "vary: [{name: size, path: \"workloads[0].buffer.size\", values: [64 KiB, 3 parsecs]}]\n",
                   true),
            "s.yaml:5:7: workloads[0].traffic.windw: unknown key. Did you mean 'window'?\n"
            "s.yaml:6:72: workloads[0].buffer.size: 'parsecs' is not a unit of a size (B, KiB, MiB, GiB, TiB, PiB): "
            "write it as in '4 KiB' (point 3parsecs)");
}

TEST_F(StudyTest, EveryMistakeOfTheFileIsReportedAtOnce) {
  const std::string text = errors(
      "schema: 1\ntitle: t\nrun: nowhere.yaml\nmetrics: {gbps: a.dma.throughput, point: x}\n"
      "vary:\n"
      "  - {name: seed, path: run.seed, values: [1, 1]}\n"
      "  - {name: w, path: \"workloads[0].traffic.window\", range: from 4 to 1 factor 2}\n");
  EXPECT_EQ(text,
            "s.yaml:3:6: run: there is no file nowhere.yaml\n"
            "s.yaml:4:35: metrics.point: is a column already\n"
            "s.yaml:6:12: vary[0].name: 'seed' cannot name a column: `point` and `seed` are there already\n"
            "s.yaml:6:46: vary[0]: the value '1' is there twice\n"
            "s.yaml:7:59: vary[1].range: it ends before it begins");
  EXPECT_EQ(errors("schema: 1\ntitle: t\nrun: base.yaml\nvary: [{name: w}]\n"),
            "s.yaml:1:1: metrics: is missing: Columns of the results: name to metric path, or to {path, scale, unit}\n"
            "s.yaml:4:8: vary[0]: needs one of `values`, `range` and `cases`");
}

TEST_F(StudyTest, PointsWhoseNamesCollideNeedLabels) {
  EXPECT_THAT(errors(std::string(kHead) + "vary: [{name: x, path: a, values: [a b, ab]}]\n"),
              HasSubstr("two points are named 'ab': give the values labels with `cases`"));
  EXPECT_THAT(errors(std::string(kHead) + "points: [{name: ../x}]\n"),
              HasSubstr("points[0].name: '../x' cannot name a folder"));
}

TEST_F(StudyTest, ClaimsAreResolvedToPointsBeforeAnythingRuns) {
  write("ref.csv", "# measured\nwindow,gbps\n1,10\n2,\n4,20\n");
  const std::string head = std::string(kHead) +
                           "vary:\n"
                           "  - {name: domain, path: \"workloads[0].domain.type\", values: [identity, DMA]}\n"
                           "  - {name: window, path: \"workloads[0].traffic.window\", values: [1, 2, 4]}\n"
                           "claims:\n";
  const auto study = load(
      head +
      "  - {text: a, metric: gbps, where: {domain: DMA}, ratio_to: {domain: identity}, at_most: 1}\n"
      "  - {text: b, metric: gbps, where: {domain: DMA}, reference: {file: ref.csv, column: gbps}, tolerance: 5 %}\n"
      "  - {text: c, metric: gbps, monotone: rising, over: window}\n");
  ASSERT_EQ(study->claims.size(), 3u);
  EXPECT_EQ(study->claims[0].rows[1].point, 4u);
  EXPECT_EQ(*study->claims[0].rows[1].base, 1u);
  EXPECT_EQ(*study->claims[1].rows[0].expected, 10);
  EXPECT_FALSE(study->claims[1].rows[1].expected) << "not published";
  EXPECT_THAT(study->claims[2].chains, ElementsAre(ElementsAre(0u, 1u, 2u), ElementsAre(3u, 4u, 5u)));
  EXPECT_EQ(errors(head + "  - {text: a, metric: gpbs, at_most: 1}\n"
                          "  - {text: b, metric: gbps, where: {window: 3}, at_most: 1}\n"
                          "  - {text: c, metric: gbps, reference: {file: ref.csv, column: x}, tolerance: 5 %}\n"
                          "  - {text: d, metric: gbps, over: window, monotone: rising, at_most: 2}\n"),
            "s.yaml:12:53: claims[3].monotone: excludes limits, expected values, ratios and `of`: make two claims")
      << "keys that exclude each other come before what needs them";
  EXPECT_EQ(errors(head + "  - {text: a, metric: gpbs, at_most: 1}\n"
                          "  - {text: b, metric: gbps, where: {window: 3}, at_most: 1}\n"
                          "  - {text: c, metric: gbps, reference: {file: ref.csv, column: x}, tolerance: 5 %}\n"
                          "  - {text: d, metric: gbps, equals: 1, tolerance: five}\n"),
            "s.yaml:9:23: claims[0].metric: 'gpbs' is no column of `metrics`. Did you mean 'gbps'?\n"
            "s.yaml:10:36: claims[1].where: holds for no point\n"
            "s.yaml:10:45: claims[1].where.window: no point has the value '3'. Known: 1, 2, 4\n"
            "s.yaml:11:64: claims[2].reference.column: ref.csv has no column 'x'. Known: window, gbps\n"
            "s.yaml:12:51: claims[3].tolerance: expected a share of the expected value such as '5 %', or a number in "
            "the column's unit");
}

TEST_F(StudyTest, PlotsNameColumnsThatExist) {
  EXPECT_EQ(errors(std::string(kHead) +
                   "points: [{name: x}]\nplots: [{x: point, y: gpbs}, {name: other, x: pint, y: [gbps]}]\n"),
            "s.yaml:6:23: plots[0].y: 'gpbs' is no column. Did you mean 'gbps'?\n"
            "s.yaml:6:47: plots[1].x: 'pint' is no column. Did you mean 'point'?");
}

TEST_F(StudyTest, TheDigestOfAPointIsThatOfItsRun) {
  const auto study = load(std::string(kHead) + "replications: {count: 3}\npoints: [{name: x}]\n");
  const Resolver resolver(*study);
  const auto checked = resolver.check();
  ASSERT_EQ(checked[0].sha256.size(), 3u);
  EXPECT_EQ(checked[0].seed, 40u);
  for (unsigned r = 0; r < 3; ++r)
    EXPECT_EQ(checked[0].sha256[r], resolver.provenance(resolver.config(study->points[0], r)).configuration_sha256);
  EXPECT_NE(checked[0].sha256[0], checked[0].sha256[1]);
}

}  // namespace
}  // namespace iommusim::runner
