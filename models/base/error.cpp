#include "models/base/error.h"

#include <cstdio>
#include <cstdlib>

#include "models/base/units.h"

namespace iommusim::base {

void fatal_internal(const std::string& module, Time now, const std::string& message) {
  std::fprintf(stderr, "internal error: %s at %s: %s\n", module.c_str(), to_text(now).c_str(), message.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace iommusim::base
