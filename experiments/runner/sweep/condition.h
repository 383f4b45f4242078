// What one text of `where` and `exclude` says of a factor: a value of it, or a condition on its values.
#pragma once

#include <string>
#include <vector>

#include "experiments/runner/sweep/study.h"

namespace iommusim::runner {

struct Meant {
  std::vector<const FactorValue*> values;  ///< those of the factor that are meant, in its order; none with an error
  bool condition = false;                  ///< the text is more than a value
  std::string error;                       ///< what is wrong with the text, and what to write instead; else ""
};

/// "1 MiB" means that value. "> 1 MiB" (also >=, <, <=) means the quantities that compare so, "not 1 MiB" all values
/// but one; several conditions that hold together are joined by " and ". A text that is a value is taken as one,
/// whatever it looks like.
Meant meant_by(const std::string& text, const Factor& factor);

}  // namespace iommusim::runner
