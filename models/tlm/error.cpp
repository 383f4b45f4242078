#include "models/tlm/error.h"

#include <cstdio>
#include <cstdlib>
#include <systemc>

namespace iommusim::tlm {

void internal_error(const std::string& where, const std::string& what) {
  std::fflush(stdout);
  std::fprintf(stderr, "iommusim: internal error: %s at %s: %s\n", where.c_str(),
               ::sc_core::sc_time_stamp().to_string().c_str(), what.c_str());
  std::abort();
}

}  // namespace iommusim::tlm
