// The version of the program as results carry it.
#pragma once

namespace iommusim::runner {

/// "0.1.0": results of one version and seed are the same bytes.
constexpr const char* version() { return "0.1.0"; }

}  // namespace iommusim::runner
