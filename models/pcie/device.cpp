#include "models/pcie/device.h"

#include <cstring>
#include <string>

#include "models/base/bdf.h"
#include "models/pcie/completion_phase.h"

namespace iommusim::pcie {

using tlm::Payload;

struct Device::Function {
  Function(Device& device, unsigned index, const FunctionPlace& where, const FunctionConfig& config,
           bool multi_function)
      : from(("from_function_" + std::to_string(index)).c_str(), device.context(), device, index),
        to(("to_function_" + std::to_string(index)).c_str(), device.context(), device, index),
        place(where),
        registers(config, where.is_virtual ? ConfigSpace::Kind::virtual_function : ConfigSpace::Kind::physical,
                  multi_function) {}

  tlm::TargetPort from;
  tlm::InitiatorPort to;
  const FunctionPlace place;
  ConfigSpace registers;
  bool may_request = true;  // memory requests: bus master, present
  unsigned resetting = 0;   // resets that are not over
  bool has_registers = true;
  unsigned windows = 0;
  tlm::Ring<Payload*> held;
  std::vector<FunctionListener*> listeners;
  MessageSink* sink = nullptr;
  FunctionStats stats;
};

namespace {

DeviceConfig plain(unsigned functions) {
  DeviceConfig c;
  c.functions.assign(functions, FunctionConfig{});
  return c;
}

unsigned count_of(const DeviceConfig& config) { return static_cast<unsigned>(places_of(base::Bdf(), config).size()); }

bool is_memory_request(const Payload& payload) { return payload.is_read() || payload.is_write(); }

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
Device::Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer,
               const DeviceConfig& config, base::Bdf bdf, base::Bytes mps, base::Bytes mrrs)
    : Module(name, context),
      link_port("link", context, *this,
                {PortRole::endpoint, {buffer.posted, buffer.non_posted, {}}, count_of(config), false}),
      config_(config),
      config_requests_(context.scheduler, std::string(this->name()) + ".config",
                       tlm::delegate<&Device::serve_config>(this)),
      resets_(context.scheduler, std::string(this->name()) + ".reset", tlm::delegate<&Device::reset_over>(this)) {
  add_functions(bdf, mps, mrrs);
  stats().add("unclaimed", unclaimed_, "1", "requests from the link that no function takes");
}

Device::Device(::sc_core::sc_module_name name, tlm::Context& context, const ReceiveBuffer& buffer, unsigned functions)
    : Device(name, context, buffer, plain(functions), base::Bdf(0)) {}

Device::~Device() = default;

void Device::add_functions(base::Bdf bdf, base::Bytes mps, base::Bytes mrrs) {
  for (const FunctionPlace& place : places_of(bdf, config_)) {
    const auto index = static_cast<unsigned>(functions_.size());
    const FunctionConfig& c = config_.functions[place.physical];
    functions_.push_back(std::make_unique<Function>(*this, index, place, c, config_.functions.size() > 1));
    functions_.back()->registers.enable(mps, mrrs);
    FunctionStats& s = functions_.back()->stats;
    base::Group& g = stats().group("function" + std::to_string(index));
    g.add("held", s.held, "1", "requests that waited for Bus Master Enable");
    g.add("dropped", s.dropped, "1", "requests not yet sent that a reset discarded");
    g.add("config_reads", s.config_reads, "1", "configuration reads");
    g.add("config_writes", s.config_writes, "1", "configuration writes");
    g.add("messages", s.messages, "1", "messages for it");
    g.add("resets", s.resets, "1", "function-level resets");
  }
}

void Device::before_end_of_elaboration() {
  for (const auto& f : functions_) {
    const std::string i = std::to_string(f->from.index());
    if (f->from.get_base_port().bind_count() == 0) {
      tlm::InitiatorPort::Owner& owner = *this;
      no_engines_.push_back(std::make_unique<tlm::InitiatorPort>(("no_engine_" + i).c_str(), context(), owner));
      no_engines_.back()->bind(f->from);
    }
    if (f->to.get_base_port().bind_count() == 0) {
      tlm::TargetPort::Owner& owner = *this;
      no_registers_.push_back(std::make_unique<tlm::TargetPort>(("no_registers_" + i).c_str(), context(), owner));
      f->to.bind(*no_registers_.back());
      f->has_registers = false;
    }
  }
}

void Device::start_of_simulation() {
  for (unsigned i = 0; link_port.linked() && i < functions(); ++i)
    link_port.out().set_weight(i, config_.functions[place(i).physical].weight);
}

tlm::TargetPort& Device::from_function(unsigned i) { return functions_.at(i)->from; }
tlm::InitiatorPort& Device::to_function(unsigned i) { return functions_.at(i)->to; }
const FunctionPlace& Device::place(unsigned i) const { return functions_.at(i)->place; }
const ConfigSpace& Device::config_space(unsigned i) const { return functions_.at(i)->registers; }
const FunctionStats& Device::function_stats(unsigned i) const { return functions_.at(i)->stats; }

void Device::add_window(base::Hpa base, std::uint64_t bytes, unsigned function) {
  Function& f = *functions_.at(function);
  if (f.place.is_virtual) {
    windows_.push_back({base, bytes, function, kNoBar});
    return;
  }
  const unsigned bar = 2 * f.windows++;
  if (bar > 4) fatal("a function has three 64-bit base address registers and was given another window");
  if (bytes < 16 || (bytes & (bytes - 1)) != 0 || base.value() % bytes != 0)
    fatal("a window is no power of two of at least 16 bytes, or not aligned to its size");
  f.registers.set_bar(bar, base, bytes);
  windows_.push_back({base, bytes, function, bar});
}

void Device::attach(unsigned function, FunctionListener& listener) {
  functions_.at(function)->listeners.push_back(&listener);
  listener.controls_changed(controls(function));
}

void Device::set_message_sink(unsigned function, MessageSink& sink) {
  Function& f = *functions_.at(function);
  if (f.sink != nullptr) fatal("a function has a second message sink");
  f.sink = &sink;
}

// --- state of functions

bool Device::present(unsigned i) const {
  const Function& f = *functions_.at(i);
  if (f.resetting != 0) return false;
  if (!f.place.is_virtual) return true;
  const ConfigSpace& pf = functions_[f.place.physical]->registers;
  return pf.vfs_enabled() && f.place.vf <= pf.num_vfs();
}

bool Device::memory_enabled(unsigned i) const {
  const Function& f = *functions_[i];
  if (!f.has_registers || !present(i)) return false;
  return f.place.is_virtual ? functions_[f.place.physical]->registers.vf_memory_space_enabled()
                            : f.registers.memory_space_enabled();
}

RequesterControls Device::controls(unsigned i) const {
  const Function& f = *functions_.at(i);
  const ConfigSpace& own = f.registers;
  const ConfigSpace& pf = functions_[f.place.physical]->registers;
  RequesterControls c;
  c.bus_master = present(i) && own.bus_master_enabled();
  c.relaxed_ordering = pf.relaxed_ordering_enabled();
  c.id_ordering = pf.id_ordering_enabled();
  c.mps = pf.mps();
  c.mrrs = pf.mrrs();
  c.tag_bits = pf.tag_bits();
  c.msix = own.msix_enabled() && !own.msix_masked();
  c.ats = own.ats_enabled();
  c.pri = pf.pri_enabled();
  c.pasid = pf.pasid_enabled();
  return c;
}

/// After any change of a function's registers or presence: tells its listeners and lets go what waited.
void Device::refresh(unsigned i) {
  Function& f = *functions_[i];
  const RequesterControls c = controls(i);
  f.may_request = c.bus_master;
  for (FunctionListener* listener : f.listeners) listener->controls_changed(c);
  while (f.may_request && !f.held.empty()) link_port.send(*f.held.pop(), i);
}

/// The same for a physical function and the virtual ones that share its controls.
void Device::refresh_group(unsigned physical) {
  for (unsigned i = 0; i < functions(); ++i) {
    if (functions_[i]->place.physical == physical) refresh(i);
  }
}

void Device::write_config(unsigned i, std::uint16_t offset, unsigned bytes, std::uint32_t value) {
  Function& f = *functions_.at(i);
  if (!present(i)) return;
  std::vector<unsigned> before;
  for (unsigned v = 0; v < functions(); ++v) {
    if (functions_[v]->place.is_virtual && functions_[v]->place.physical == i && present(v)) before.push_back(v);
  }
  if (f.registers.write(offset, bytes, value)) {
    reset_function(i);
    return;
  }
  // A virtual function that is disabled loses its state (section 9.3.3.3.1).
  for (const unsigned v : before) {
    if (!present(v)) reset_one(v);
  }
  if (f.place.is_virtual) {
    refresh(i);
  } else {
    refresh_group(i);
  }
}

// Section 6.6.2; a physical function's reset clears VF Enable, and its virtual functions are gone (section 9.2.2.2).
void Device::reset_function(unsigned i) {
  Function& f = *functions_.at(i);
  ++f.stats.resets;
  ++f.resetting;
  if (config_.reset_time == base::Time()) {
    --f.resetting;
  } else {
    resets_.push(i, now() + config_.reset_time);
  }
  reset_one(i);
  if (f.place.is_virtual) {
    refresh(i);
    return;
  }
  for (unsigned v = 0; v < functions(); ++v) {
    if (functions_[v]->place.is_virtual && functions_[v]->place.physical == i) reset_one(v);
  }
  refresh_group(i);
}

void Device::reset_one(unsigned i) {
  Function& f = *functions_[i];
  f.registers.reset();
  f.may_request = false;
  for (FunctionListener* listener : f.listeners) listener->function_reset();
  while (!f.held.empty()) {
    Payload& payload = *f.held.pop();
    ++f.stats.dropped;
    tlm::dma(payload).pop_hop();
    tlm::dma(payload).status = tlm::CompletionStatus::function_reset;
    payload.set_response_status(::tlm::TLM_GENERIC_ERROR_RESPONSE);
    f.from.respond(payload);
  }
}

void Device::reset_over(std::uint32_t i) {
  --functions_[i]->resetting;
  refresh(i);
}

// --- from the functions

bool Device::request(tlm::TargetPort& port, Payload& payload) {
  Function& f = *functions_[port.index()];
  tlm::dma(payload).push_hop(static_cast<std::uint16_t>(port.index()));
  if (!f.may_request && is_memory_request(payload)) {
    ++f.stats.held;
    f.held.push(&payload);
    return true;
  }
  link_port.send(payload, port.index());
  return true;
}

void Device::receive_completion(LinkPort&, Payload& payload, CompletionPart part, base::Time) {
  tlm::DmaExtension& x = tlm::dma(payload);
  const std::uint16_t function = x.pop_hop();
  if (x.first_completion == base::Time()) x.first_completion = now();
  if (part.last) {
    functions_[function]->from.respond(payload);
    return;
  }
  x.push_hop(function);
  functions_[function]->from.signal(payload, COMPLETION_TLP);
}

void Device::posted_done(LinkPort&, Payload& payload) {
  functions_[tlm::dma(payload).pop_hop()]->from.respond(payload);
}

// --- from the link

const Device::Window* Device::window_of(std::uint64_t address) const {
  for (const Window& w : windows_) {
    if (address - w.base.value() >= w.bytes) continue;
    const bool there = w.bar == kNoBar || functions_[w.function]->registers.bar(w.bar) == w.base;
    return there && memory_enabled(w.function) ? &w : nullptr;
  }
  return nullptr;
}

const Device::Function* Device::function_of(base::Bdf bdf) const {
  for (unsigned i = 0; i < functions(); ++i) {
    if (functions_[i]->place.bdf == bdf) return present(i) ? functions_[i].get() : nullptr;
  }
  return nullptr;
}

// Registers and whatever else answers behind the link take a request as it comes: its buffer is free at once.
void Device::receive(LinkPort&, Payload& payload, base::Time) {
  link_port.release(payload, now());
  if (!is_memory_request(payload)) {
    deliver_message(payload);
    return;
  }
  if (tlm::dma(payload).space == tlm::AddressSpace::configuration) {
    if (config_.config_latency == base::Time()) {
      serve_config(&payload);
    } else {
      config_requests_.push(&payload, now() + config_.config_latency);
    }
    return;
  }
  const Window* window = window_of(payload.get_address());
  if (window == nullptr) {
    refuse(payload);
  } else {
    functions_[window->function]->to.send(payload);
  }
}

// Section 2.3.1, type 0 configuration requests: one doubleword, or a part of one.
void Device::serve_config(Payload* payload) {
  tlm::DmaExtension& x = tlm::dma(*payload);
  const std::uint64_t offset = payload->get_address();
  const unsigned n = payload->get_data_length();
  const Function* target = function_of(x.target);
  if (target == nullptr || (n != 1 && n != 2 && n != 4) || offset % n != 0 || offset + n > ConfigSpace::kBytes) {
    refuse(*payload);
    return;
  }
  Function& f = *functions_[target->from.index()];
  const auto at = static_cast<std::uint16_t>(offset);
  unsigned char* data = payload->get_data_ptr();
  payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  if (payload->is_read()) {
    ++f.stats.config_reads;
    const std::uint32_t value = f.registers.read(at, n);
    for (unsigned i = 0; i < n; ++i) data[i] = static_cast<unsigned char>(value >> (8 * i));
  } else {
    ++f.stats.config_writes;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < n; ++i) value |= std::uint32_t{data[i]} << (8 * i);
    write_config(target->from.index(), at, n, value);
  }
  answer(*payload, target->from.index());
}

void Device::deliver_message(Payload& payload) {
  const Function* target = function_of(tlm::dma(payload).target);
  if (target == nullptr || target->sink == nullptr) {
    ++unclaimed_;
  } else {
    ++functions_[target->from.index()]->stats.messages;
    target->sink->message(payload);
  }
  payload.set_response_status(::tlm::TLM_OK_RESPONSE);
  answer(payload, 0);
}

// Unsupported request: a completion says so, and its requester reads all ones; a posted request vanishes (PCIe 5.0
// section 2.3.1).
void Device::refuse(Payload& payload) {
  ++unclaimed_;
  tlm::dma(payload).status = tlm::CompletionStatus::unsupported_request;
  payload.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
  if (payload.is_read()) std::memset(payload.get_data_ptr(), 0xff, payload.get_data_length());
  answer(payload, 0);
}

// A function's completion queues behind the function's own posted requests: a register read flushes its writes.
void Device::answer(Payload& payload, unsigned function) {
  if (is_posted(payload)) {
    link_port.finish_posted(payload);
  } else {
    link_port.complete(payload, function);
  }
}

void Device::response(tlm::InitiatorPort& port, Payload& payload) { answer(payload, port.index()); }

unsigned Device::debug(tlm::TargetPort&, Payload& payload) { return link_port.tx.debug(payload); }

unsigned Device::debug(LinkPort&, Payload& payload) {
  const Window* window = window_of(payload.get_address());
  return window == nullptr ? 0 : functions_[window->function]->to.debug(payload);
}

}  // namespace iommusim::pcie
