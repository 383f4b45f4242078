// The two kinds of failure: a user's (explained, exit status 2) and ours (abort with module and simulated time).
#pragma once

#include <stdexcept>
#include <string>

#include "models/base/types.h"

namespace iommusim::base {

/// Something the user gave is wrong: a file, an option, a combination of settings. The program prints what() and exits
/// with status 2 without leaving a result. Errors of configuration files are ConfigError (config/diagnostics.h).
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A broken invariant of a model: prints "internal error: <module> at <time>: <message>" on stderr and aborts.
[[noreturn]] void fatal_internal(const std::string& module, Time now, const std::string& message);

}  // namespace iommusim::base
