// The engine as a PCIe function: messages, what the control registers say, and reset.
#include <algorithm>

#include "models/endpoints/dma_engine.h"

namespace iommusim::ep {

using tlm::CompletionStatus;
using tlm::Payload;

// --- messages

void DmaEngine::send_message(const pcie::MessageTlp& message) {
  if (!controls_.bus_master) {
    post_message(message, no_slot);
    return;
  }
  Submitted s;
  s.kind = Kind::message;
  s.request.bytes = 1;  // it is one TLP
  s.request.write = true;
  s.request.intended = now();
  messages_.push(message);
  submitted_.push(s);
  if (!working_) work_.arm(now());
}

void DmaEngine::message(const tlm::Payload& payload) {
  const pcie::MessageTlp message = pcie::message_of(payload);
  if (message.kind != tlm::Message::invalidate_request) return;
  const pcie::InvalidateRequest request =
      pcie::decode_invalidate_request(message.data, static_cast<std::uint8_t>(message.tag & 31u));
  send_message(pcie::message_of(pcie::InvalidateCompletion{std::uint32_t{1} << request.itag, 1}, base::Bdf{}));
}

void DmaEngine::send_message_of(std::uint32_t index, Slot& slot) {
  slot.issued = now();
  slot.sent = slot.request.bytes;
  slot.state = State::waiting;
  ++slot.in_flight;
  post_message(messages_.pop(), index);
}

void DmaEngine::post_message(const pcie::MessageTlp& message, std::uint32_t dma) {
  Payload& payload = pool().acquire();
  pcie::fill(pool(), payload, message, bus_.requester);
  tlm::DmaExtension& ext = tlm::dma(payload);
  ext.dma = dma;
  ext.stamp[ext.issued] = now();
  tlm::set_holder(payload, name());
  count_posted();
  ++stats_.device_messages;
  port.send(payload);
}

// Bus Master Enable holds memory requests only. What overtakes a held write here is not ordered against it, as that has
// not been issued.
void DmaEngine::let_messages_pass() {
  for (std::size_t n = ready_.size(); n > 0; --n) {
    const std::uint32_t index = ready_.pop();
    Slot& slot = slots_[index];
    if (slot.kind != Kind::message) {
      ready_.push(index);
      continue;
    }
    send_message_of(index, slot);
    slot.told = true;
  }
  if (!stalled_ && !ready_.empty()) {
    ++stats_.bus_master_stalls;
    stalled_ = true;
  }
}

/// Those that have no slot yet: there may be none left. Their contents are the last in messages_.
void DmaEngine::let_submitted_messages_pass() {
  std::size_t here = 0;
  for (std::size_t n = submitted_.size(); n > 0; --n) {
    const Submitted s = submitted_.pop();
    if (s.kind == Kind::message)
      ++here;
    else
      submitted_.push(s);
  }
  std::vector<pcie::MessageTlp> passing;
  for (std::size_t n = messages_.size(); n > 0; --n) {
    const pcie::MessageTlp m = messages_.pop();
    if (n <= here)
      passing.push_back(m);
    else
      messages_.push(m);
  }
  for (const pcie::MessageTlp& m : passing) post_message(m, no_slot);
}

// --- control registers

void DmaEngine::controls_changed(const pcie::RequesterControls& controls) {
  const bool was_master = controls_.bus_master;
  const bool other_width = controls.tag_bits != controls_.tag_bits;
  controls_ = controls;
  bus_.mps = controls.mps;
  bus_.mrrs = controls.mrrs;
  if (other_width) {
    new_width_ = true;
    if (tags_.in_use() == 0) set_tag_width();
  }
  while (controls_.msix && !pending_msis_.empty()) submitted_.push(pending_msis_.pop());
  if (was_master && !controls_.bus_master) {
    port_free_then_ = port_free_;
    port_free_ = base::Time::max();
    stalled_ = false;
    let_messages_pass();
    let_submitted_messages_pass();
  } else if (!was_master && controls_.bus_master) {
    port_free_ = port_free_then_;
    stalled_ = false;
  }
  if (!working_) work_.arm(now());
}

void DmaEngine::set_tag_width() {
  new_width_ = false;
  tags_.set_width(std::min(config_.tag_bits, controls_.tag_bits), config_.tags);
}

// --- reset

void DmaEngine::reset() {
  const bool outer = working_;
  working_ = true;  // what requesters submit in reply is looked at afterwards
  while (!ready_.empty()) ready_.pop();
  messages_ = {};
  give_up_tags();
  // Requesters may submit anew when told: that is not part of the reset.
  tlm::Ring<Submitted> submitted, msis;
  std::swap(submitted, submitted_);
  std::swap(msis, pending_msis_);
  const std::uint32_t slots = slots_made_;
  for (std::uint32_t i = 0; i < slots; ++i) abandon(i);
  reset_submitted(submitted);
  reset_submitted(msis);
  stalled_ = false;
  working_ = outer;
  if (!working_) work_.arm(now());
}

void DmaEngine::give_up_tags() {
  for (std::uint32_t t = 0; t < tags_.made(); ++t) {
    if (tags_[t].state != OutstandingRead::State::outstanding) continue;
    tags_[t].state = OutstandingRead::State::given_up;
    tags_[t].linked = false;
  }
  oldest_ = newest_ = no_tag;
  timeout_.cancel();
}

void DmaEngine::reset_submitted(tlm::Ring<Submitted>& submitted) {
  while (!submitted.empty()) {
    const Submitted s = submitted.pop();
    ++stats_.reset;
    if (s.done) s.done(DmaResult{s.request, CompletionStatus::function_reset, {}, now(), {}});
  }
}

// A write whose requester was told that it is sent has left the function: it goes on.
void DmaEngine::abandon(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.state == State::free || slot.told) return;
  ++stats_.reset;
  slot.status = CompletionStatus::function_reset;
  slot.abandoned = true;
  const State was = slot.state;
  // Reads are known by their tags, given up; writes still to be seen are not.
  if (!slot.request.write) slot.in_flight = 0;
  slot.sent = slot.request.bytes;
  slot.state = State::waiting;
  tell(slot);
  // Otherwise it is released when it comes out of the issue or the ending line, or its last write is visible.
  if (was == State::issuing || was == State::ending) {
    slot.state = was;
  } else if (slot.in_flight == 0) {
    release(index);
  }
}

}  // namespace iommusim::ep
