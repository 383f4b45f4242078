// Which points a map of factor to value, condition, or list of them, means.
#pragma once

#include <cstddef>
#include <unordered_set>
#include <vector>

#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

class Selection {
 public:
  /// `node`: the map (or nothing: every point). Errors at unknown factors and at what no value fulfils go to `context`.
  Selection(const Study& study, const base::Node& node, const base::ReadContext& context);
  /// A point without a value of a factor named is not meant.
  bool holds(const Point& point) const;
  struct Term {
    std::size_t factor;
    std::unordered_set<const FactorValue*> values;  ///< of the factor: those that are meant
  };
  const std::vector<Term>& terms() const { return terms_; }

 private:
  std::vector<Term> terms_;
};

}  // namespace iommusim::runner
