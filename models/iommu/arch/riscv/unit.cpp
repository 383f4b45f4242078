#include "models/iommu/arch/riscv/unit.h"

#include "models/iommu/arch/riscv/command_codec.h"
#include "models/iommu/arch/riscv/spaces.h"
#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

namespace {

constexpr std::uint64_t kPageRequestMessageCode = 0x04;  // PCIe 6.0 section 2.2.8, table of message codes

QueueRecord in_memory_order(QueueRecord r, bool big_endian) {
  for (unsigned i = 0; i < r.bytes / 8u; ++i) r.words[i] = in_order(r.words[i], big_endian);
  return r;
}

}  // namespace

// ---- requests

// MSIs need no class of their own: they are found by the address that the first stage gives (section 3.3.3).
RequestClass Unit::classify(const Request& request) const {
  switch (request.at) {
    case AddressType::translated: return RequestClass::translated;
    case AddressType::translation_request: return RequestClass::ats_request;
    case AddressType::untranslated: break;
  }
  return RequestClass::ordinary;
}

// In Bare mode untranslated requests pass, others fault; when off, all fault (section 3.3, steps 1 and 2).
bool Unit::enabled(RequestClass c) const {
  return registers_.directory_mode() != DirectoryMode::bare || c != RequestClass::ordinary;
}

std::uint64_t Unit::context_key(const Request& request) const { return process_cache_key(request.source, 0); }

std::optional<std::uint64_t> Unit::process_key(const Context& context, const Request& request) const {
  const ContextView c(context);
  if (request.at == AddressType::translated || !c.control(tc::kProcessTable) || c.directory_mode() == kBare)
    return std::nullopt;
  if (!request.has_pasid && !c.control(tc::kDefaultProcess)) return std::nullopt;
  return process_cache_key(request.source, request.has_pasid ? request.pasid.value() : 0);
}

std::optional<Fault> Unit::check_request(const Context& context, const Request& request) const {
  const ContextView c(context);
  bool refused = request.at != AddressType::untranslated && !c.control(tc::kEnableAts);
  if (request.has_pasid) {
    const unsigned widest = process_bits(c.directory_mode());
    refused = refused || !c.control(tc::kProcessTable) ||
              (c.directory_mode() != kBare && (request.pasid.value() & above(widest)) != 0);
  }
  refused = refused || (c.has_process() && privileged(request) && !c.supervisor());
  if (!refused) return std::nullopt;
  return fault_of(FaultCause::type_disallowed, c.control(tc::kNoFaults));
}

// Translation requests are answered from the tables even where no stage is on.
bool Unit::passes_through(const Context& context, const Request& request) const {
  if (request.at == AddressType::translated) return !ContextView(context).control(tc::kT2gpa);
  return request.at == AddressType::untranslated && context.mode != ContextMode::translate;
}
std::optional<Fault> Unit::check_pass_through(const Context&, const Request&) const { return std::nullopt; }

Space Unit::space(const Context& context, const Request& request) const {
  return translation_space(ContextView(context), request);
}

const Step& Unit::begin(Walk& walk) const { return WalkRun(walk, config_, registers_, msi_numbers_).begin(); }
const Step& Unit::resume(Walk& walk, const StepResult& result) const {
  return WalkRun(walk, config_, registers_, msi_numbers_).resume(result);
}

// ---- answers to translation requests (section 3.6)

AtsCompletion Unit::completion(const Context& context, const Request& request, bool interrupt,
                               std::uint8_t memory_type) const {
  AtsCompletion a;
  a.privileged = privileged(request);
  a.memory_type = memory_type;
  a.interrupt = interrupt;
  a.cxl_io = request.cxl && (interrupt || ContextView(context).control(tc::kT2gpa) || memory_type != 0);
  return a;
}

AtsCompletion Unit::complete_ats(const Context& context, const Request& request, const Translation& t,
                                 const std::optional<Fault>& fault) const {
  if (fault) {
    AtsCompletion a;
    a.status = ats_status(static_cast<FaultCause>(fault->reason));
    a.privileged = privileged(request);
    a.fault = *fault;
    if (a.status == AtsCompletion::Status::success) a.fault.recorded = false;
    return a;
  }
  AtsCompletion a = completion(context, request, t.interrupt, t.memory_type);
  a.rights = Rights{t.rights.read, t.rights.write, t.rights.read && t.rights.execute && request.needed.execute};
  a.global = t.global && request.has_pasid && !t.interrupt;
  a.address = t.output.value();
  a.size_log2 = t.size_log2;
  return a;
}

// A file in memory takes untranslated writes only.
AtsCompletion Unit::complete_ats_stored(const Context& context, const Request& request) const {
  AtsCompletion a = completion(context, request, true, 0);
  a.rights = kReadWrite;
  a.untranslated_only = true;
  return a;
}

// A message is a 4-byte write of an interrupt identity, 1 to 2047, to the first word of the file's page; a file holds
// pairs of words of 64 pending bits and 64 enable bits (RISC-V AIA 1.0, chapter on the IOMMU). The second word of the
// page, for identities in big-endian order, is left out.
std::optional<InterruptFileUpdate> Unit::interrupt_file_update(const Request& request, Hpa file) const {
  constexpr std::uint32_t kIdentities = 2048;
  const bool message = request.needed.write && request.bytes == 4 && get(request.address, 11, 0) == 0;
  if (!message || request.data == 0 || request.data >= kIdentities) return std::nullopt;
  const Hpa pair = file + request.data / 64 * 16;
  return InterruptFileUpdate{pair, pair + 8, bit(request.data % 64)};
}

// ---- command queue

std::optional<CommandFetch> Unit::next_command() const { return registers_.next_command(); }

// The head moves past a fence only when it has completed (section 4.1.2).
Command Unit::take_command(const Words& words) {
  const bool big = registers_.big_endian();
  const Command c = decode_command({in_order(words[0], big), in_order(words[1], big)}, config_, registers_.fctl());
  if (c.kind != Command::Kind::illegal && c.kind != Command::Kind::wait) registers_.advance_command();
  if (c.kind == Command::Kind::wait) fence_run_ = registers_.command_runs();
  return c;
}

Effects Unit::command_event(const Command& command) {
  return command.kind == Command::Kind::illegal ? registers_.command_status(csr::kIllegal) : Effects{};
}
Effects Unit::command_fetch_failed() { return registers_.command_status(csr::kMemoryFault); }

Effects Unit::wait_finished(const Command& command, WaitEnd end) {
  // Software has turned the queue off meanwhile, and perhaps on again: its head is another's.
  if (!registers_.command_queue_on() || fence_run_ != registers_.command_runs()) return {};
  if (end == WaitEnd::device_timeout) return registers_.command_status(csr::kTimeout);
  if (end == WaitEnd::write_fault) return registers_.command_status(csr::kMemoryFault);
  registers_.advance_command();
  return command.interrupt ? registers_.command_status(csr::kFenceInterrupt) : Effects{};
}

// ---- faults and page requests

Effects Unit::record(const FaultRecord& fault) {
  Effects effects;
  effects.record = registers_.reserve(RecordQueue::fault);
  if (effects.record) {
    effects.record->words = encode(fault);
    effects.record = in_memory_order(*effects.record, registers_.big_endian());
  }
  return registers_.collect(effects);
}

Effects Unit::record_fault(const FaultEvent& event) {
  const Request& r = event.request;
  FaultRecord f;
  f.cause = event.fault.reason;
  f.type = type_of(r);
  f.device = r.source.value();
  f.has_process = r.has_pasid;
  f.process = r.pasid.value();
  f.privileged = r.privileged;
  f.address = r.address;
  f.address2 = event.fault.detail;
  return record(f);
}

Effects Unit::interrupt_failed(const InterruptMessage& message) {
  FaultRecord f;
  f.cause = static_cast<std::uint16_t>(FaultCause::own_msi_access);
  f.address = message.address;
  return record(f);
}

Request Unit::context_request(const PageRequest& p) const {
  Request r;
  r.source = p.source;
  r.has_pasid = p.has_pasid;
  r.pasid = p.pasid;
  r.privileged = p.privileged;
  r.at = AddressType::translation_request;  // as one, it finds no context in Bare mode
  return r;
}

DeviceMessage Unit::response(const PageRequest& p, PageResponseCode code, bool with_pasid) const {
  DeviceMessage m;
  m.kind = DeviceMessage::Kind::page_response;
  m.device = p.source;
  m.has_segment = p.has_segment;
  m.has_pasid = p.has_pasid && with_pasid;
  if (m.has_pasid) m.pasid = p.pasid;
  m.body = page_response_body(p.source, code, p.group);
  return m;
}

// A page request that memory refused is answered like one that finds the queue in error.
Effects Unit::record_written(RecordQueue queue, bool ok) {
  Effects effects = registers_.record_written(queue, ok);
  if (queue == RecordQueue::page_request && !ok && queued_.last && !queued_.stop_marker())
    effects.message = response(queued_, PageResponseCode::failure, true);
  return effects;
}

// Section 3.7: queued where the context allows it, else answered by the unit if an answer is due.
Effects Unit::page_request(const PageRequest& p, const Context* context, const Fault& reason) {
  Effects effects;
  Fault fault = reason;
  if (context != nullptr) {
    const ContextView c(*context);
    if (!c.control(tc::kEnablePri)) fault = fault_of(FaultCause::type_disallowed, c.control(tc::kNoFaults));
  }
  auto code = PageResponseCode::success;
  if (fault.reason != 0) {
    if (fault.recorded) {
      FaultRecord f;
      f.cause = fault.reason;
      f.type = TransactionType::message;
      f.device = p.source.value();
      f.has_process = p.has_pasid;
      f.process = p.pasid.value();
      f.privileged = p.privileged;
      f.address = kPageRequestMessageCode;
      effects = record(f);
    }
    const bool disallowed = fault.reason == static_cast<std::uint16_t>(FaultCause::type_disallowed);
    code = disallowed ? PageResponseCode::invalid_request : PageResponseCode::failure;
  } else {
    effects.record = registers_.reserve(RecordQueue::page_request);
    if (effects.record) {
      const auto words = encode(p);
      effects.record->words = {words[0], words[1], 0, 0};
      effects.record = in_memory_order(*effects.record, registers_.big_endian());
      queued_ = p;
      return registers_.collect(effects);
    }
    const QueueRegisters& q = registers_.page_queue();
    if (!q.on() || (q.status & csr::kMemoryFault) != 0) code = PageResponseCode::failure;
  }
  if (p.last && !p.stop_marker()) {
    const bool wanted = context != nullptr && ContextView(*context).control(tc::kResponsePasid);
    effects.message = response(p, code, wanted || code == PageResponseCode::failure);
  }
  return registers_.collect(effects);
}

}  // namespace iommusim::iommu::riscv
