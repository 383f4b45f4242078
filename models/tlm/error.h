// Faults of ours (not the user's): the run cannot go on, the message names the place and the simulated time.
#pragma once

#include <string>

namespace iommusim::tlm {

/// Prints "iommusim: internal error: WHERE at TIME: WHAT" on standard error and aborts.
[[noreturn]] void internal_error(const std::string& where, const std::string& what);

}  // namespace iommusim::tlm
