// Workloads a platform file can name: each kind's configuration is also its factory, chosen by `type:`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/base/types.h"
#include "models/endpoints/workload.h"

namespace iommusim::ep {

/// What the platform hands to a workload.
struct WorkloadSite {
  std::string name;         ///< of the endpoint: names its random streams
  std::uint64_t seed = 1;   ///< of the run
  base::Iova base;          ///< start of the buffer region the device may address
  std::uint64_t bytes = 0;  ///< its size
};

class WorkloadConfig {
 public:
  virtual ~WorkloadConfig() = default;
  static const char* variant_kind() { return "workload"; }
  /// Errors: base::UserError if it does not fit the site (a window larger than the buffer).
  virtual std::unique_ptr<Workload> make(const WorkloadSite& site) const = 0;
  /// Bytes of buffer it needs at least; 0: any.
  virtual std::uint64_t buffer_bytes() const { return 0; }
};

}  // namespace iommusim::ep
