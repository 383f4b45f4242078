// A study read and understood: its points, and what is tabulated and claimed of them. Every reference is resolved and
// every name checked here, so that nothing of it can fail once runs have begun.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experiments/runner/sweep/claim.h"
#include "experiments/runner/sweep/study_config.h"
#include "experiments/runner/sweep/value.h"

namespace iommusim::runner {

/// Settings that go together: those of a factor's value, of a point, of the study.
struct SettingGroup {
  struct Setting {
    std::string path;
    base::Node value;
    base::Position position;  ///< of the key
  };
  std::vector<Setting> settings;
};

/// What a factor gives a point: a value, and what that sets.
struct Level {
  const FactorValue* value;  ///< one of the factor's
  SettingGroup settings;
  int file = -1;  ///< index of the configuration it runs; -1: the study's
};

/// A column that tells points apart.
struct Factor {
  std::string name, description;
  std::size_t axis = 0;            ///< factors of one axis move together: zipped ones; every other has its own
  std::deque<FactorValue> values;  ///< no two are equal; a point's value is one of these objects
  std::deque<Level> levels;        ///< of `vary`, in its order; zipped factors have as many, and values may recur
  std::string unit() const;        ///< of its numbers; "" unless all values are numbers of one unit
};

struct Metric {
  std::string column, path;
  double scale = 1;
  std::string unit;  ///< "" when the result's own is to be taken
  base::Position position;
};

struct Point {
  std::string name;
  unsigned file = 0;                          ///< index into Study::files
  std::vector<const SettingGroup*> settings;  ///< in the order they apply
  std::vector<const FactorValue*> values;     ///< one per factor; null: none
};

struct Study {
  std::string path;    ///< of the study's file
  StudyConfig config;  ///< as read
  std::vector<std::string> files;
  std::vector<base::Position> file_positions;  ///< where each is named
  SettingGroup common;
  std::deque<SettingGroup> own_settings;  ///< of written-out points
  std::deque<Factor> factors;
  std::vector<Metric> metrics;
  std::vector<Point> points;
  std::vector<Claim> claims;

  std::size_t factor_index(const std::string& name) const;  ///< factors.size() when there is none
  std::size_t metric_index(const std::string& column) const;
  bool replicated() const { return config.replications.has_value(); }
};

/// Whether a document is a study rather than an experiment.
bool is_study(const base::Node& root);
/// The same of a file; false for one that cannot be read, the errors of which whoever reads it in earnest tells.
bool names_a_study(const std::string& file);

/// Reads and checks a study's file alone. The configurations it runs are looked at only when claims or plots are wrong:
/// errors in them are the cause. Throws base::ConfigError with every error found.
std::unique_ptr<Study> load_study(const std::string& file);

}  // namespace iommusim::runner
