// Which points a map of factor to value, or list of values, means.
#pragma once

#include <cstddef>
#include <vector>

#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

class Selection {
 public:
  /// `node`: the map (or nothing: every point). Errors at unknown factors and values no point has go to `context`.
  Selection(const Study& study, const base::Node& node, const base::ReadContext& context);
  bool holds(const Point& point) const;
  struct Term {
    std::size_t factor;
    std::vector<FactorValue> values;
  };
  const std::vector<Term>& terms() const { return terms_; }
  const Term* term(std::size_t factor) const;

 private:
  std::vector<Term> terms_;
};

}  // namespace iommusim::runner
