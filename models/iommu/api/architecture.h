// What models/iommu/core asks of an architecture: the hardware side of one remapping unit. Plain C++, no time, no
// SystemC.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "models/iommu/api/commands.h"
#include "models/iommu/api/request.h"
#include "models/iommu/api/walk.h"

namespace iommusim::iommu {

/// What a register write or an event inside the architecture asks the unit to do next.
struct Effects {
  bool queue_kicked = false;                  ///< look for commands again
  std::optional<InvalidationScope> flush;     ///< drop these at once (a register-based or implied invalidation)
  std::optional<InterruptMessage> interrupt;  ///< an interrupt of the unit's own: not remapped
};

/// Where the next command lies in memory.
struct CommandFetch {
  Hpa address;
  std::uint8_t bytes = 16;
};

/// A fault with all an architecture needs to record it for software.
struct FaultEvent {
  Fault fault;
  Request request;
};

/// The hardware side of one remapping unit. Implementations hold registers and configuration, never time or caches.
class Architecture {
 public:
  virtual ~Architecture() = default;

  // --- requests
  /// How to treat a request. When translation is disabled in the registers, ordinary requests still classify as
  /// ordinary.
  virtual RequestClass classify(const Request& request) const = 0;
  /// False while translation (or, for the class interrupt, interrupt remapping) is disabled: the request passes
  /// unchanged.
  virtual bool enabled(RequestClass c) const = 0;
  /// Key of the context cache for a request's source (and process).
  virtual std::uint64_t context_key(const Request& request) const = 0;
  /// Address space that tags IOTLB entries of a request under its context.
  virtual Space space(const Context& context, const Request& request) const = 0;
  /// Check of a request that its context lets pass untranslated, and of a translated (AT = 10b) one; nothing if it may.
  virtual std::optional<Fault> check_pass_through(const Context& context, const Request& request) const = 0;
  /// First step of a walk, which is put into walk.step and returned; `walk` holds kind, request and (page walks)
  /// context, its state is cleared by this call.
  virtual const Step& begin(Walk& walk) const = 0;
  /// Next step, given the outcome of the one before.
  virtual const Step& resume(Walk& walk, const StepResult& result) const = 0;

  // --- registers (MMIO). Offsets and sizes outside the map read as zero and ignore writes.
  virtual std::uint64_t register_bytes() const = 0;
  virtual std::uint64_t read_register(std::uint64_t offset, unsigned bytes) = 0;
  virtual Effects write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) = 0;

  // --- command queue
  /// Address of the oldest command not yet fetched, if the queue is enabled, not stopped by an error and not empty.
  virtual std::optional<CommandFetch> next_command() const = 0;
  /// Decodes the command at the head and moves the head past it (an illegal one stays and stops the queue).
  virtual Command take_command(const Words& words) = 0;
  /// A wait command asked for an interrupt, or one stopped the queue: the register state and the message to send, if
  /// unmasked.
  virtual Effects command_event(const Command& command) = 0;
  /// The memory read of a command got an error: the register state (the queue stops) and the message to send, if
  /// unmasked.
  virtual Effects command_fetch_failed() { return {}; }

  // --- faults
  /// Records a fault where software looks for it and says whether an interrupt goes out.
  virtual Effects record_fault(const FaultEvent& event) = 0;
  /// Standard wording of a reason code, with its specification section.
  virtual std::string fault_text(std::uint16_t reason) const = 0;
};

}  // namespace iommusim::iommu
