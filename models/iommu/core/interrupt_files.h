// Interrupt files in memory: messages whose entry names one end there instead of at an interrupt controller (RISC-V AIA
// 1.0 chapter 8, MRIF). The unit sets the interrupt's pending bit by compare-and-swap, reads the word of enable bits,
// and sends the notice if the interrupt is enabled; each access is one of the unit's own on the way the message itself
// would take, behind the writes before it.
//
// The message counts as done when its notice has left, or memory has shown that none is due. Two messages for one file
// may be under way at a time. Leaves out: an error of memory, upon which the message is dropped; the swap that a unit
// without such an operation would do as a read and a write.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "models/iommu/api/architecture.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"

namespace iommusim::iommu {

class InterruptFiles {
 public:
  class Owner {
   public:
    virtual void send_interrupt(const InterruptMessage& message) = 0;
    /// The message has done what it does.
    virtual void stored(tlm::Payload& message) = 0;

   protected:
    ~Owner() = default;
  };

  InterruptFiles(tlm::Context& context, tlm::InitiatorPort& port, Owner& owner)
      : context_(context), port_(port), owner_(owner) {}

  void store(tlm::Payload& message, const InterruptFileUpdate& update, const InterruptMessage& notice);
  /// The response to an access made here: its ext.remapping_slot is not 0.
  void response(tlm::Payload& access);
  bool idle() const { return busy_ == 0; }

 private:
  struct Slot {
    tlm::Payload* message = nullptr;
    InterruptFileUpdate update;
    InterruptMessage notice;
    std::uint64_t words[2] = {0, 0};  ///< expected and desired; the word of enable bits
    bool pending = false;             ///< the bit is set
  };
  void swap(std::uint32_t slot, std::uint64_t expected);

  tlm::Context& context_;
  tlm::InitiatorPort& port_;
  Owner& owner_;
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint32_t busy_ = 0;
};

}  // namespace iommusim::iommu
