#include "bench/skeleton.h"

#include <algorithm>

namespace iommusim::bench {

using iommusim::tlm::delegate;
using ::sc_core::sc_time;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

namespace {
// Gen3 x8-like times; they set how events interleave, not how much work there is.
constexpr Time kRequestOnWire = Time::ps(3100);
constexpr Time kCompletionOnWire = Time::ps(10700);
constexpr Time kPropagation = Time::ns(100);
constexpr Time kLookup = Time::ns(12);
constexpr Time kMemory = Time::ns(90);

void forward(::tlm::tlm_initiator_socket<64>& out, Payload& payload) {
  tlm_phase phase = ::tlm::BEGIN_REQ;
  sc_time delay;
  out->nb_transport_fw(payload, phase, delay);
}

void backward(::tlm::tlm_target_socket<64>& in, Payload& payload) {
  tlm_phase phase = ::tlm::BEGIN_RESP;
  sc_time delay;
  in->nb_transport_bw(payload, phase, delay);
}

tlm_sync_enum accept_request(tlm_phase& phase) {
  phase = ::tlm::END_REQ;
  return ::tlm::TLM_UPDATED;
}
}  // namespace

Endpoint::Endpoint(::sc_core::sc_module_name name, Services& services, unsigned outstanding)
    : sc_module(name),
      services_(services),
      issue_(services.scheduler, "issue", delegate<&Endpoint::issue>(this)),
      outstanding_(outstanding) {
  out.bind(*this);
}

void Endpoint::start() {
  for (unsigned i = 0; i < outstanding_; ++i) issue_.push(0, services_.scheduler.now());
}

void Endpoint::issue(int) {
  Payload& p = services_.pool.acquire();
  services_.pool.use_scratch(p, 64);
  p.set_read();
  p.set_address(address_);
  address_ += 64;
  forward(out, p);
}

tlm_sync_enum Endpoint::nb_transport_bw(Payload& p, tlm_phase&, sc_time&) {
  ++completed_;
  p.release();
  issue_.push(0, services_.scheduler.now());
  return ::tlm::TLM_COMPLETED;
}

Link::Link(::sc_core::sc_module_name name, Services& services, Time propagation)
    : sc_module(name),
      services_(services),
      up_(services.scheduler, "up", delegate<&Link::arrive_up>(this)),
      down_(services.scheduler, "down", delegate<&Link::arrive_down>(this)),
      propagation_(propagation) {
  in.bind(*this);
  out.bind(*this);
}

tlm_sync_enum Link::nb_transport_fw(Payload& p, tlm_phase& phase, sc_time&) {
  up_free_ = std::max(up_free_, services_.scheduler.now()) + kRequestOnWire;
  up_.push(&p, up_free_ + propagation_);
  return accept_request(phase);
}

tlm_sync_enum Link::nb_transport_bw(Payload& p, tlm_phase&, sc_time&) {
  down_free_ = std::max(down_free_, services_.scheduler.now()) + kCompletionOnWire;
  down_.push(&p, down_free_ + propagation_);
  return ::tlm::TLM_COMPLETED;
}

void Link::arrive_up(Payload* p) { forward(out, *p); }
void Link::arrive_down(Payload* p) { backward(in, *p); }

struct Unit::Port : BareTarget {
  Port(Unit& unit_, std::uint16_t index_) : unit(unit_), index(index_), socket(::sc_core::sc_gen_unique_name("in")) {
    socket.bind(*this);
  }
  tlm_sync_enum nb_transport_fw(Payload& p, tlm_phase& phase, sc_time&) override {
    iommusim::tlm::dma(p).push_hop(index);
    unit.lookup_.push(&p, unit.services_.scheduler.now() + kLookup);
    return accept_request(phase);
  }
  Unit& unit;
  std::uint16_t index;
  ::tlm::tlm_target_socket<64> socket;
};

Unit::Unit(::sc_core::sc_module_name name, Services& services, unsigned ports)
    : sc_module(name), services_(services), lookup_(services.scheduler, "lookup", delegate<&Unit::looked_up>(this)) {
  out.bind(*this);
  for (unsigned i = 0; i < ports; ++i) ports_.push_back(std::make_unique<Port>(*this, static_cast<std::uint16_t>(i)));
}

Unit::~Unit() = default;

::tlm::tlm_target_socket<64>& Unit::in(unsigned port) { return ports_[port]->socket; }
void Unit::looked_up(Payload* p) { forward(out, *p); }

tlm_sync_enum Unit::nb_transport_bw(Payload& p, tlm_phase&, sc_time&) {
  backward(ports_[iommusim::tlm::dma(p).pop_hop()]->socket, p);
  return ::tlm::TLM_COMPLETED;
}

Memory::Memory(::sc_core::sc_module_name name, Services& services)
    : sc_module(name), services_(services), busy_(services.scheduler, "memory", delegate<&Memory::done>(this)) {
  in.bind(*this);
}

tlm_sync_enum Memory::nb_transport_fw(Payload& p, tlm_phase& phase, sc_time&) {
  busy_.push(&p, services_.scheduler.now() + kMemory);
  return accept_request(phase);
}

void Memory::done(Payload* p) {
  p->set_response_status(::tlm::TLM_OK_RESPONSE);
  backward(in, *p);
}

Skeleton::Skeleton(Services& services, unsigned endpoints, unsigned outstanding)
    : unit_("unit", services, endpoints), memory_("memory", services) {
  for (unsigned i = 0; i < endpoints; ++i) {
    const std::string number = std::to_string(i);
    endpoints_.push_back(std::make_unique<Endpoint>(("endpoint" + number).c_str(), services, outstanding));
    links_.push_back(std::make_unique<Link>(("link" + number).c_str(), services, kPropagation + Time::ps(137) * i));
    endpoints_[i]->out.bind(links_[i]->in);
    links_[i]->out.bind(unit_.in(i));
  }
  unit_.out.bind(memory_.in);
}

void Skeleton::start() {
  for (auto& e : endpoints_) e->start();
}

std::uint64_t Skeleton::completed() const {
  std::uint64_t n = 0;
  for (const auto& e : endpoints_) n += e->completed();
  return n;
}

}  // namespace iommusim::bench
