// What a capture directory says about itself: versions, devices, groups, domain types and their changes.
#pragma once

#include <string>
#include <vector>

#include "models/endpoints/trace/header.h"

namespace iommusim::importer {

/// A successful write of another type into a group's sysfs `type` file, from switch.log.
struct TypeChange {
  std::uint32_t mark;  ///< last mark before it
  std::uint32_t group;
  ep::DomainType type;
};

struct Capture {
  std::string kernel_log, unit_log;  ///< paths of the two sides
  ep::TraceHeader header;            ///< devices with requester ids; their domains and the clock start are still open
  std::vector<TypeChange> type_changes;

  const ep::TraceDevice* device(base::Bdf bdf) const;
  /// The requester id the unit sees for a function: its own, or its bridge's alias.
  base::Bdf requester(base::Bdf bdf) const;
};

/// Reads META.yaml, the group listing, the recorder's event list and switch.log. Throws base::UserError "file:line:
/// what".
Capture load_capture(const std::string& directory);

}  // namespace iommusim::importer
