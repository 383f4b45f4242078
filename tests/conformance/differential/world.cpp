#include "tests/conformance/differential/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace iommusim::test::differential {

using base::Time;

namespace {

constexpr unsigned kPorts = 2;
constexpr std::size_t kNotes = 4000, kShown = 40;
constexpr std::uint64_t kAround = std::uint64_t{1} << 21;

base::CacheConfig random_cache(base::RandomStream& random, unsigned most_log2) {
  static const std::array<const char*, 5> kPolicies = {"lru", "tree_plru", "fifo", "srrip", "random"};
  base::CacheConfig c;
  const std::uint64_t log2 = random.below(most_log2 + 2);
  c.entries = log2 == 0 ? 0 : 1u << (log2 - 1);
  c.ways = c.entries >= 4 && random.below(2) == 0 ? c.entries / 2 : 0;
  c.policy = kPolicies[random.below(kPolicies.size())];
  c.when_full = random.below(4) == 0 ? base::WhenFull::clear : base::WhenFull::replace;
  return c;
}

}  // namespace

RemappingUnitConfig random_unit(std::uint64_t seed) {
  base::RandomStream random(seed, "unit");
  RemappingUnitConfig c;
  c.service = random.below(2) == 0 ? Service::in_order : Service::out_of_order;
  c.lookup_interval = base::Time::ps(random.below(3) * 1500);
  c.walkers = static_cast<unsigned>(random.between(1, 12));
  c.walk_overhead = base::Time::ps(random.below(2) * 3000);
  c.walk_step_latency = base::Time::ps(random.below(2) * 2000);
  c.command_latency = base::Time::ns(random.below(3) * 20);
  c.context_cache = random_cache(random, 3);
  c.iotlb = random_cache(random, 7);
  c.walk_caches.level1 = random_cache(random, 5);
  c.walk_caches.level2 = random_cache(random, 4);
  c.walk_caches.level3 = random_cache(random, 3);
  c.walk_caches.level4 = random_cache(random, 3);
  return c;
}

World::World(::sc_core::sc_module_name module_name, tlm::Context& context, const Variant& variant,
             const RemappingUnitConfig& config, std::uint64_t seed)
    : Module(module_name, context),
      random_(seed, "world"),
      generator_(variant, seed),
      software_(variant, contents_),
      unit_(std::make_unique<RemappingUnit>("unit", context, config, variant.config->make_architecture(), kPorts)),
      untimed_(std::make_unique<UntimedUnit>(unit_->architecture(), contents_)),
      registers_("registers", context, *this, kPorts),
      data_("data", context, *this),
      tables_("tables", context, *this, 1),
      memory_(context.scheduler, "world.memory", tlm::delegate<&World::memory_done>(this)),
      steps_(context.scheduler, "world.steps", tlm::delegate<&World::step>(this)),
      most_inside_(random_.between(4, 96)) {
  tlm::InitiatorPort::Owner& self = *this;  // a private base: make_unique itself may not convert to it
  for (unsigned i = 0; i < kPorts; ++i) {
    devices_.push_back(std::make_unique<tlm::InitiatorPort>(fmt::format("device{}", i).c_str(), context, self, i));
    devices_.back()->bind(unit_->upstream(i));
  }
  registers_.bind(unit_->registers);
  unit_->downstream.bind(data_);
  unit_->walk.bind(tables_);
  unit_->observe(this);
}

void World::run(RequestNumber requests) {
  wanted_ = requests;
  write_registers(software_.boot());
  for (unsigned d = 0; d < Software::kDevices; ++d) {
    Operation op;
    op.kind = Operation::Kind::attach;
    op.device = d;
    op.to = Attachment{Attachment::Mode::domain, d % Software::kDomains};
    software_.apply(op, next_);
  }
  for (unsigned i = 0; i < 64; ++i) {
    const Operation op = generator_.change(software_.history.now());
    if (op.kind == Operation::Kind::map && software_.possible(op)) software_.apply(op, next_);
  }
  software_.history.requests_left(0, 0);
  steps_.push(0, now() + Time::us(1));
  scheduler().run_until(Time::max());
  if (wrong_.empty() && (inside() != 0 || !submissions_.empty() || !unit_->quiescent()))
    fail("the unit stands still: " + unit_->holding());
}

// ---- what is done

void World::step(int) {
  if (!wrong_.empty() || (next_ >= wanted_ && !software_.to_invalidate())) return;
  steps_.push(0, now() + Time::ps(random_.below(16) == 0 ? random_.below(400000) : random_.below(20000)));
  if (register_writes_ != 0) return;
  if (toggling_) {
    if (inside() == 0 && submissions_.empty()) toggle();
    return;
  }
  if (next_ >= wanted_) {  // the last invalidations
    if (submissions_.size() < 3) submit();
    return;
  }
  if (random_.below(30) != 0) {
    if (software_.to_invalidate() && submissions_.size() < 3 && random_.below(6) == 0) submit();
    return issue();
  }
  change(generator_.change(software_.history.now()));
}

void World::issue() {
  for (std::uint64_t n = random_.between(1, 4); n != 0 && inside() < most_inside_ && next_ < wanted_; --n) {
    const Operation op = generator_.access(software_.history.now());
    const Request r = Software::request(op);
    tlm::Payload& p = pool().acquire();
    pool().use_scratch(p, r.bytes);
    p.set_command(r.needed.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
    p.set_address(r.address);
    tlm::DmaExtension& x = tlm::dma(p);
    x.requester = r.source;
    x.relaxed_ordering = random_.below(8) == 0;
    x.dma = static_cast<std::uint32_t>(next_++);
    inside_.push_back({op, now()});
    devices_[op.device % kPorts]->send(p);
  }
}

void World::change(const Operation& op) {
  if (!software_.possible(op)) return;
  switch (op.kind) {
    case Operation::Kind::toggle: toggling_ = true; return;
    case Operation::Kind::flush:
      if (software_.to_invalidate() && submissions_.size() < 3) submit();
      return;
    default:
      if (software_.pending() + 2 > Software::kMostPending) return;
      note(&op, "");
      software_.apply(op, next_);
      software_.history.requests_left(oldest_, next_);
  }
}

void World::submit() {
  submissions_.push_back(software_.submit());
  note(nullptr, fmt::format("invalidations of {} submitted", submissions_.back().status));
  write_registers({submissions_.back().tail});
}

void World::toggle() {
  toggling_ = false;
  note(nullptr, "translation is switched");
  write_registers(software_.toggle(next_));
  software_.history.requests_left(oldest_, next_);
}

void World::write_registers(const std::vector<RegisterWrite>& writes) {
  for (const RegisterWrite& w : writes) {
    tlm::Payload& p = pool().acquire();
    std::memcpy(pool().use_buffer(p, w.bytes), &w.value, w.bytes);
    p.set_command(::tlm::TLM_WRITE_COMMAND);
    p.set_address(w.offset);
    tlm::dma(p).space = tlm::AddressSpace::hpa;
    ++register_writes_;
    registers_.send(p);
  }
}

// ---- what comes out of the unit

bool World::request(tlm::TargetPort& port, tlm::Payload& p) {
  if (&port == &data_) {
    const tlm::DmaExtension& x = tlm::dma(p);
    Answer got;
    got.outcome = x.translated ? Resolution::Outcome::translated : Resolution::Outcome::passed;
    got.output = p.get_address();
    left(x, got);
    p.set_response_status(::tlm::TLM_OK_RESPONSE);
    data_.respond(p);
    return true;
  }
  memory_.push(&p, now() + Time::ns(random_.between(10, 120)));
  return true;
}

unsigned World::debug(tlm::TargetPort&, tlm::Payload& p) {
  transfer(p);
  return p.get_data_length();
}

void World::memory_done(tlm::Payload* p) {
  transfer(*p);
  p->set_response_status(::tlm::TLM_OK_RESPONSE);
  const bool wrote = p->is_write();
  const Hpa address(p->get_address());
  tables_.respond(*p);
  if (wrote) status_written(address);
}

void World::transfer(tlm::Payload& p) {
  if (p.is_write()) {
    contents_.contents.write(Hpa(p.get_address()), p.get_data_ptr(), p.get_data_length());
  } else {
    contents_.contents.read(Hpa(p.get_address()), p.get_data_ptr(), p.get_data_length());
  }
}

// Software sees the status of a wait command from here on.
void World::status_written(Hpa address) {
  if (submissions_.empty() || address != submissions_.front().status_address) return;
  note(nullptr, fmt::format("invalidations of {} completed", submissions_.front().status));
  software_.completed(submissions_.front());
  submissions_.pop_front();
  ++invalidations;
  software_.history.requests_left(oldest_, next_);
}

void World::response(tlm::InitiatorPort& port, tlm::Payload& p) {
  if (&port == &registers_) {
    --register_writes_;
  } else if (tlm::dma(p).fault_reason != 0) {
    const Inside& i = inside_[tlm::dma(p).dma - oldest_];
    const Request r = Software::request(i.access);
    Answer got;
    got.reason = tlm::dma(p).fault_reason;
    got.fault = fault_kinds_[key(r, got.reason)];
    left(tlm::dma(p), got);
  }
  p.release();
}

void World::left(const tlm::DmaExtension& x, const Answer& got) {
  const RequestNumber number = x.dma;
  const Inside& i = inside_[number - oldest_];
  const Request r = Software::request(i.access);
  const History& history = software_.history;
  if (i.left) return fail("leaves twice", &i.access, &x);
  if (!history.allows(got, i.access.device, r, number)) {
    fail(fmt::format("{} {}, but now it {}", i.access.to_text(), got.to_text(),
                     history.now().answer(i.access.device, r).to_text()),
         &i.access, &x);
    return;
  }
  if (same(got, history.now().answer(i.access.device, r))) {
    // The untimed unit sees the present state: it must say the same, the reason of a fault included.
    ++compared;
    const Answer untimed = answer_of(untimed_->resolve(r));
    if (!same(untimed, got) || untimed.reason != got.reason)
      return fail(fmt::format("{} {}, untimed it {}", i.access.to_text(), got.to_text(), untimed.to_text()), &i.access,
                  &x);
  } else {
    ++seen_old;
  }
  if (!history.settled()) ++overtaken;
  ++(got.outcome == Resolution::Outcome::translated ? translated
     : got.outcome == Resolution::Outcome::passed   ? passed
                                                    : faults);
  inside_[number - oldest_].left = true;
  if (number != oldest_) return;
  while (!inside_.empty() && inside_.front().left) {
    inside_.pop_front();
    ++oldest_;
  }
  software_.history.requests_left(oldest_, next_);
}

// ---- what is shown

void World::note(const Operation* op, std::string text) {
  if (notes_.size() == kNotes) notes_.pop_front();
  notes_.push_back({now(), next_, op != nullptr ? *op : Operation{}, std::move(text)});
}

// Changes of the device's context, and of tables near the address in any domain it may have been in.
bool World::concerns(const Note& n, const Operation& access) const {
  const Operation& op = n.operation;
  if (!n.text.empty()) return true;
  if (op.kind == Operation::Kind::attach) return op.device == access.device;
  return op.first < access.first + kAround && access.first < op.first + op.bytes + kAround;
}

void World::fail(const std::string& what, const Operation* access, const tlm::DmaExtension* x) {
  if (!wrong_.empty()) return;
  std::vector<std::string> lines;
  for (auto n = notes_.rbegin(); n != notes_.rend() && lines.size() < kShown; ++n) {
    if (access == nullptr || concerns(*n, *access))
      lines.push_back(fmt::format("  {:>12} ps, before request {}: {}", n->at.ps(), n->next,
                                  n->text.empty() ? n->operation.to_text() : n->text));
  }
  std::reverse(lines.begin(), lines.end());
  for (const std::string& line : lines) wrong_ += line + "\n";
  if (x != nullptr) {
    wrong_ += fmt::format("  request {} arrives at {} ps, is looked up until {}", x->dma,
                          inside_[x->dma - oldest_].arrived.ps(), x->stamp_at(tlm::Boundary::lookup_done).ps());
    if (x->stamp_at(tlm::Boundary::walk_start) != Time())
      wrong_ += fmt::format(", waits or walks from {} to {}", x->stamp_at(tlm::Boundary::walk_start).ps(),
                            x->stamp_at(tlm::Boundary::walk_done).ps());
    wrong_ += fmt::format(", leaves at {}\n", now().ps());
  }
  wrong_ += "  " + what;
  scheduler().stop();
}

}  // namespace iommusim::test::differential
