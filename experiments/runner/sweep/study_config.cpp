#include "experiments/runner/sweep/study_config.h"

#include <type_traits>

namespace iommusim::runner {

using base::Fields;
using base::Fraction;
using base::Report;

// What an editor may know of values kept as they are.
#define IOMMUSIM_SCALAR R"({"type": ["string", "number", "boolean"]})"
constexpr const char* kScalar = IOMMUSIM_SCALAR;
constexpr const char* kScalars = R"({"type": "array", "minItems": 1, "items": )" IOMMUSIM_SCALAR "}";
constexpr const char* kTexts = R"({"type": ["string", "array"], "minItems": 1, "items": {"type": "string"}})";
constexpr const char* kColumns = R"({"additionalProperties": )" IOMMUSIM_SCALAR "}";
constexpr const char* kWhere =
    R"({"additionalProperties": {"type": ["string", "number", "boolean", "array"], "minItems": 1, "items": )" IOMMUSIM_SCALAR
    "}}";
#undef IOMMUSIM_SCALAR

const Fields<CaseConfig>& CaseConfig::fields() {
  static const auto f =
      Fields<CaseConfig>("case", "One value of a factor that sets several things at once")
          .field("label", &CaseConfig::label, "What the column and the point's name call it")
          .required()
          .shape(kScalar)
          .field("set", &CaseConfig::set, "Settings: path to value")
          .field("run", &CaseConfig::run, "Configuration instead of the study's, relative to its file");
  return f;
}

namespace {

/// The keys of a factor, by itself or as an item of `vary`.
template <class T>
Fields<T> factor_keys(const char* component, const char* help) {
  Fields<T> f(component, help);
  f.field("name", &T::name, "Column of the results");
  if constexpr (std::is_same_v<T, FactorConfig>) f.required();
  f.field("description", &T::description, "For people")
      .field("path", &T::path, "Key that gets the value, or a list of keys that all get it")
      .shape(kTexts)
      .field("values", &T::values, "List of values, e.g. [256 KiB, 1 MiB]")
      .shape(kScalars)
      .field("range", &T::range,
             "Values from one to another: 'from 64 KiB to 64 MiB factor 2', 'from 10 % to 90 % step 20 %'; both ends "
             "included")
      .list("cases", &T::cases, "Values that set several keys each, or run another file")
      .unique("label");
  return f;
}

void check_factor(const FactorConfig& c, Report& r) {
  const int given = c.values.given() + !c.range.empty() + !c.cases.empty();
  if (given != 1) return r.error("", "needs one of `values`, `range` and `cases`");
  if (c.cases.empty() != c.path.given())
    r.error(c.cases.empty() ? "" : "path", c.cases.empty() ? "needs a `path`: the key that gets the values"
                                                           : "excludes `cases`, which set their own keys");
}

}  // namespace

const Fields<FactorConfig>& FactorConfig::fields() {
  static const auto f = factor_keys<FactorConfig>("factor", "Something that varies, a column of the results")
                            .check([](const FactorConfig& c, Report& r) { check_factor(c, r); });
  return f;
}

const Fields<VaryConfig>& VaryConfig::fields() {
  static const auto f =
      factor_keys<VaryConfig>("vary", "A factor, or with `zip` several; crossed with the others, the last one fastest")
          .list("zip", &VaryConfig::zip,
                "Factors that move together: the first values of all, the second of all, ...; they have as many")
          .items_between(2, 100)
          .check([](const VaryConfig& c, Report& r) {
            if (c.zip.empty()) {
              if (c.name.empty()) return r.error("", "needs a `name`, its column, or `zip`");
              return check_factor(c, r);
            }
            if (!c.name.empty() || !c.description.empty() || c.path.given() || c.values.given() || !c.range.empty() ||
                !c.cases.empty())
              r.error("zip", "stands alone: `name`, `path`, `values` and the like go to the factors in it");
          });
  return f;
}

const Fields<PointConfig>& PointConfig::fields() {
  static const auto f = Fields<PointConfig>("point", "A point written out")
                            .field("name", &PointConfig::name, "Its name, also of its folder")
                            .required()
                            .field("run", &PointConfig::run, "Configuration instead of the study's")
                            .field("set", &PointConfig::set, "Settings: path to value")
                            .field("columns", &PointConfig::columns, "What the results say of it: column to value")
                            .shape(kColumns);
  return f;
}

const Fields<UntilConfig>& UntilConfig::fields() {
  static const auto f =
      Fields<UntilConfig>("until",
                          "When a point has enough replications; looked at after whole batches in order of seeds")
          .field("metric", &UntilConfig::metric, "Column whose mean must be known well enough")
          .required()
          .field("within", &UntilConfig::within, "Half width of the confidence interval, as a share of the mean")
          .range(Fraction(1e-6), Fraction(1))
          .field("confidence", &UntilConfig::confidence, "Of the interval (Student's t)")
          .range(Fraction(0.5), Fraction(0.9999))
          .field("batch", &UntilConfig::batch, "Replications added at a time")
          .range(1, 1000)
          .field("at_most", &UntilConfig::at_most, "Replications at which a point ends anyway")
          .range(2, 100000);
  return f;
}

const Fields<ReplicationsConfig>& ReplicationsConfig::fields() {
  static const auto f =
      Fields<ReplicationsConfig>("replications",
                                 "Runs of each point under different seeds: run.seed, run.seed + 1, ...")
          .field("count", &ReplicationsConfig::count, "Replications of a point, or those before `until` is first asked")
          .range(1, 100000)
          .optional_object("until", &ReplicationsConfig::until, "Goes on until a mean is known well enough")
          .check([](const ReplicationsConfig& c, Report& r) {
            if (c.until && c.count < 2) r.error("count", "must be 2 at least for `until`: one run has no spread");
            if (c.until && c.until->at_most < c.count) r.error("until.at_most", "must not be less than `count`");
          });
  return f;
}

const Fields<MetricConfig>& MetricConfig::fields() {
  static const auto f = Fields<MetricConfig>("metric", "A column of the results taken from result.json")
                            .field("path", &MetricConfig::path, "Path below `metrics`, e.g. nic.dma.read.latency.mean")
                            .required()
                            .field("scale", &MetricConfig::scale, "Multiplies the figure, e.g. 0.001 for ns from ps")
                            .field("unit", &MetricConfig::unit,
                                   "Of the column; not needed without `scale`, nor for times scaled by 0.001, "
                                   "1e-6, 1e-9");
  return f;
}

const Fields<ReferenceConfig>& ReferenceConfig::fields() {
  static const auto f =
      Fields<ReferenceConfig>("reference", "Measurements to compare with")
          .field("file", &ReferenceConfig::file,
                 "CSV with a header, relative to the study; lines with '#' say where it is from")
          .required()
          .field("column", &ReferenceConfig::column, "Its column with the values; an empty cell is not compared")
          .required()
          .field("match", &ReferenceConfig::match,
                 "Factor to column of the file; without it, columns named like factors")
          .shape(R"({"additionalProperties": {"type": "string"}})");
  return f;
}

const Fields<ClaimConfig>& ClaimConfig::fields() {
  static const auto f =
      Fields<ClaimConfig>("claim", "A sentence about the results that is checked at the end of a sweep")
          .field("text", &ClaimConfig::text, "The sentence")
          .required()
          .field("metric", &ClaimConfig::metric, "Column it is about; the mean over replications")
          .required()
          .field(
              "where", &ClaimConfig::where,
              "Which points: factor to value, to a condition ('> 1 MiB', '>= 2 and < 8', 'not DMA'), or to a list of "
              "them; all other factors are free")
          .shape(kWhere)
          .field("of", &ClaimConfig::of, "Of several points: each must hold, or their mean, least, greatest value",
                 {{"each", Reduce::each}, {"mean", Reduce::mean}, {"min", Reduce::min}, {"max", Reduce::max}})
          .field("ratio_to", &ClaimConfig::ratio_to,
                 "Divides by the point that differs in these factors: factor to value")
          .shape(kWhere)
          .field("difference_to", &ClaimConfig::difference_to,
                 "Subtracts the point that differs in these factors: factor to value")
          .shape(kWhere)
          .field("less_than", &ClaimConfig::less_than, "Upper limit, excluded")
          .field("at_most", &ClaimConfig::at_most, "Upper limit, included")
          .field("greater_than", &ClaimConfig::greater_than, "Lower limit, excluded")
          .field("at_least", &ClaimConfig::at_least, "Lower limit, included")
          .field("equals", &ClaimConfig::equals, "Expected value, within `tolerance`")
          .optional_object("reference", &ClaimConfig::reference, "Expected values, within `tolerance`")
          .field("tolerance", &ClaimConfig::tolerance,
                 "'5 %' of the expected value, or a number in the column's unit; for "
                 "`monotone` what a step may go the other way")
          .shape(R"({"type": ["string", "number"], "pattern": "^[0-9.]+ *%?$", "minimum": 0})")
          .field("monotone", &ClaimConfig::monotone, "The metric never falls, or never rises, as `over` grows",
                 {{"none", Monotone::none}, {"rising", Monotone::rising}, {"falling", Monotone::falling}})
          .field("over", &ClaimConfig::over, "Factor of `monotone`")
          .check([](const ClaimConfig& c, Report& r) {
            const bool bounds = c.less_than || c.at_most || c.greater_than || c.at_least;
            const bool expects = c.equals || c.reference;
            const bool pairs = !c.ratio_to.node.entries.empty() || !c.difference_to.node.entries.empty();
            if (!bounds && !expects && c.monotone == Monotone::none)
              r.error("", "says nothing to check: needs a limit, `equals`, `reference` or `monotone`");
            if (c.equals && c.reference) r.error("reference", "excludes `equals`");
            if (expects && !c.tolerance.given()) r.error("", "needs a `tolerance` for its expected value, e.g. 5 %");
            if (!c.ratio_to.node.entries.empty() && !c.difference_to.node.entries.empty())
              r.error("difference_to", "excludes `ratio_to`");
            if (c.monotone != Monotone::none && (bounds || expects || pairs || c.of != Reduce::each))
              r.error("monotone", "excludes limits, expected values, ratios and `of`: make two claims");
            if ((c.monotone != Monotone::none) != !c.over.empty()) r.error("", "`monotone` and `over` go together");
            if (c.reference && c.of != Reduce::each) r.error("of", "must be each with a `reference`");
          });
  return f;
}

const Fields<PublishedConfig>& PublishedConfig::fields() {
  static const auto f =
      Fields<PublishedConfig>("published", "Measured values drawn over a plot")
          .field("series", &PublishedConfig::series, "Series whose colour it takes")
          .field("label", &PublishedConfig::label, "In the legend")
          .list("x", &PublishedConfig::x, "Places")
          .list("y", &PublishedConfig::y, "Values, as many as places")
          .field("file", &PublishedConfig::file, "CSV with a header instead of `x` and `y`, relative to the study")
          .field("x_column", &PublishedConfig::x_column, "Its column of places")
          .field("y_column", &PublishedConfig::y_column, "Its column of values")
          .field("where", &PublishedConfig::where, "Which rows of the file: column to value")
          .shape(kColumns)
          .check([](const PublishedConfig& c, Report& r) {
            if (c.file.empty() && (c.x.empty() || c.x.size() != c.y.size()))
              r.error("", "needs `x` and `y` of one length, or a `file`");
            if (!c.file.empty() && (c.x_column.empty() || c.y_column.empty()))
              r.error("file", "needs `x_column` and `y_column`");
          });
  return f;
}

const Fields<PlotConfig>& PlotConfig::fields() {
  static const auto f =
      Fields<PlotConfig>("plot", "A figure of the study")
          .field("name", &PlotConfig::name, "Of its files")
          .field("kind", &PlotConfig::kind, "How it is drawn",
                 {{"lines", PlotKind::lines},
                  {"bars", PlotKind::bars},
                  {"stacked", PlotKind::stacked},
                  {"heat", PlotKind::heat},
                  {"scatter", PlotKind::scatter}})
          .field("title", &PlotConfig::title, "Without one, the study's")
          .field("x", &PlotConfig::x, "Column")
          .required()
          .field("y", &PlotConfig::y, "Column, or a list of columns")
          .required()
          .shape(kTexts)
          .field("series", &PlotConfig::series, "Column whose values are the lines")
          .field("z", &PlotConfig::z, "Column of a heat map's colour")
          .field("where", &PlotConfig::where, "Which points: factor to value, condition or list, as in claims")
          .shape(kWhere)
          .field("baseline", &PlotConfig::baseline, "Series the others are shown relative to")
          .field("log_x", &PlotConfig::log_x, "Logarithmic")
          .field("log_y", &PlotConfig::log_y, "Logarithmic")
          .field("x_bytes", &PlotConfig::x_bytes, "256 KiB on the axis for 262144")
          .field("x_label", &PlotConfig::x_label, "With unit")
          .field("y_label", &PlotConfig::y_label, "With unit")
          .field("z_label", &PlotConfig::z_label, "With unit")
          .list("published", &PlotConfig::published, "Measured values drawn over it");
  return f;
}

const Fields<StudyConfig>& StudyConfig::fields() {
  static const auto f =
      Fields<StudyConfig>("study", "A study: many runs of one configuration, what they show, how it is drawn")
          .field("title", &StudyConfig::title, "Title of the study")
          .required()
          .field("description", &StudyConfig::description, "What it shows, for people")
          .field("run", &StudyConfig::run, "Configuration every point runs, relative to this file")
          .required()
          .field("set", &StudyConfig::set, "Settings of every point: path to value; [*] means every item of a list")
          .list("vary", &StudyConfig::vary, "Factors, crossed")
          .field("exclude", &StudyConfig::exclude,
                 "Combinations left out: maps of factor to value, condition ('> 1 MiB', 'not 4') or list of them")
          .shape(kWhere)
          .list("points", &StudyConfig::points, "Points written out, after those of `vary`")
          .unique("name")
          .optional_object("replications", &StudyConfig::replications, "Runs of each point under different seeds")
          .field("metrics", &StudyConfig::metrics,
                 "Columns of the results: name to metric path, or to {path, scale, unit}")
          .required()
          .values<MetricConfig>()
          .list("claims", &StudyConfig::claims, "What the study shows, checked")
          .list("plots", &StudyConfig::plots, "Its figures")
          .unique("name")
          .check([](const StudyConfig& c, Report& r) {
            if (c.vary.empty() && c.points.empty()) r.error("", "has no points: needs `vary` or `points`");
            if (c.vary.empty() && !c.exclude.empty())
              r.error("exclude", "leaves out combinations of `vary`, and there is none");
          });
  return f;
}

}  // namespace iommusim::runner
