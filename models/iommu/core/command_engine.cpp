#include "models/iommu/core/command_engine.h"

#include <cstring>

#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

CommandEngine::CommandEngine(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
                             Architecture& architecture, tlm::InitiatorPort& port, Owner& owner)
    : context_(context),
      config_(config),
      architecture_(architecture),
      port_(port),
      owner_(owner),
      steps_(context.scheduler, name + ".commands", tlm::delegate<&CommandEngine::step>(this)) {}

void CommandEngine::kick() {
  if (state_ == State::idle) fetch();
}

// From a stage: either a register write has just been seen, or the command before is done.
void CommandEngine::fetch() {
  const std::optional<CommandFetch> next = architecture_.next_command();
  if (!next) {
    state_ = State::idle;
    return;
  }
  if (!within_reach(architecture_, next->address)) {
    fetch_failed();
    return;
  }
  state_ = State::fetching;
  words_ = Words{};
  port_.send(memory_read(context_, next->address, reinterpret_cast<unsigned char*>(words_.data()), next->bytes,
                         tlm::Traffic::queue, kSlot));
}

void CommandEngine::response(tlm::Payload& payload) {
  const bool ok = payload.is_response_ok() && !tlm::dma(payload).poisoned;
  payload.release();
  if (!ok && state_ == State::fetching) {
    fetch_failed();
    return;
  }
  status_ok_ = ok;
  // Fetched, or the status write is visible: go on from a stage of our own, never from within a response.
  const base::Time delay = state_ == State::fetching ? config_.command_latency : base::Time();
  state_ = state_ == State::fetching ? State::executing : State::signalled;
  steps_.push(0, context_.scheduler.now() + delay);
}

void CommandEngine::fetch_failed() {
  state_ = State::idle;  // until software repairs the queue and kicks it again
  owner_.apply(architecture_.command_fetch_failed());
}

void CommandEngine::step(std::uint32_t) {
  if (state_ == State::signalled) {
    finish_wait(status_ok_ ? WaitEnd::done : WaitEnd::write_fault);
    return;
  }
  command_ = architecture_.take_command(words_);
  commands[static_cast<unsigned>(command_.form)]++;
  switch (command_.kind) {
    case Command::Kind::invalidate:
      owner_.invalidate(command_.scope);
      if (command_.also) owner_.invalidate(*command_.also);
      fetch();
      return;
    case Command::Kind::device_tlb:
      if (request_invalidation()) {
        fetch();
      } else {
        state_ = State::needs_tag;
      }
      return;
    case Command::Kind::page_response:
      owner_.send(command_.message, 0);
      fetch();
      return;
    case Command::Kind::nothing: fetch(); return;
    case Command::Kind::illegal:
      state_ = State::idle;  // until software clears the error and kicks the queue again
      owner_.apply(architecture_.command_event(command_));
      return;
    case Command::Kind::wait:
      state_ = State::draining;
      drained_ = !owner_.begin_drain(command_);
      if (drained_ && device_invalidations_.outstanding() == 0) signal();
      return;
  }
}

// False: no tag is free.
bool CommandEngine::request_invalidation() {
  const DeviceMessage& m = command_.message;
  const auto tag = device_invalidations_.issue(m.device, m.has_segment);
  if (!tag) return false;
  if (!owner_.send(m, *tag)) device_invalidations_.complete(m.device, m.has_segment, 1u << *tag, 1);
  return true;
}

bool CommandEngine::invalidation_completed(SourceId device, bool has_segment, std::uint32_t tags, unsigned count) {
  const bool expected = device_invalidations_.complete(device, has_segment, tags, count);
  devices_answered();
  return expected;
}

void CommandEngine::invalidation_timed_out(std::uint32_t tags) {
  device_invalidations_.time_out(tags);
  devices_answered();
}

void CommandEngine::devices_answered() {
  if (state_ == State::needs_tag) {
    if (request_invalidation()) fetch();
  } else if (state_ == State::draining && drained_ && device_invalidations_.outstanding() == 0) {
    signal();
  }
}

void CommandEngine::drained() {
  if (state_ != State::draining || drained_) return;
  drained_ = true;
  if (device_invalidations_.outstanding() == 0) signal();
}

void CommandEngine::signal() {
  if (device_invalidations_.take_timed_out()) {
    finish_wait(WaitEnd::device_timeout);
    return;
  }
  if (!command_.write_status) {
    finish_wait(WaitEnd::done);
    return;
  }
  if (!within_reach(architecture_, command_.status_address)) {
    finish_wait(WaitEnd::write_fault);
    return;
  }
  state_ = State::signalling;
  words_[0] = command_.status;
  port_.send(memory_write(context_, command_.status_address, reinterpret_cast<unsigned char*>(words_.data()), 4,
                          tlm::Traffic::queue, kSlot));
}

void CommandEngine::finish_wait(WaitEnd end) {
  owner_.waited(command_, end);
  owner_.apply(architecture_.wait_finished(command_, end));
  fetch();
}

void CommandEngine::register_stats(base::Group& group) {
  static const char* const kName[] = {"context_cache",   "iotlb_global", "iotlb_domain", "iotlb_page",    "device_tlb",
                                      "interrupt_entry", "wait",         "pasid_cache",  "page_response", "other"};
  static const char* const kText[] = {"Context-cache invalidations",
                                      "Global IOTLB invalidations",
                                      "Domain-selective IOTLB invalidations",
                                      "Page-selective IOTLB invalidations",
                                      "Device-TLB invalidations",
                                      "Interrupt-entry-cache invalidations",
                                      "Wait commands",
                                      "PASID-cache invalidations",
                                      "Page request group responses",
                                      "Other commands, illegal ones included"};
  for (unsigned i = 0; i < commands.size(); ++i) group.add(kName[i], commands[i], "1", kText[i]);
}

}  // namespace iommusim::iommu
