// What a function's configuration registers allow its requester, and who is told.
#pragma once

#include <cstdint>

#include "models/base/units.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::pcie {

/// What a requester has to obey. A virtual function takes all but bus mastering and its capabilities from its physical
/// one (PCIe 5.0 section 9.3.5).
struct RequesterControls {
  bool bus_master = true;  ///< memory requests and MSIs may be issued: enabled, present and not in reset
  bool relaxed_ordering = true;
  bool id_ordering = false;
  base::Bytes mps{256};
  base::Bytes mrrs{512};
  unsigned tag_bits = 14;  ///< tags may have so many bits
  bool msix = true;        ///< MSI-X enabled and not masked
  bool ats = false, pri = false, pasid = false;
};

/// The device behind a function: its DMA engine, its registers. Called from within a configuration write.
class FunctionListener {
 public:
  virtual void controls_changed(const RequesterControls& controls) { (void)controls; }
  /// Function-level reset, or the virtual function has been disabled: give up all that is outstanding, forget all
  /// state. The controls, now those of a function after reset, follow.
  virtual void function_reset() {}

 protected:
  ~FunctionListener() = default;
};

/// Takes the messages for a function: ATS invalidations, page request group responses.
class MessageSink {
 public:
  /// `payload` is the message's until the call returns. PASID, tag and target are in its extension, contents as in
  /// messages.h.
  virtual void message(const tlm::Payload& payload) = 0;

 protected:
  ~MessageSink() = default;
};

}  // namespace iommusim::pcie
