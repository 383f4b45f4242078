#include "models/tlm/error.h"

#include <systemc>

#include "models/base/error.h"

namespace iommusim::tlm {

void internal_error(const std::string& where, const std::string& what) {
  base::fatal_internal(where, base::Time::ps(::sc_core::sc_time_stamp().value()), what);
}

}  // namespace iommusim::tlm
