#include "experiments/runner/sweep/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "experiments/runner/sweep/record.h"
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

const char* const kZip =
    "vary:\n"
    "  - zip:\n"
    "      - {name: size, path: \"workloads[0].buffer.size\", values: [64 KiB, 1 MiB, 2 MiB]}\n"
    "      - {name: window, path: \"workloads[0].traffic.window\", values: [1, 2, 2]}\n"
    "  - {name: domain, path: \"workloads[0].domain.type\", values: [identity, DMA]}\n";

TEST_F(StudyTest, ZippedFactorsMoveTogetherAndAreCrossedWithTheRest) {
  const auto study = load(std::string(kHead) + kZip);
  EXPECT_THAT(names(*study), ElementsAre("64KiB-1-identity", "64KiB-1-DMA", "1MiB-2-identity", "1MiB-2-DMA",
                                         "2MiB-2-identity", "2MiB-2-DMA"));
  ASSERT_EQ(study->factors.size(), 3u) << "each is a column";
  EXPECT_EQ(study->factors[1].values.size(), 2u) << "a value that recurs is one value";
  const ExperimentConfig last = Resolver(*study).config(study->points[5], 0);
  EXPECT_EQ(last.workloads[0].buffer.size, base::Bytes(2 << 20));
  EXPECT_EQ(study->points[5].values[1], study->points[3].values[1]);
}

TEST_F(StudyTest, RangesAndCasesAreZippedToo) {
  const auto study =
      load(std::string(kHead) +
           "vary:\n  - zip:\n"
           "      - {name: size, path: \"workloads[0].buffer.size\", range: from 64 KiB to 128 KiB factor 2}\n"
           "      - {name: unit, cases: [{label: none, set: {platform.iommu.present: false}}, {label: "
           "there, run: other.yaml}]}\n");
  EXPECT_THAT(names(*study), ElementsAre("64KiB-none", "128KiB-there"));
  EXPECT_FALSE(Resolver(*study).config(study->points[0], 0).platform.iommu->present);
  EXPECT_EQ(study->points[1].file, 1u);
}

TEST_F(StudyTest, ZippedFactorsHaveAsManyValuesEachPointOnce) {
  const auto zip = [](const std::string& a, const std::string& b) {
    return std::string(kHead) + "vary:\n  - zip:\n      - {name: a, path: p, " + a + "}\n      - {name: b, path: q, " +
           b + "}\n";
  };
  EXPECT_EQ(errors(zip("values: [1, 2, 3]", "values: [4, 5]")),
            "s.yaml:8:36: vary[0].zip[1].values: 'b' has 2 values, 'a' has 3 values: zipped factors have as many");
  EXPECT_EQ(errors(zip("values: [1]", "range: from 1 to 2 step 1")),
            "s.yaml:8:35: vary[0].zip[1].range: 'b' has 2 values, 'a' has 1 value: zipped factors have as many");
  EXPECT_EQ(errors(zip("values: [1, 2, 1]", "values: [4, 5, 4]")),
            "s.yaml:7:7: vary[0].zip: the values [0] and [2] of its factors are the same");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{zip: [{name: a, path: p, values: [1]}]}]\n"),
            "s.yaml:5:14: vary[0].zip: must have 2 to 100 items, not 1");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: x, zip: [{name: a, path: p, values: [1]}, {name: b, path: q, "
                                        "values: [1]}]}]\n"),
            "s.yaml:5:23: vary[0].zip: stands alone: `name`, `path`, `values` and the like go to the factors in it");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{path: p, values: [1]}]\n"),
            "s.yaml:5:8: vary[0]: needs a `name`, its column, or `zip`");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{zip: [{path: p, values: [1]}, {name: b, path: q, values: [1]}]}]\n"),
            "s.yaml:5:15: vary[0].zip[0].name: is missing: Column of the results");
  EXPECT_EQ(errors(std::string(kHead) +
                   "vary: [{name: b, path: p, values: [1]}, {zip: [{name: a, path: r, values: [1]}, {name: b, path: q, "
                   "values: [1]}]}]\n"),
            "s.yaml:5:88: vary[1].zip[1].name: 'b' is a factor already");
}

TEST_F(StudyTest, AFactorZippedWithTheOneAClaimChangesFollowsIt) {
  const std::string head = std::string(kHead) + kZip + "claims:\n";
  const auto study = load(head +
                          "  - {text: a, metric: gbps, where: {size: 2 MiB}, ratio_to: {size: 64 KiB}, at_most: 1}\n"
                          "  - {text: b, metric: gbps, monotone: rising, over: size}\n");
  ASSERT_EQ(study->claims[0].rows.size(), 2u);
  EXPECT_EQ(*study->claims[0].rows[0].base, 0u);
  EXPECT_EQ(*study->claims[0].rows[1].base, 1u);
  EXPECT_THAT(study->claims[1].chains, ElementsAre(ElementsAre(0u, 2u, 4u), ElementsAre(1u, 3u, 5u)));
  EXPECT_EQ(
      errors(head +
             "  - {text: a, metric: gbps, where: {size: 64 KiB, domain: DMA}, ratio_to: {window: 2}, at_most: 1}\n"
             "  - {text: b, metric: gbps, monotone: rising, over: window}\n"),
      "s.yaml:11:75: claims[0].ratio_to: two points differ from '64KiB-1-DMA' in just this, '1MiB-2-DMA' and "
      "'2MiB-2-DMA': say which\n"
      "s.yaml:12:53: claims[1].over: points '1MiB-2-identity' and '2MiB-2-identity' have the same value of it");
}

TEST_F(StudyTest, ConditionsSelectQuantitiesByComparison) {
  const std::string factors =
      "vary:\n"
      "  - {name: size, path: \"workloads[0].buffer.size\", values: [64 KiB, 1 MiB, 2 MiB]}\n"
      "  - {name: window, path: \"workloads[0].traffic.window\", values: [1, 2, 4]}\n";
  const auto left = [&](const std::string& exclude) {
    return names(*load(kHead + factors + "exclude: [" + exclude + "]\n"));
  };
  EXPECT_THAT(left("{size: \">= 1024 KiB\"}, {window: < 2}"), ElementsAre("64KiB-2", "64KiB-4"));
  EXPECT_THAT(left("{size: not 1 MiB}, {window: not 2}"), ElementsAre("1MiB-2"));
  EXPECT_THAT(left("{size: [64 KiB, \"> 1 MiB\"]}, {window: <=2}"), ElementsAre("1MiB-4"));
  EXPECT_THAT(left("{size: \"> 64 KiB and < 2 MiB\"}, {window: not 1 and not 2}"),
              ElementsAre("64KiB-1", "64KiB-2", "2MiB-1", "2MiB-2"));
  const auto claims =
      load(kHead + factors + "claims: [{text: a, metric: gbps, where: {size: \"> 64 KiB\", window: 1}, at_most: 1}]\n");
  EXPECT_EQ(claims->claims[0].rows.size(), 2u);
}

TEST_F(StudyTest, SharesAreComparedAsSharesAndTextsAreKnownAsTheyAre) {
  const auto study =
      load(std::string(kHead) +
           "vary:\n"
           "  - {name: reads, path: \"workloads[0].traffic.streams[0].reads\", values: [5 %, 0.1, 50 %]}\n"
           "  - {name: kind, cases: [{label: not mapped}, {label: \"<1\"}, {label: read and write}]}\n"
           "exclude: [{reads: <= 10 %}, {kind: not mapped}, {kind: not read and write and not <1}]\n");
  EXPECT_THAT(names(*study), ElementsAre("50pct-_1", "50pct-readandwrite")) << "a text that is a value is one";
}

TEST_F(StudyTest, ConditionsThatCannotBeMeantSayWhatToWrite) {
  const std::string factors =
      "vary:\n"
      "  - {name: size, path: \"workloads[0].buffer.size\", values: [64 KiB, 1 MiB]}\n"
      "  - {name: domain, path: \"workloads[0].domain.type\", values: [identity, DMA]}\n";
  const auto wrong = [&](const std::string& where) { return errors(kHead + factors + "exclude: [{" + where + "}]\n"); };
  EXPECT_EQ(wrong("size: \"> 4\""),
            "s.yaml:8:18: exclude[0].size: '4' is no quantity like those of 'size': write e.g. '> 64 KiB'");
  EXPECT_EQ(wrong("size: < 10 ns"),
            "s.yaml:8:18: exclude[0].size: '10 ns' is no quantity like those of 'size': write e.g. '< 64 KiB'");
  EXPECT_EQ(wrong("size: \">=\""), "s.yaml:8:18: exclude[0].size: nothing follows '>=': write e.g. '>= 64 KiB'");
  EXPECT_EQ(wrong("size: \"> large\""),
            "s.yaml:8:18: exclude[0].size: 'large' is no quantity like those of 'size': write e.g. '> 64 KiB'");
  EXPECT_EQ(wrong("size: \"> 1 MiB\""),
            "s.yaml:8:18: exclude[0].size: '> 1 MiB' holds for no value. Known: 64 KiB, 1 MiB");
  EXPECT_EQ(wrong("size: \"!= 1 MiB\""),
            "s.yaml:8:18: exclude[0].size: '!= 1 MiB' is no condition: write e.g. '> 64 KiB' (also >=, <, <=) or 'not "
            "64 KiB'");
  EXPECT_EQ(wrong("size: \"> 64 KiB and\""),
            "s.yaml:8:18: exclude[0].size: '64 KiB and' is no quantity like those of 'size': write e.g. '> 64 KiB'");
  EXPECT_EQ(wrong("size: \"> 64 KiB and 1 MiB\""),
            "s.yaml:8:18: exclude[0].size: '1 MiB' is no condition: write e.g. '> 64 KiB' (also >=, <, <=) or 'not 64 "
            "KiB'");
  EXPECT_EQ(wrong("size: [\"> 64 KiB\", < 1 MiB]"),
            "s.yaml:8:18: exclude[0].size: leaves out no value, as one condition of a list is enough: join those that "
            "hold together, '> 64 KiB and < 1 MiB'");
  EXPECT_EQ(wrong("size: []"),
            "s.yaml:8:18: exclude[0].size: expected a value, or a list of values, found an empty list");
  EXPECT_EQ(wrong("domain: not dma"),
            "s.yaml:8:20: exclude[0].domain: no point has the value 'dma'. Known: identity, DMA");
  EXPECT_EQ(
      wrong("domain: < DMA"),
      "s.yaml:8:20: exclude[0].domain: the values of 'domain' are texts, which have no order: name them, or write "
      "'not identity'");
  EXPECT_THAT(errors(kHead + factors + "exclude:\n  - size: > 64 KiB\n"),
              HasSubstr("A text that begins with '>' is written in quotes"));
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

TEST_F(StudyTest, WhatValuesDoWrongInTheSameWayIsOneMistake) {
  const auto with = [&](const std::string& factor) {
    return errors(
        kHead + ("vary: [" + factor + ", {name: w, path: \"workloads[0].traffic.window\", values: [1, 2]}]\n"), true);
  };
  EXPECT_EQ(
      with("{name: size, path: \"workloads[0].buffer.size\", values: [512, 1024, 4 KiB]}"),
      "s.yaml:5:64: workloads[0].buffer.size: '512' has no unit: a size is written '512 B' (4 points, the first is "
      "512-1)");
  EXPECT_EQ(with("{name: size, path: \"workloads[0].bufer.size\", values: [64 KiB, 128 KiB]}"),
            "s.yaml:5:63: workloads[0].bufer: unknown key. Did you mean 'buffer'?");
  EXPECT_EQ(with("{name: domain, path: \"workloads[0].domain.type\", values: [DNA, identty]}"),
            "s.yaml:5:66: workloads[0].domain.type: 'DNA' is none of identity, DMA, DMA-FQ, blocked, unmanaged. Did "
            "you mean 'DMA'? "
            "(2 points, the first is DNA-1)\n"
            "s.yaml:5:71: workloads[0].domain.type: 'identty' is none of identity, DMA, DMA-FQ, blocked, unmanaged. "
            "Did you mean "
            "'identity'? (2 points, the first is identty-1)")
      << "other words are other mistakes";
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
            "s.yaml:10:45: claims[1].where.window: no point has the value '3'. Known: 1, 2, 4\n"
            "s.yaml:11:64: claims[2].reference.column: ref.csv has no column 'x'. Known: window, gbps\n"
            "s.yaml:12:51: claims[3].tolerance: expected a share of the expected value such as '5 %', or a number in "
            "the column's unit");
}

TEST_F(StudyTest, AMistakeInFactorsOrMetricsIsToldWithoutItsConsequences) {
  write("ref.csv", "size,gbps\n512,10\n4096,20\n");
  const std::string claims =
      "claims:\n"
      "  - {text: a, metric: gbps, where: {size: 512 B}, ratio_to: {domain: identity}, at_most: 1}\n"
      "  - {text: b, metric: gbps, reference: {file: ref.csv, column: gbps}, tolerance: 5 %}\n"
      "plots: [{x: size, y: gpbs}]\n";
  const auto with = [&](const std::string& factor) { return errors(kHead + ("vary: [" + factor + "]\n") + claims); };
  EXPECT_EQ(
      with("{name: size, path: \"workloads[0].buffer.size\", range: from 512 KB to 4 MB factor 2}"),
      "s.yaml:5:62: vary[0].range: 'KB' is not a unit of a size: it could mean a power of 1000 or of 1024. Did you "
      "mean '512 KiB'?");
  EXPECT_EQ(with("{name: size, path: \"workloads[0].buffer.size\", range: from 512 to 4096 factor 2}"),
            "s.yaml:5:62: workloads[0].buffer.size: '512' has no unit: a size is written '512 B'")
      << "once for all values of a range";
  EXPECT_EQ(with("{name: size, path: \"workloads[0].traffic.window\", values: [1, 1.5]}"),
            "s.yaml:5:70: workloads[0].traffic.window: '1.5' is not an integer: write one such as 16 (point 1.5)");
  EXPECT_EQ(with("{name: size, path: \"workloads[0].bufer.size\", values: [512 KiB]}"),
            "s.yaml:5:63: workloads[0].bufer: unknown key. Did you mean 'buffer'?");
  EXPECT_EQ(
      errors("schema: 1\ntitle: t\nrun: base.yaml\nmetrics: {point: a.dma.throughput}\npoints: [{name: x}]\n" + claims),
      "s.yaml:4:11: metrics.point: is a column already");
}

TEST_F(StudyTest, AnUnknownFactorOfAClaimIsSaidOnce) {
  const std::string head =
      std::string(kHead) +
      "vary: [{name: domain, path: \"workloads[0].domain.type\", values: [identity, DMA]}]\nclaims:\n";
  EXPECT_EQ(
      errors(head + "  - {text: a, metric: gbps, where: {domian: DMA}, ratio_to: {domain: identity}, at_most: 1}\n"),
      "s.yaml:7:37: claims[0].where.domian: no such factor. Did you mean 'domain'?");
  EXPECT_EQ(errors(head + "  - {text: a, metric: gbps, ratio_to: {domian: identity}, at_most: 1}\n"),
            "s.yaml:7:40: claims[0].ratio_to.domian: no such factor. Did you mean 'domain'?");
}

TEST_F(StudyTest, KeysAreFoundByTheirBeginningToo) {
  EXPECT_EQ(
      errors(
          "schema: 1\nrun: base.yaml\nmetrics: {gbps: a.dma.throughput}\npoints: [{name: x}]\nreplicas: {count: 2}\n"),
      "s.yaml:1:1: title: is missing: Title of the study\n"
      "s.yaml:5:1: replicas: unknown key. Did you mean 'replications'?");
}

TEST_F(StudyTest, PlotsNameColumnsThatExist) {
  EXPECT_EQ(errors(std::string(kHead) +
                   "points: [{name: x}]\nplots: [{x: point, y: gpbs}, {name: other, x: pint, y: [gbps]}]\n"),
            "s.yaml:6:23: plots[0].y: 'gpbs' is no column. Did you mean 'gbps'?\n"
            "s.yaml:6:47: plots[1].x: 'pint' is no column. Did you mean 'point'?");
}

TEST_F(StudyTest, ConditionsOfPlotsAreRecordedAsTheValuesTheyMean) {
  const auto study = load(std::string(kHead) + kZip +
                          "plots: [{x: size, y: gbps, where: {size: \"> 64 KiB\", domain: not DMA, window: 2}}]\n");
  const auto record = record_of(*study, Resolver(*study).check(), {});
  EXPECT_EQ(record.head["plots"][0]["where"].dump(), R"({"size":[1048576,2097152],"domain":"identity","window":2})");
  EXPECT_EQ(record.head["factors"][1]["values"].dump(), R"([{"text":"1","number":1},{"text":"2","number":2}])");
}

TEST_F(StudyTest, TablesAreReadAsSpreadsheetsWriteThem) {
  const std::string study = std::string(kHead) +
                            "vary: [{name: window, path: \"workloads[0].traffic.window\", values: [1, 2]}]\n"
                            "claims: [{text: a, metric: gbps, reference: {file: ref.csv, column: \"rate, Gb/s\"}, "
                            "tolerance: 5 %}]\n";
  write("ref.csv", "\xEF\xBB\xBFwindow,\"rate, Gb/s\"\r\n\"1\",10\r\n \r\n2,20\r\n");
  EXPECT_EQ(*load(study)->claims[0].rows[1].expected, 20);
  write("ref.csv", "window,\"rate, Gb/s\"\n1,\"10\n");
  EXPECT_THAT(errors(study), HasSubstr("ref.csv:2: a quote is not closed on its line"));
  write("ref.csv", "window,\"rate, Gb/s\",window\n1,2,3\n");
  EXPECT_THAT(errors(study), HasSubstr("ref.csv:1: two columns of the header have one name"));
  write("ref.csv", "window\n");
  EXPECT_THAT(errors(study), HasSubstr("ref.csv holds no rows below a header"));
  fs::remove(root_ / "ref.csv");
  fs::create_symlink("/dev/zero", root_ / "ref.csv");
  EXPECT_THAT(errors(study), HasSubstr("claims[0].reference.file: cannot read ref.csv"));
  fs::remove(root_ / "ref.csv");
  fs::create_directory(root_ / "ref.csv");
  EXPECT_THAT(errors(study), HasSubstr("claims[0].reference.file: cannot read ref.csv"));
}

TEST_F(StudyTest, AStudyIsNotWhatAStudyRuns) {
  write("itself.yaml", "schema: 1\ntitle: t\nrun: s.yaml\nmetrics: {a: b}\npoints: [{name: x}]\n");
  EXPECT_THAT(errors("schema: 1\ntitle: t\nrun: itself.yaml\nmetrics: {a: b}\npoints: [{name: x}]\n", true),
              "s.yaml:3:6: run: itself.yaml is a study: write the configuration that the points run");
}

TEST_F(StudyTest, MorePointsOrRunsThanAMachineHoldsAreRefusedAtOnce) {
  const std::string many =
      "vary:\n  - {name: a, path: p, range: from 1 to 1000 step 1}\n  - {name: b, path: q, range: from 1 to ";
  EXPECT_EQ(errors(kHead + many + "1001 step 1}\n"), "s.yaml:6:3: vary: makes more than 1000000 points");
  EXPECT_EQ(errors(kHead + many + "2 step 1}\nreplications: {count: 501}\n"),
            "s.yaml:8:23: replications.count: makes more than 1000000 runs of 2000 points");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, path: p, range: from 1 to 100000 step 1}]\n"), "");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, path: p, range: from 1 to 100001 step 1}]\n"),
            "s.yaml:5:34: vary[0].range: it has more than 100000 values");
}

TEST_F(StudyTest, PlotsThatCannotBeDrawnAreRefusedBeforeAnythingRuns) {
  const std::string head =
      std::string(kHead) +
      "vary: [{name: domain, path: \"workloads[0].domain.type\", values: [identity, DMA]}]\nplots:\n";
  EXPECT_EQ(errors(head + "  - {name: a, x: domain, y: []}\n  - {name: b, x: domain, y: {c: d}}\n"
                          "  - {name: c, kind: heat, x: domain, y: gbps}\n  - {name: d, x: domain, y: gbps, z: gbps}\n"
                          "  - {name: e, x: domain, y: gbps, series: domain, baseline: DAM}\n"
                          "  - {name: f, x: domain, y: gbps, baseline: DMA}\n"),
            "s.yaml:7:29: plots[0].y: expected a column, or a list of columns\n"
            "s.yaml:8:29: plots[1].y: expected a column, or a list of columns\n"
            "s.yaml:9:21: plots[2].kind: a heat map needs `z`, the column of its colour, e.g. `z: gbps`\n"
            "s.yaml:10:38: plots[3].z: is the colour of a heat map, `kind: heat`, and of nothing else\n"
            "s.yaml:11:61: plots[4].baseline: no point has the value 'DAM' of 'domain'\n"
            "s.yaml:12:45: plots[5].baseline: is a value of `series`, which names no factor");
}

TEST_F(StudyTest, WhatCannotBeACellOrAPathIsRefused) {
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, cases: [{label: \"x\\ny\"}]}]\n"),
            "s.yaml:5:34: vary[0]: a value holds control characters");
  EXPECT_EQ(errors(std::string(kHead) + "points: [{name: x, columns: {\"a\\tb\": 1}}]\n"),
            "s.yaml:5:30: points[0].columns: a column or value holds control characters");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, path: [], values: [1]}]\n"),
            "s.yaml:5:24: vary[0].path: expected a path, found an empty list");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, path: p, values: [1]}, {name: b, path: p, values: [1]}]\n"),
            "s.yaml:5:57: vary[1].path: factor 'a' sets 'p' too: the last one would win");
  EXPECT_EQ(errors(std::string(kHead) + "vary: [{name: a, cases: [{label: 1 MiB}, {label: 1024 KiB}]}]\n"),
            "s.yaml:5:50: vary[0]: the value '1024 KiB' is there twice");
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
