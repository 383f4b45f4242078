// Claims: checked sentences about a sweep's results.
#pragma once

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "experiments/runner/sweep/study_config.h"

namespace iommusim::runner {

struct Study;
constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();

/// A claim whose selections are resolved to points.
struct Claim {
  struct Row {
    std::size_t point;
    std::optional<std::size_t> base;  ///< what it is divided by, or what is subtracted
    std::optional<double> expected;   ///< from the reference
  };
  std::string text, metric, reference;  ///< reference: "file.csv: column", "" without one
  Reduce of = Reduce::each;
  bool ratio = false;
  std::optional<double> less_than, at_most, greater_than, at_least, equals;
  double tolerance = 0;
  bool relative = false;  ///< the tolerance is a share of what is expected
  Monotone monotone = Monotone::none;
  std::vector<Row> rows;
  std::vector<std::vector<std::size_t>> chains;  ///< of monotone: points in order of the factor
};

enum class ClaimStatus { pass, fail, missing };
const char* to_text(ClaimStatus status);

struct ClaimResult {
  ClaimStatus status = ClaimStatus::missing;
  double value = kNoFigure;  ///< the one nearest to failing, or the farthest from what it should be
  std::string figures;       ///< "21.58 at DMA-512KiB, expected 20.2, 6.8 % off (tolerance 8 %)"
};

/// `value_of(point)` is the metric's mean over replications, NaN when the point has none; `name_of` names points.
ClaimResult evaluate(const Claim& claim, const std::function<double(std::size_t)>& value_of,
                     const std::function<std::string(std::size_t)>& name_of);

/// Resolves one claim of a study whose points are known; errors are positioned at its keys.
Claim resolve_claim(const Study& study, const ClaimConfig& config, const base::ReadContext& context,
                    const base::Node& node);

nlohmann::ordered_json to_json(const Claim& claim);
Claim claim_from_json(const nlohmann::ordered_json& json);

}  // namespace iommusim::runner
