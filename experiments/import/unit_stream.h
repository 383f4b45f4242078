// The unit's side interpreted: records in file order, with length, direction and command of each access as far as lines
// tell.
#pragma once

#include <deque>

#include "experiments/import/capture.h"
#include "experiments/import/e1000e_decoder.h"
#include "experiments/import/import.h"
#include "experiments/import/nvme_decoder.h"

namespace iommusim::importer {

/// A record of the unit's side.
struct UnitItem {
  ep::TraceRecord record;   ///< time still in ns since 1970
  bool anchor = false;      ///< a descriptor the kernel logged as well
  bool translated = false;  ///< an access that needs a mapping
  bool open = false;        ///< an access of a device without lines of its own: length and direction from its mapping
  std::uint8_t permissions = 0;  ///< of the leaf entry, translated accesses
};

class UnitStream {
 public:
  UnitStream(const Capture& capture, ImportReport& report);
  bool next(UnitItem& item);
  double share() const { return log_.lines().share(); }

 private:
  void take(const UnitEvent& event);
  void take_access(const UnitEvent& event, UnitItem item);
  void take_virtio(const UnitEvent& event);
  UnitItem item(const UnitEvent& event, ep::TraceKind kind) const;
  void push(UnitItem item) { out_.push_back(std::move(item)); }
  ep::Outcome physical_outcome() const;

  const Capture& capture_;
  ImportReport& report_;
  UnitLog log_;
  NvmeDecoder nvme_;
  E1000eDecoder e1000e_;
  base::Bdf e1000e_device_;
  UnitEvent current_, next_;
  bool started_ = false, have_next_ = false;
  bool enabled_ = false;         ///< translation enable
  UnitEvent pending_translate_;  ///< virtio: address and direction of the translation about to be reported
  std::map<std::uint64_t, std::uint64_t> virtio_domain_;  ///< endpoint -> domain
  std::deque<UnitItem> out_;
};

}  // namespace iommusim::importer
