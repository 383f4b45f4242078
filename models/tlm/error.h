// Faults of ours (not the user's): the run cannot go on, the message names the place and the simulated time.
#pragma once

#include <string>

namespace iommusim::tlm {

/// base::fatal_internal() at the present simulated time: message on standard error, then abort.
[[noreturn]] void internal_error(const std::string& where, const std::string& what);

}  // namespace iommusim::tlm
