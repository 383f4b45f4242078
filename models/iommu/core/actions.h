// Carries out what an architecture asks for (Effects), in the documented order: a flush at once, a record written to
// its queue in memory, then the interrupt, the message to a device, the debug translation, and what is left to do.
//
// Whatever may have to be recorded passes one queue: a fault, a page request, a failed interrupt is reported to the
// architecture only when the record before it is in memory and what announces it has been sent. So records and
// interrupts keep their order, and an architecture never fills two records of one queue at a time. Effects without a
// record are carried out at once. Leaves out: a limit to what waits here while memory is slow.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "models/iommu/api/architecture.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/ring.h"

namespace iommusim::iommu {

class Actions {
 public:
  /// Slot number that marks record writes among the accesses on the walk port.
  static constexpr std::uint32_t kSlot = ~std::uint32_t{1};

  class Owner {
   public:
    virtual void flush(const InvalidationScope& scope) = 0;
    /// Sends an interrupt of the unit's own; the owner calls interrupt_failed() if memory refuses it.
    virtual void send_interrupt(const InterruptMessage& message) = 0;
    virtual void send_message(const DeviceMessage& message) = 0;
    /// Resolves Architecture::debug_request(); the owner calls debug_resolved() at its end.
    virtual void resolve_debug_request() = 0;
    virtual void kick_commands() = 0;

   protected:
    ~Owner() = default;
  };

  Actions(tlm::Context& context, Architecture& architecture, tlm::InitiatorPort& walk, Owner& owner);

  void apply(const Effects& effects);

  // What is to be reported to the architecture, in the order of the calls.
  void fault(const FaultEvent& event) { report(event); }
  /// `context`: null if none was found, for the reason `fault`.
  void page_request(const PageRequest& request, const Context* context, const Fault& fault);
  void interrupt_failed(const InterruptMessage& message) { report(message); }
  /// `translation`: null on a fault.
  void debug_resolved(const Translation* translation);

  /// The response to a record write.
  void response(tlm::Payload& payload);
  bool idle() const { return !writing_ && pending_.empty() && events_.empty(); }

 private:
  struct Page {
    PageRequest request;
    std::optional<Context> context;
    Fault fault;
  };
  struct Debug {
    std::optional<Translation> translation;
  };
  using Event = std::variant<Effects, FaultEvent, Page, InterruptMessage, Debug>;

  void report(Event event);
  Effects reported(const Event& event);
  void carry_out(const Effects& effects);
  void finish(const Effects& effects);

  tlm::Context& context_;
  Architecture& architecture_;
  tlm::InitiatorPort& walk_;
  Owner& owner_;
  bool writing_ = false;          ///< a record is under way to memory
  QueueRecord record_;            ///< that record
  std::vector<Effects> pending_;  ///< what follows it, innermost last
  tlm::Ring<Event> events_;       ///< not reported yet
};

}  // namespace iommusim::iommu
