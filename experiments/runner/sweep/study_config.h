// A study as its file says it: a base configuration, what varies, what is tabulated, claimed and plotted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/base/config/raw.h"
#include "models/base/units.h"

namespace iommusim::runner {

/// One value of a factor that sets several things at once, or runs another file.
struct CaseConfig {
  base::RawValue label;  ///< a text or number
  base::RawMap set;
  std::string run;
  static const base::Fields<CaseConfig>& fields();
};

/// Something that varies; also a column of the results. One of `values`, `range` (both with `path`) or `cases`.
struct FactorConfig {
  std::string name;
  std::string description;
  base::RawValue path;    ///< a path, or a list of paths that get the same value
  base::RawValue values;  ///< list of scalars
  std::string range;
  std::vector<CaseConfig> cases;
  static const base::Fields<FactorConfig>& fields();
};

/// An item of `vary`: a factor, or with `zip` several that move together.
struct VaryConfig : FactorConfig {
  std::vector<FactorConfig> zip;
  static const base::Fields<VaryConfig>& fields();
};

/// A point written out.
struct PointConfig {
  std::string name;
  std::string run;
  base::RawMap set;
  base::RawMap columns;
  static const base::Fields<PointConfig>& fields();
};

struct UntilConfig {
  std::string metric;
  base::Fraction within{0.02};
  base::Fraction confidence{0.95};
  unsigned batch = 4;
  unsigned at_most = 64;
  static const base::Fields<UntilConfig>& fields();
};

struct ReplicationsConfig {
  unsigned count = 1;
  std::optional<UntilConfig> until;
  static const base::Fields<ReplicationsConfig>& fields();
};

struct MetricConfig {
  std::string path;
  double scale = 1;
  std::string unit;
  static const base::Fields<MetricConfig>& fields();
};

enum class Monotone { none, rising, falling };
enum class Reduce { each, mean, min, max };

/// Measurements to compare with: rows of a CSV file.
struct ReferenceConfig {
  std::string file;
  std::string column;
  base::RawMap match;  ///< factor: column of the file
  static const base::Fields<ReferenceConfig>& fields();
};

/// A sentence about the results, and how it is checked.
struct ClaimConfig {
  std::string text;
  std::string metric;
  base::RawMap where;
  Reduce of = Reduce::each;
  base::RawMap ratio_to, difference_to;
  std::optional<double> less_than, at_most, greater_than, at_least, equals;
  std::optional<ReferenceConfig> reference;
  base::RawValue tolerance;
  Monotone monotone = Monotone::none;
  std::string over;
  static const base::Fields<ClaimConfig>& fields();
};

/// Measured values drawn over a plot.
struct PublishedConfig {
  std::string series, label;
  std::vector<double> x, y;
  std::string file, x_column, y_column;
  base::RawMap where;
  static const base::Fields<PublishedConfig>& fields();
};

enum class PlotKind { lines, bars, stacked, heat, scatter };
struct PlotConfig {
  std::string name = "plot";
  PlotKind kind = PlotKind::lines;
  std::string title, x, series, z;
  base::RawValue y;  ///< a column, or a list of them
  base::RawMap where;
  std::string baseline;
  bool log_x = false, log_y = false, x_bytes = false;
  std::string x_label, y_label, z_label;
  std::vector<PublishedConfig> published;
  static const base::Fields<PlotConfig>& fields();
};

struct StudyConfig {
  std::string title, description;
  std::string run;
  base::RawMap set;
  std::vector<VaryConfig> vary;
  std::vector<base::RawMap> exclude;
  std::vector<PointConfig> points;
  std::optional<ReplicationsConfig> replications;
  base::RawMap metrics;
  std::vector<ClaimConfig> claims;
  std::vector<PlotConfig> plots;
  static const base::Fields<StudyConfig>& fields();
};

}  // namespace iommusim::runner
