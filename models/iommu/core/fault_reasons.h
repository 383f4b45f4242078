// Faults by the architecture's reason number, each with its standard wording: a metric per reason that has occurred.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"

namespace iommusim::iommu {

class FaultReasons {
 public:
  FaultReasons(base::Group& group, const Architecture& architecture) : group_(group), architecture_(architecture) {}
  /// Architectures have some dozens of reasons: so many metrics there are at most.
  void count(std::uint16_t reason) {
    std::unique_ptr<base::Counter>& c = counters_[reason];
    if (!c) {
      c = std::make_unique<base::Counter>();
      const std::string number = std::to_string(reason);
      group_.add(number, *c, "1", "Fault reason " + number + ": " + architecture_.fault_text(reason));
    }
    ++*c;
  }

 private:
  base::Group& group_;
  const Architecture& architecture_;
  std::map<std::uint16_t, std::unique_ptr<base::Counter>> counters_;
};

}  // namespace iommusim::iommu
