#include "models/iommu/arch/vtd/unit.h"

#include <utility>

#include "models/iommu/arch/vtd/invalidations.h"
#include "models/iommu/arch/vtd/request_checks.h"
#include "models/iommu/arch/vtd/spaces.h"
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

namespace {

std::optional<Fault> as_fault(std::optional<Reason> reason, const ContextView& context) {
  if (!reason) return std::nullopt;
  return fault_of(*reason, context.fault_disabled());
}

}  // namespace

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
  return context_cache_key(request.source) | put(request.has_pasid && !registers_.scalable(), 63);
}

// Translated requests carry host addresses: the device's context is all they need.
std::optional<std::uint64_t> Unit::process_key(const Context& context, const Request& request) const {
  const ContextView c(context);
  if (!c.scalable() || request.at == AddressType::translated) return std::nullopt;
  return pasid_cache_key(request.source, pasid_of(c, request, config_));
}

std::optional<Fault> Unit::check_request(const Context& context, const Request& request) const {
  const ContextView c(context);
  if (!c.scalable()) return std::nullopt;  // begin() and check_pass_through() see to it
  return as_fault(check_scalable(context, request, config_), c);
}

// Under pass-through, translation requests are answered by a walk of no steps.
bool Unit::passes_through(const Context& context, const Request& request) const {
  if (request.at == AddressType::translated) return true;
  const bool answered = ContextView(context).scalable() && request.at == AddressType::translation_request;
  return context.mode != ContextMode::translate && !answered;
}

Space Unit::space(const Context& context, const Request& request) const {
  return translation_space(context, request, config_);
}

std::optional<Fault> Unit::check_pass_through(const Context& context, const Request& request) const {
  const ContextView c(context);
  return as_fault(
      c.scalable() ? check_untranslated(context, request, config_) : check_legacy(context, request, config_), c);
}

const Step& Unit::begin(Walk& walk) const { return WalkRun(walk, config_, registers_).begin(); }
const Step& Unit::resume(Walk& walk, const StepResult& result) const {
  return WalkRun(walk, config_, registers_).resume(result);
}

// Section 4.2.3. With translation off nothing is known of the device: its requests are unsupported.
AtsCompletion Unit::complete_ats(const Context& context, const Request& request, const Translation& t,
                                 const std::optional<Fault>& fault) const {
  AtsCompletion a;
  a.privileged = request.has_pasid && request.privileged;
  if (!registers_.translation_enabled()) {
    a.status = AtsCompletion::Status::unsupported_request;
    return a;
  }
  if (fault) {
    a.status = ats_status(fault->reason);
    a.fault = *fault;
    if (a.status == AtsCompletion::Status::success) a.fault.recorded = false;
    return a;
  }
  a.rights = Rights{t.rights.read, t.rights.write, t.rights.read && t.rights.execute && request.needed.execute};
  a.global = t.global && request.has_pasid && ContextView(context).scalable();
  a.address = t.output.value();
  a.size_log2 = t.size_log2;
  return a;
}

std::optional<CommandFetch> Unit::next_command() const { return registers_.queue_head(); }

Command Unit::take_command(const Words& words) {
  const QueueError error = check(words, registers_.descriptor_bytes(), registers_.scalable(), config_);
  if (error != QueueError::none) {
    registers_.stop_queue(error);
    return Command{};
  }
  registers_.advance_queue();
  const Descriptor d = decode_descriptor({words[0], words[1]});
  Command c = command_for(d, config_, registers_.scalable());
  // PASID-based invalidations have no drain bits and always drain.
  const bool always = d.type == Descriptor::Type::process_iotlb;
  drain_reads_ = config_.draining && (drain_reads_ || d.drain_reads || always);
  drain_writes_ = config_.draining && (drain_writes_ || d.drain_writes || always);
  if (c.kind == Command::Kind::wait) {
    c.order_reads = std::exchange(drain_reads_, false);
    c.order_writes = std::exchange(drain_writes_, false);
  }
  return c;
}

Effects Unit::command_event(const Command& command) {
  if (command.kind == Command::Kind::illegal) return registers_.take_queue_event();
  return command.interrupt ? registers_.completion_event() : Effects{};
}

Effects Unit::command_fetch_failed() {
  registers_.stop_queue(QueueError::fetch);
  return registers_.take_queue_event();
}

// A device that did not answer stops the queue; the wait does not complete (section 6.5.2.11).
Effects Unit::wait_finished(const Command& command, WaitEnd end) {
  if (end == WaitEnd::device_timeout) return registers_.faults.device_timeout();
  return command_event(command);
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
    const unsigned width = registers_.scalable() ? 64 : unsigned{config_.guest_address_bits};
    r.information = request.address & ~above(width);
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

// ---- page requests (sections 7.4 to 7.6)

Request Unit::context_request(const PageRequest& p) const {
  Request r;
  r.source = p.source;
  r.has_pasid = p.has_pasid;
  r.pasid = p.pasid;
  r.privileged = p.privileged;
  r.address = p.address;
  r.at = AddressType::translation_request;
  return r;
}

std::optional<Fault> Unit::page_request_fault(const PageRequest& p, const Context* context, const Fault& fault) const {
  if (!registers_.scalable()) return fault_of(Reason::page_request_in_legacy_mode);
  if (context == nullptr) return fault;
  if (const auto refused = check_request(*context, context_request(p))) return refused;
  const ContextView c(*context);
  if (!c.device().page_requests) return fault_of(Reason::sm_no_page_requests, c.fault_disabled());
  return std::nullopt;
}

namespace {
DeviceMessage response(const PageRequest& p, PageResponseCode code) {
  DeviceMessage m;
  m.kind = DeviceMessage::Kind::page_response;
  m.device = p.source;
  m.has_segment = p.has_segment;
  m.has_pasid = p.has_pasid;
  if (p.has_pasid) m.pasid = p.pasid;
  m.body = page_response_body(p.source, code, p.group);
  return m;
}
}  // namespace

// Queued for software, or answered: as invalid where the context does not allow it, with success where the queue has
// overflown, so that the device asks again. Only the last of a group is answered, stop markers never.
Effects Unit::page_request(const PageRequest& p, const Context* context, const Fault& reason) {
  Effects effects;
  auto code = PageResponseCode::success;
  if (const auto fault = page_request_fault(p, context, reason)) {
    code = PageResponseCode::invalid_request;
    if (fault->recorded) {
      FaultRecord r;
      r.reason = fault->reason;
      r.source = static_cast<std::uint16_t>(p.source.value());
      r.page_request = true;
      r.information = p.address;
      r.has_pasid = p.has_pasid;
      r.pasid = p.has_pasid ? p.pasid.value() : 0;
      r.execute = p.execute;
      r.privileged = p.privileged;
      effects = registers_.faults.record(r);
    }
  } else if (const auto slot = registers_.pages.reserve(effects)) {
    QueueRecord record;
    record.queue = RecordQueue::page_request;
    record.address = *slot;
    record.bytes = PageRequestQueue::kBytes;
    record.words = encode(p);
    effects.record = record;
    queued_ = p;
    return effects;
  }
  if (p.last && !p.stop_marker()) effects.message = response(p, code);
  return effects;
}

Effects Unit::record_written(RecordQueue queue, bool ok) {
  if (queue != RecordQueue::page_request) return {};
  Effects effects = registers_.pages.written(ok);
  if (!ok && queued_.last && !queued_.stop_marker()) effects.message = response(queued_, PageResponseCode::success);
  return effects;
}

}  // namespace iommusim::iommu::vtd
