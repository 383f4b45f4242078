#include "models/iommu/core/command_engine.h"

#include <fmt/format.h>

#include "models/base/bdf.h"
#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

CommandEngine::CommandEngine(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
                             Architecture& architecture, tlm::InitiatorPort& port, Owner& owner)
    : context_(context),
      config_(config),
      architecture_(architecture),
      port_(port),
      owner_(owner),
      device_invalidations_(context.scheduler, name, config.command_queue.device_timeout,
                            tlm::delegate<&CommandEngine::devices_answered>(this)),
      steps_(context.scheduler, name + ".commands", tlm::delegate<&CommandEngine::step>(this)),
      track_(context, name, "command queue") {}

void CommandEngine::kick() {
  const auto head = architecture_.next_command();
  // An architecture may move the head when it takes a command or when the command has ended.
  const bool apart = state_ > State::decoding && !(head && head->address == entry_);
  meter_.observe((head ? head->pending : 0) + (apart ? 1 : 0), now());
  if (state_ == State::idle) next();
}

void CommandEngine::registers_written() {
  if (batch_.left() != 0 && !architecture_.next_command()) drop_batch();
}

// From a stage: either a register write has just been seen, or the command before is done.
void CommandEngine::next() {
  const auto head = architecture_.next_command();
  if (!head) {
    stop();
    return;
  }
  if (batch_.holds(*head)) {
    state_ = State::decoding;
    steps_.push(0, now() + config_.command_latency);
    return;
  }
  drop_batch();
  if (!within_reach(architecture_, head->address)) {
    fetch_failed();
    return;
  }
  state_ = State::fetching;
  fetches++;
  fetched_at_ = now();
  const unsigned bytes = batch_.begin(*head, config_.command_queue.fetch_batch);
  if (track_.on()) track_.begin("fetch", {}, {{"bytes", std::uint64_t{bytes}}});
  port_.send(memory_read(context_, head->address, batch_.data(), bytes, tlm::Traffic::queue, kSlot));
}

void CommandEngine::response(tlm::Payload& payload) {
  const bool ok = payload.is_response_ok() && !tlm::dma(payload).poisoned;
  payload.release();
  // Go on from a stage of our own, never from within a response.
  if (state_ == State::signalling) {
    status_ok_ = ok;
    state_ = State::signalled;
    steps_.push(0, now());
    return;
  }
  if (track_.on()) track_.end();  // of the fetch
  if (!ok && batch_.left() != 0) {
    fetch_failed();
    return;
  }
  state_ = State::decoding;
  steps_.push(0, now() + config_.command_latency);
}

void CommandEngine::fetch_failed() {
  stop();  // until software repairs the queue and kicks it again
  owner_.apply(architecture_.command_fetch_failed());
}

void CommandEngine::stop() {
  state_ = State::idle;
  drop_batch();
}

void CommandEngine::drop_batch() {
  dropped += batch_.left();
  batch_.drop();
}

void CommandEngine::step(std::uint32_t) {
  if (state_ == State::signalled) {
    finish_wait(status_ok_ ? WaitEnd::done : WaitEnd::write_fault);
  } else if (state_ == State::searching) {
    invalidate();
  } else {
    // Software may have turned the queue off, or off and on, since the entry was fetched.
    const auto head = architecture_.next_command();
    if (head && batch_.holds(*head)) {
      entry_ = head->address;
      execute();
    } else {
      next();
    }
  }
}

void CommandEngine::execute() {
  command_ = architecture_.take_command(batch_.take());
  commands[static_cast<unsigned>(command_.form)]++;
  if (track_.on()) draw_command();
  switch (command_.kind) {
    case Command::Kind::invalidate: {
      base::Time search = owner_.invalidation_time(command_.scope);
      if (command_.also) search += owner_.invalidation_time(*command_.also);
      state_ = State::searching;
      if (search == base::Time()) {
        invalidate();
      } else {
        steps_.push(0, now() + search);
      }
      return;
    }
    case Command::Kind::device_tlb:
      state_ = State::needs_tag;
      if (request_invalidation()) done();
      return;
    case Command::Kind::page_response:
      owner_.send(command_.message, 0);
      done();
      return;
    case Command::Kind::nothing: done(); return;
    case Command::Kind::illegal:
      if (track_.on()) track_.end();
      stop();  // until software clears the error and kicks the queue again
      owner_.apply(architecture_.command_event(command_));
      return;
    case Command::Kind::wait:
      state_ = State::draining;
      drained_ = !owner_.begin_drain(command_);
      if (drained_ && device_invalidations_.outstanding() == 0) signal();
      return;
  }
}

void CommandEngine::draw_command() {
  static const char* const kForm[kCommandForms] = {"context invalidation",
                                                   "IOTLB invalidation, global",
                                                   "IOTLB invalidation, domain",
                                                   "IOTLB invalidation, pages",
                                                   "device-TLB invalidation",
                                                   "interrupt-entry invalidation",
                                                   "wait",
                                                   "PASID-cache invalidation",
                                                   "page response",
                                                   "other"};
  track_.begin(kForm[static_cast<unsigned>(command_.form)], {},
               {{"source", base::to_text(command_.source)},
                {"address", fmt::format("{:#x}", command_.address)},
                {"bytes", command_.bytes}});
}

void CommandEngine::invalidate() {
  owner_.invalidate(command_.scope);
  if (command_.also) owner_.invalidate(*command_.also);
  latency.add(now() - fetched_at_);
  done();
}

// False: no tag is free.
bool CommandEngine::request_invalidation() {
  const DeviceMessage& m = command_.message;
  const auto tag = device_invalidations_.issue(m.device, m.has_segment);
  if (!tag) return false;
  if (!owner_.send(m, *tag)) device_invalidations_.withdraw(*tag);
  return true;
}

bool CommandEngine::invalidation_completed(SourceId device, bool has_segment, std::uint32_t tags, unsigned count) {
  const bool expected = device_invalidations_.complete(device, has_segment, tags, count);
  devices_answered();
  return expected;
}

void CommandEngine::invalidation_timed_out(std::uint32_t tags) {
  device_invalidations_.give_up(tags);
  devices_answered();
}

void CommandEngine::devices_answered() {
  if (state_ == State::needs_tag) {
    if (request_invalidation()) done();
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
  status_ = command_.status;
  port_.send(memory_write(context_, command_.status_address, reinterpret_cast<unsigned char*>(&status_), 4,
                          tlm::Traffic::queue, kSlot));
}

void CommandEngine::finish_wait(WaitEnd end) {
  owner_.waited(command_, end);
  owner_.apply(architecture_.wait_finished(command_, end));
  wait_latency.add(now() - meter_.completed(now()));
  if (track_.on()) track_.end();
  next();
}

void CommandEngine::done() {
  meter_.completed(now());
  if (track_.on()) track_.end();
  next();
}

}  // namespace iommusim::iommu
