#include "models/iommu/arch/vtd/unit.h"

#include "models/iommu/arch/vtd/descriptors.h"

namespace iommusim::iommu::vtd {

// Section 3.14: untranslated requests without PASID in the interrupt range are never translated.
RequestClass Unit::classify(const Request& request) const {
  switch (request.at) {
    case AddressType::translation_request: return RequestClass::ats_request;
    case AddressType::translated: return RequestClass::translated;
    case AddressType::untranslated: break;
  }
  return !request.has_pasid && in_interrupt_range(request.address) ? RequestClass::interrupt : RequestClass::ordinary;
}

bool Unit::enabled(RequestClass c) const {
  return c == RequestClass::interrupt ? registers_.interrupt_remapping_enabled() : registers_.translation_enabled();
}

// A request with PASID must not meet the cached context of one without: in legacy mode it faults.
std::uint64_t Unit::context_key(const Request& request) const {
  return (request.source.value() & 0xffff) | put(request.has_pasid, 63);
}

Space Unit::space(const Context& context, const Request& /*request*/) const { return context.domain.value(); }

std::optional<Fault> Unit::check_pass_through(const Context& context, const Request& request) const {
  const Reason refused = walker_.check_request(context, request);
  if (refused == Reason{}) return std::nullopt;
  return fault_of(refused, Walker::fault_disabled(context));
}

std::optional<CommandFetch> Unit::next_command() const {
  return registers_.queue_head();
}

Command Unit::take_command(const Words& words) {
  const Pair w{words[0], words[1]};
  const QueueError error = check(w, config_);
  if (error != QueueError::none) {
    registers_.stop_queue(error);
    return Command{};
  }
  registers_.advance_queue();
  return command_for(decode_descriptor(w), config_.quirks.page_mask_bits);
}

Effects Unit::command_event(const Command& command) {
  if (command.kind == Command::Kind::illegal) return registers_.take_queue_event();
  return command.interrupt ? registers_.completion_event() : Effects{};
}

Effects Unit::command_fetch_failed() {
  registers_.stop_queue(QueueError::fetch);
  return registers_.take_queue_event();
}

Effects Unit::record_fault(const FaultEvent& event) {
  if (!event.fault.recorded) return {};
  const Request& request = event.request;
  FaultRecord r;
  r.reason = event.fault.reason;
  r.source = static_cast<std::uint16_t>(request.source.value());
  if (is_interrupt_reason(r.reason)) {
    const InterruptMessage message{request.address, request.data};
    if (is_remappable(message)) r.information = put(interrupt_index(message), 63, 48);
  } else {
    r.read = !request.needed.write;
    r.information = request.address & ~above(config_.guest_address_bits);
    if (config_.device_tlb) {
      constexpr std::uint8_t codes[] = {0, 1, 2};  // AT as on the wire
      r.address_type = codes[static_cast<unsigned>(request.at)];
    }
    r.has_pasid = request.has_pasid;
    r.pasid = request.has_pasid ? request.pasid.value() : 0;
    r.execute = request.needed.execute;
    r.privileged = request.privileged;
  }
  return registers_.faults.record(r);
}

}  // namespace iommusim::iommu::vtd
