#include "models/endpoints/dma_engine.h"

#include <algorithm>
#include <cstring>

#include "models/pcie/completion_phase.h"
#include "models/pcie/tlp.h"

namespace iommusim::ep {

using tlm::CompletionStatus;
using tlm::DmaExtension;
using tlm::Payload;

DmaEngine::DmaEngine(::sc_core::sc_module_name name, tlm::Context& context, const DmaEngineConfig& config,
                     const BusIdentity& bus)
    : Module(name, context),
      port("port", context, *this),
      config_(config),
      bus_(bus),
      slots_(context.scheduler, config.dmas),
      tags_(context.scheduler, config.tag_bits, config.tags),
      issue_line_(context.scheduler, std::string(this->name()) + ".issue", tlm::delegate<&DmaEngine::ready>(this)),
      work_(context.scheduler, std::string(this->name()) + ".work", tlm::delegate<&DmaEngine::work>(this)),
      ending_(context.scheduler, std::string(this->name()) + ".ending", tlm::delegate<&DmaEngine::end>(this)),
      timeout_(context.scheduler, std::string(this->name()) + ".timeout",
               tlm::delegate<&DmaEngine::check_timeouts>(this)),
      tracks_(context, this->name()) {
  add_metrics();
}

void DmaEngine::drive(Workload& workload) {
  if (workload_ != nullptr) fatal("a second workload drives the engine");
  workload_ = &workload;
  work_.arm(now());
}

void DmaEngine::submit(const DmaRequest& request, Done done) {
  if (request.bytes == 0) fatal("a DMA of no bytes was submitted");
  submitted_.push({request, done});
  if (!working_) work_.arm(now());
}

void DmaEngine::send_msi(std::uint64_t address, std::uint32_t data, std::uint64_t user, Done done) {
  Submitted message;
  message.kind = Kind::msi;
  message.request.iova = base::Iova(address);
  message.request.bytes = 4;
  message.request.write = true;
  message.request.intended = now();
  message.request.write_done = WriteDone::visible;
  message.request.user = user;
  message.msi_data = data;
  message.done = done;
  if (!controls_.msix) {
    pending_msis_.push(message);
    return;
  }
  submitted_.push(message);
  if (!working_) work_.arm(now());
}

// Taking a DMA may make a TLP ready and sending the last TLP of a write may make the workload offer more: until neither
// moves.
void DmaEngine::work() {
  working_ = true;
  while (refill() | issue()) {}
  working_ = false;
}

bool DmaEngine::refill() {
  bool moved = false;
  while (!slots_.full()) {
    if (!submitted_.empty()) {
      const Submitted next = submitted_.pop();
      admit(next, false);
    } else if (workload_ != nullptr && !stopped_) {
      const Workload::Next next = workload_->next(now());
      if (next.kind == Workload::Next::Kind::at && (!work_.armed() || next.at < work_.due())) work_.arm(next.at);
      if (next.kind != Workload::Next::Kind::dma) break;
      if (next.dma.bytes == 0 || next.dma.intended > now())
        fatal("the workload offers a DMA of no bytes or of the future");
      admit({next.dma, {}, Kind::dma, 0}, true);
    } else {
      break;
    }
    moved = true;
  }
  return moved;
}

void DmaEngine::admit(const Submitted& what, bool from_workload) {
  const std::uint32_t index = *slots_.acquire();
  Slot& slot = slots_[index];
  slot.request = what.request;
  slot.done = what.done;
  slot.status = CompletionStatus::ok;
  slot.from_workload = from_workload;
  slot.kind = what.kind;
  slot.told = slot.refused = slot.abandoned = false;
  slot.remapped = Remapped{};
  slot.sent = slot.in_flight = 0;
  slot.copied = base::Time();
  slot.first_data = base::Time::max();
  if (what.kind == Kind::msi) {
    for (unsigned i = 0; i < 4; ++i) slot.msi_data[i] = static_cast<unsigned char>(what.msi_data >> (8 * i));
    slot.request.data = slot.msi_data.data();
  }
  slots_made_ = std::max(slots_made_, index + 1);
  slot.trace = 0;
  if (tracks_.on()) {
    if (what.kind == Kind::dma)
      slot.trace = tracks_.begin(index, slot.request);
    else
      tracks_.begin_message(index, what.kind == Kind::msi ? "MSI" : "message");
  }
  if (config_.issue_latency == base::Time()) {
    slot.state = State::ready;
    ready_.push(index);
  } else {
    slot.state = State::issuing;
    issue_line_.push(index, now() + config_.issue_latency);
  }
}

void DmaEngine::ready(std::uint32_t index) {
  if (slots_[index].abandoned) {
    release(index);
  } else {
    slots_[index].state = State::ready;
    ready_.push(index);
  }
  work();
}

bool DmaEngine::issue() {
  bool moved = false;
  while (!ready_.empty()) {
    if (now() < port_free_) {
      if (!controls_.bus_master) {
        let_messages_pass();
        break;
      }
      if (!work_.armed() || port_free_ < work_.due()) work_.arm(port_free_);
      break;
    }
    const std::uint32_t index = ready_.front();
    Slot& slot = slots_[index];
    if (!send_next(index, slot)) break;
    moved = true;
    if (slot.sent < slot.request.bytes) continue;
    ready_.pop();
    if (slot.request.write && slot.request.write_done == WriteDone::sent) tell(slot);
  }
  return moved;
}

bool DmaEngine::send_next(std::uint32_t index, Slot& slot) {
  const bool write = slot.request.write;
  std::uint32_t tag = no_tag;
  if (write ? posted_ >= config_.posted_window : tags_.exhausted() || new_width_) {
    if (!stalled_) ++(write ? stats_.posted_stalls : stats_.tag_stalls);
    stalled_ = true;  // whoever frees a tag or a posted request wakes the engine
    return false;
  }
  stalled_ = false;
  if (slot.kind == Kind::message) {
    send_message_of(index, slot);
    port_free_ = now() + config_.write_interval;
    return true;
  }
  if (write) {
    count_posted();
  } else {
    tag = tags_.acquire();
    tags_[tag] = {OutstandingRead::State::outstanding, false, index, nullptr, now(), no_tag, no_tag};
    link_tag(tag);
  }
  const std::uint64_t address = slot.request.iova.value() + slot.sent;
  const auto bytes = static_cast<std::uint32_t>(
      pcie::next_request(address, slot.request.bytes - slot.sent, (write ? bus_.mps : bus_.mrrs).value()));
  if (slot.sent == 0) slot.issued = now();
  send_tlp(index, slot, bytes, tag);
  port_free_ = now() + (write ? config_.write_interval : config_.read_interval);
  return true;
}

void DmaEngine::count_posted() {
  ++posted_;
  stats_.posted.add(now());
}

void DmaEngine::send_tlp(std::uint32_t index, Slot& slot, std::uint32_t bytes, std::uint32_t tag) {
  const DmaRequest& request = slot.request;
  Payload& payload = pool().acquire();
  if (request.data != nullptr) {
    payload.set_data_ptr(request.data + slot.sent);
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
  } else if (config_.store_data) {
    // Contents nobody gave: zeros for a write, so that what memory holds does not depend on what the buffer held
    // before.
    unsigned char* data = pool().use_buffer(payload, bytes);
    if (request.write) std::memset(data, 0, bytes);
  } else {
    pool().use_scratch(payload, bytes);
  }
  payload.set_command(request.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
  payload.set_address(request.iova.value() + slot.sent);
  DmaExtension& ext = tlm::dma(payload);
  ext.requester = bus_.requester;
  ext.has_pasid = request.has_pasid;
  ext.pasid = request.pasid;
  ext.relaxed_ordering = request.relaxed_ordering && controls_.relaxed_ordering;
  ext.id_ordering = request.id_ordering && controls_.id_ordering;
  ext.at = request.at;
  ext.traffic = slot.kind == Kind::msi ? tlm::Traffic::msi : tlm::Traffic::dma;
  if (tag != no_tag) {
    ext.tag = tags_.tag_of(tag);
    tags_[tag].payload = &payload;
  }
  ext.dma = index;
  ext.trace = slot.trace;
  ext.first = slot.sent == 0;
  ext.stamp[ext.intended] = request.intended;
  ext.stamp[ext.issued] = now();
  tlm::set_holder(payload, name());
  slot.sent += bytes;
  if (slot.sent == request.bytes) slot.state = State::waiting;
  ++slot.in_flight;
  ++(slot.kind == Kind::msi ? stats_.messages : request.write ? stats_.write_requests : stats_.read_requests);
  port.send(payload);
}

void DmaEngine::response(tlm::InitiatorPort&, Payload& payload) {
  DmaExtension& ext = tlm::dma(payload);
  ext.stamp[ext.completed] = now();
  if (!payload.is_read()) {
    --posted_;
    stats_.posted.sub(now());
    // A posted request's fate is not told to its sender.
    if (ext.dma != no_slot) finished(ext.dma, &ext, CompletionStatus::ok);
  } else if (const std::uint32_t slot = tags_.match(payload); slot == TagTable::none) {
    ++stats_.unexpected_completions;  // PCIe 5.0 section 2.3.2: discarded
  } else {
    if (tags_[slot].state == OutstandingRead::State::given_up) {
      ++stats_.late_completions;
    } else {
      unlink_tag(slot);
      copy(slots_[tags_[slot].dma], payload.get_data_length() - tags_[slot].received);
      const bool refused = payload.is_response_error() && ext.status == CompletionStatus::ok;
      finished(tags_[slot].dma, &ext, refused ? CompletionStatus::completer_abort : ext.status);
    }
    tags_.release(slot);
    if (new_width_ && tags_.in_use() == 0) set_tag_width();
  }
  payload.release();
  if (stalled_) work_.arm(now());
}

// A completion TLP that is not its request's last.
void DmaEngine::extended_phase(tlm::InitiatorPort&, Payload& payload, const ::tlm::tlm_phase& phase) {
  if (phase != pcie::COMPLETION_TLP) return;
  const std::uint32_t slot = tags_.match(payload);
  if (slot == TagTable::none || tags_[slot].state == OutstandingRead::State::given_up) return;
  const DmaExtension& ext = tlm::dma(payload);
  const std::uint32_t bytes = ext.part_end - ext.part_begin;
  tags_[slot].received += bytes;
  copy(slots_[tags_[slot].dma], bytes);
}

void DmaEngine::copy(Slot& slot, std::uint32_t bytes) {
  const std::uint64_t unit = config_.copy_unit.value();
  const std::uint64_t whole = (bytes + unit - 1) & ~(unit - 1);
  slot.copied = std::max(slot.copied, now()) + base::Time::ps(config_.latency_per_kib.ps() * whole / 1024);
}

// One TLP of a DMA is over. `ext` is null when nothing came back.
void DmaEngine::finished(std::uint32_t index, const DmaExtension* ext, CompletionStatus status) {
  Slot& slot = slots_[index];
  if (slot.status == CompletionStatus::ok) slot.status = status;
  if (ext != nullptr && (ext->fault_reason != 0 || ext->status != CompletionStatus::ok)) slot.refused = true;
  if (ext != nullptr && ext->first_completion < slot.first_data) slot.first_data = ext->first_completion;
  if (ext != nullptr && ext->first) slot.remapped = Remapped{ext->translated, ext->iotlb_hit, ext->fault_reason};
  --slot.in_flight;
  if (slot.in_flight != 0 || slot.sent != slot.request.bytes) return;
  if (slot.abandoned) {
    release(index);
    return;
  }
  slot.answered = ext != nullptr;
  if (slot.answered) slot.stamps = ext->stamp;
  slot.state = State::ending;
  ending_.push(index, slot.request.write ? now() : std::max(slot.copied, now()) + config_.completion_latency);
}

void DmaEngine::release(std::uint32_t index) {
  if (tracks_.on()) tracks_.end(index);
  slots_[index].state = State::free;
  slots_.release(index);
  if (!working_) work_.arm(now());
}

void DmaEngine::end(std::uint32_t index) {
  Slot& slot = slots_[index];
  working_ = true;  // work() follows: what the requester submits in reply needs no wake-up
  if (slot.kind == Kind::dma && !slot.abandoned) {
    count(slot);
    if (tracks_.on() && slot.answered) tracks_.done(index, slot.stamps, slot.remapped);
  }
  if (!slot.told) tell(slot);
  release(index);
  work();
}

void DmaEngine::tell(Slot& slot) {
  slot.told = true;
  const DmaResult result{slot.request, slot.status, slot.issued, now(), slot.remapped};
  if (slot.from_workload) {
    workload_->done(result, now());
  } else if (slot.done) {
    slot.done(result);
  }
}

void DmaEngine::count(const Slot& slot) {
  switch (slot.status) {
    case CompletionStatus::ok: break;
    case CompletionStatus::unsupported_request: ++stats_.failed_unsupported; return;
    case CompletionStatus::completer_abort: ++stats_.failed_abort; return;
    case CompletionStatus::timeout: ++stats_.failed_timeout; return;
    case CompletionStatus::function_reset: return;
  }
  const bool write = slot.request.write;
  if (write && slot.refused) {
    ++stats_.dropped_writes;
    return;
  }
  ++(write ? stats_.writes : stats_.reads);
  if (!write && slot.first_data != base::Time()) stats_.first_data.add(slot.first_data - slot.request.intended);
  (write ? stats_.write_bytes : stats_.read_bytes) += slot.request.bytes;
  if (!(write ? stats_.write_latency : stats_.read_latency).add(slot.stamps, now())) {
    fatal("the parts of a DMA's latency do not sum to the whole: a boundary was stamped before an earlier one");
  }
  slowest_.add(slot.request, slot.remapped, slot.stamps, now());
}

}  // namespace iommusim::ep
