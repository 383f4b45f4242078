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
  state_ = State::fetching;
  words_ = Words{};
  port_.send(memory_read(context_, next->address, reinterpret_cast<unsigned char*>(words_.data()), next->bytes,
                         tlm::Traffic::queue, kSlot));
}

void CommandEngine::response(tlm::Payload& payload) {
  const bool ok = payload.is_response_ok();
  payload.release();
  if (!ok && state_ == State::fetching) {
    state_ = State::idle;  // until software repairs the queue and kicks it again
    owner_.apply(architecture_.command_fetch_failed());
    return;
  }
  // Fetched, or the status write is visible: go on from a stage of our own, never from within a response.
  const base::Time delay = state_ == State::fetching ? config_.command_latency : base::Time();
  state_ = state_ == State::fetching ? State::executing : State::signalled;
  steps_.push(0, context_.scheduler.now() + delay);
}

void CommandEngine::step(std::uint32_t) {
  if (state_ == State::signalled) {
    finish_wait();
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
      owner_.invalidate_device_tlb(command_);
      fetch();
      return;
    case Command::Kind::page_response:  // no device asks for pages yet: there is nobody to tell
    case Command::Kind::nothing: fetch(); return;
    case Command::Kind::illegal:
      state_ = State::idle;  // until software clears the error and kicks the queue again
      owner_.apply(architecture_.command_event(command_));
      return;
    case Command::Kind::wait:
      state_ = State::draining;
      if (!owner_.begin_drain()) signal();
      return;
  }
}

void CommandEngine::drained() {
  if (state_ == State::draining) signal();
}

void CommandEngine::signal() {
  if (!command_.write_status) {
    finish_wait();
    return;
  }
  state_ = State::signalling;
  words_[0] = command_.status;
  port_.send(memory_write(context_, command_.status_address, reinterpret_cast<unsigned char*>(words_.data()), 4,
                          tlm::Traffic::queue, kSlot));
}

void CommandEngine::finish_wait() {
  owner_.apply(architecture_.wait_finished(command_, WaitEnd::done));
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
