// What models/iommu/core asks of an architecture: the hardware side of one remapping unit. Plain C++, no time, no
// SystemC.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "models/iommu/api/commands.h"
#include "models/iommu/api/messages.h"
#include "models/iommu/api/request.h"
#include "models/iommu/api/walk.h"

namespace iommusim::iommu {

/// What a register write or an event inside the architecture asks the unit to do next, in this order.
struct Effects {
  bool queue_kicked = false;                  ///< look for commands again
  std::optional<InvalidationScope> flush;     ///< drop these at once (a register-based or implied invalidation)
  std::optional<InterruptMessage> interrupt;  ///< an interrupt of the unit's own: not remapped
  std::optional<QueueRecord> record;          ///< write it, then call record_written()
  std::optional<DeviceMessage> message;       ///< send it to the device
  bool debug_translation = false;             ///< resolve debug_request() and hand the end to debug_response()
  bool more = false;                          ///< there is more to do: call further_effects() afterwards
};

/// Where the next command lies in memory.
struct CommandFetch {
  Hpa address;
  std::uint8_t bytes = 16;
  std::uint32_t pending = 1;     ///< commands from the head to the tail
  std::uint32_t contiguous = 1;  ///< those of them that lie in a row from `address` on: up to the end of the ring
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

  // --- requests. The order in which a unit asks (untimed.cpp does it in a dozen lines): classify, enabled; the context
  // of context_key, by a context walk if not cached; check_request; if process_key names one, the process context, by a
  // process walk, and check_request again; passes_through, check_pass_through; the IOTLB under space; a page walk,
  // whose result is cached if its step is `cacheable`. Translation requests end in complete_ats, or
  // complete_ats_stored.
  /// How to treat a request. When translation is disabled in the registers, ordinary requests still classify as
  /// ordinary.
  virtual RequestClass classify(const Request& request) const = 0;
  /// False while translation (or, for the class interrupt, interrupt remapping) is disabled: the request passes
  /// unchanged.
  virtual bool enabled(RequestClass c) const = 0;
  /// Key of the context cache for a request's source (and process).
  virtual std::uint64_t context_key(const Request& request) const = 0;
  /// Key of the process-context cache, if the request needs more than its device context: WalkKind::process then
  /// completes it.
  virtual std::optional<std::uint64_t> process_key(const Context& /*context*/, const Request& /*request*/) const {
    return std::nullopt;
  }
  /// What a request's context refuses whatever the tables say. Asked of each request before any translation is used.
  virtual std::optional<Fault> check_request(const Context& /*context*/, const Request& /*request*/) const {
    return std::nullopt;
  }
  /// True if the request goes on untranslated under its context (after check_pass_through()).
  virtual bool passes_through(const Context& context, const Request& request) const {
    return request.at == AddressType::translated || context.mode != ContextMode::translate;
  }
  /// Address space that tags IOTLB entries of a request under its context.
  virtual Space space(const Context& context, const Request& request) const = 0;
  /// Check of a request that its context lets pass untranslated, and of a translated (AT = 10b) one; nothing if it may.
  virtual std::optional<Fault> check_pass_through(const Context& context, const Request& request) const = 0;
  /// First step of a walk, which is put into walk.step and returned; `walk` holds kind, request and (page walks)
  /// context, its state is cleared by this call.
  virtual const Step& begin(Walk& walk) const = 0;
  /// Next step, given the outcome of the one before.
  virtual const Step& resume(Walk& walk, const StepResult& result) const = 0;
  /// The answer to a translation request whose context and translation are known, or that `fault` ended.
  virtual AtsCompletion complete_ats(const Context& /*context*/, const Request& /*request*/,
                                     const Translation& translation, const std::optional<Fault>& fault) const {
    AtsCompletion c;
    if (fault) {
      c.fault = *fault;
      return c;
    }
    c.rights = translation.rights;
    c.address = translation.output.value();
    c.size_log2 = translation.size_log2;
    return c;
  }
  /// The answer to a translation request for an address that an interrupt_stored step ended.
  virtual AtsCompletion complete_ats_stored(const Context& /*context*/, const Request& /*request*/) const { return {}; }

  /// What a write, ended by an interrupt_stored step for the file at `file`, does there; nothing if it names no
  /// interrupt. request.data holds what is written.
  virtual std::optional<InterruptFileUpdate> interrupt_file_update(const Request& /*request*/, Hpa /*file*/) const {
    return std::nullopt;
  }

  // --- registers (MMIO). Offsets and sizes outside the map read as zero and ignore writes.
  virtual std::uint64_t register_bytes() const = 0;
  virtual std::uint64_t read_register(std::uint64_t offset, unsigned bytes) = 0;
  virtual Effects write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) = 0;

  /// The unit itself reaches memory below 2^n only: its accesses beyond are refused, as by memory.
  virtual unsigned physical_address_bits() const { return 64; }

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
  /// A wait command has ended, its status write included.
  virtual Effects wait_finished(const Command& command, WaitEnd /*end*/) {
    return command.interrupt ? command_event(command) : Effects{};
  }

  // --- faults
  /// Records a fault where software looks for it and says whether an interrupt goes out.
  virtual Effects record_fault(const FaultEvent& event) = 0;
  /// Standard wording of a reason code, with its specification section.
  virtual std::string fault_text(std::uint16_t reason) const = 0;

  // --- queues the unit writes
  /// The record given in Effects::record is in memory, or memory refused it.
  virtual Effects record_written(RecordQueue /*queue*/, bool /*ok*/) { return {}; }
  /// The interrupt given in Effects::interrupt was refused by memory.
  virtual Effects interrupt_failed(const InterruptMessage& /*message*/) { return {}; }
  /// What is left to do after an Effects with `more` set.
  virtual Effects further_effects() { return {}; }

  // --- page requests
  /// The request that locates the device context of a page request, for a walk of WalkKind::context.
  virtual Request context_request(const PageRequest& page_request) const {
    Request r;
    r.source = page_request.source;
    return r;
  }
  /// Queues a page request for software or answers it. `context` is null if none was found, for the reason `fault`.
  virtual Effects page_request(const PageRequest& /*request*/, const Context* /*context*/, const Fault& /*fault*/) {
    return {};
  }

  // --- debug translation and performance monitoring
  virtual Request debug_request() const { return {}; }
  virtual Effects debug_response(const Translation* /*translation, null on a fault*/) { return {}; }
  /// True while software has some event counted: count() need not be called otherwise.
  virtual bool counting() const { return false; }
  /// Counts an event. `context` is null where it is not known yet.
  virtual Effects count(PerformanceEvent /*event*/, const Request& /*request*/, const Context* /*context*/) {
    return {};
  }
};

}  // namespace iommusim::iommu
