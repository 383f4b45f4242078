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
constexpr Time kTooLong = Time::us(100);
constexpr std::uint64_t kAround = std::uint64_t{1} << 21;

UnitCacheConfig random_cache(base::RandomStream& random, unsigned most_log2) {
  static const std::array<const char*, 5> kPolicies = {"lru", "tree_plru", "fifo", "srrip", "random"};
  UnitCacheConfig c;
  const std::uint64_t log2 = random.below(most_log2 + 2);
  c.entries = log2 == 0 ? 0 : 1u << (log2 - 1);
  c.ways = c.entries >= 4 && random.below(2) == 0 ? c.entries / 2 : 0;
  c.policy = kPolicies[random.below(kPolicies.size())];
  c.when_full = random.below(4) == 0 ? base::WhenFull::clear : base::WhenFull::replace;
  if (c.entries >= 16 && random.below(3) == 0) {
    static const std::array<PartitionConfig::By, 3> kBy = {PartitionConfig::By::device, PartitionConfig::By::domain,
                                                           PartitionConfig::By::pasid};
    c.partition = {kBy[random.below(kBy.size())], 2};
  }
  return c;
}

WalkLevelsConfig random_walk_caches(base::RandomStream& random) {
  WalkLevelsConfig c;
  c.level1 = random_cache(random, 5);
  c.level2 = random_cache(random, 4);
  c.level3 = random_cache(random, 3);
  c.level4 = random_cache(random, 3);
  c.level5 = random_cache(random, 2);
  return c;
}

}  // namespace

RemappingUnitConfig random_unit(std::uint64_t seed) {
  base::RandomStream random(seed, "unit");
  const auto half = [&random] { return random.below(2) == 0; };
  RemappingUnitConfig c;
  c.service = half() ? Service::in_order : Service::out_of_order;
  c.read_order = half() ? ReadOrder::any : ReadOrder::arrival;
  c.read_window = static_cast<unsigned>(random.below(3) * 5);
  c.lookup_interval = Time::ps(random.below(3) * 1500);
  c.walkers = static_cast<unsigned>(random.between(1, 12));
  c.walk_overhead = Time::ps(random.below(2) * 3000);
  c.walk_step_latency = Time::ps(random.below(2) * 2000);
  c.command_latency = Time::ns(random.below(3) * 20);
  c.merge_misses = random.below(4) != 0;
  c.context_cache = random_cache(random, 3);
  c.process_cache = random_cache(random, 3);
  static_cast<UnitCacheConfig&>(c.iotlb) = random_cache(random, 7);
  if (half()) {
    c.iotlb.split = IotlbConfig::Split::by_size;
    c.iotlb.size_2m = random_cache(random, 4);
    c.iotlb.size_1g = random_cache(random, 2);
  }
  if (half()) static_cast<UnitCacheConfig&>(c.iotlb.per_port) = random_cache(random, 4);
  c.iotlb.reserve_on_miss = random.below(4) == 0;
  c.iotlb.duplicate_fills = random.below(4) == 0;
  static_cast<WalkLevelsConfig&>(c.walk_caches) = random_walk_caches(random);
  if (half()) c.walk_caches.first_stage = random_walk_caches(random);
  c.walk_caches.nested = random_cache(random, 4);
  c.walker_pool.per_requester = static_cast<unsigned>(random.below(3));
  c.walker_pool.order = half() ? WalkerOrder::fifo : WalkerOrder::fair;
  c.walker_pool.miss_queue = static_cast<unsigned>(random.below(3) * 2);
  c.walker_pool.merges_per_miss = static_cast<unsigned>(random.below(3));
  if (half()) {
    c.prefetch.kind = half() ? PrefetchConfig::Kind::next_page : PrefetchConfig::Kind::stride;
    c.prefetch.degree = static_cast<unsigned>(random.between(1, 3));
    c.prefetch.into = half() ? PrefetchConfig::Into::iotlb : PrefetchConfig::Into::buffer;
    c.prefetch.buffer_entries = static_cast<unsigned>(random.between(1, 8));
  }
  c.command_queue.fetch_batch = static_cast<unsigned>(random.between(1, 4));
  c.stale_hit_oracle = true;
  return c;
}

std::string to_text(const RemappingUnitConfig& c) {
  const auto cache = [](const UnitCacheConfig& x) {
    return fmt::format("{}/{} {}{}{}", x.entries, x.ways, x.policy,
                       x.when_full == base::WhenFull::clear ? " clear" : "",
                       x.partition.parts > 1 ? " partitioned" : "");
  };
  std::string out = fmt::format(
      "{}, reads {} (window {}), lookups every {} ps, {} walkers, {}merging; contexts {}, IOTLB {}",
      c.service == Service::in_order ? "in order" : "out of order",
      c.read_order == ReadOrder::any ? "in any order" : "in arrival order", c.read_window, c.lookup_interval.ps(),
      c.walkers, c.merge_misses ? "" : "not ", cache(c.context_cache), cache(c.iotlb));
  if (c.iotlb.per_port.entries != 0) out += ", per port " + cache(c.iotlb.per_port);
  if (c.iotlb.split == IotlbConfig::Split::by_size) out += ", split";
  if (c.iotlb.reserve_on_miss) out += ", reserving";
  if (c.iotlb.duplicate_fills) out += ", duplicating";
  if (c.prefetch.kind != PrefetchConfig::Kind::none)
    out += fmt::format(", prefetching {} {}", c.prefetch.degree,
                       c.prefetch.into == PrefetchConfig::Into::buffer ? "into a buffer" : "into the IOTLB");
  return out;
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
  software_.tell(unit_->stale_hit_oracle());
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
  if (inside() != 0 && now() > std::max(last_left_, inside_.front().arrived) + kTooLong)
    return fail("no request leaves any more: " + unit_->holding());
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
  if (planned_) {
    if (software_.possible(*planned_)) return change(*planned_);
    planned_.reset();
  }
  if (random_.below(30) != 0) {
    if (software_.to_invalidate() && submissions_.size() < 3 && random_.below(6) == 0) submit();
    return issue();
  }
  change(generator_.change(software_.history.now()));
}

void World::issue() {
  for (std::uint64_t n = random_.between(1, 4); n != 0; --n) send(generator_.access(software_.history.now()));
}

void World::send(const Operation& access) {
  if (inside() >= most_inside_ || next_ >= wanted_) return;
  const Request r = Software::request(access);
  tlm::Payload& p = pool().acquire();
  pool().use_scratch(p, r.bytes);
  p.set_command(r.needed.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
  p.set_address(r.address);
  tlm::DmaExtension& x = tlm::dma(p);
  x.requester = r.source;
  x.relaxed_ordering = random_.below(8) == 0;
  x.dma = static_cast<std::uint32_t>(next_++);
  inside_.push_back({access, now()});
  devices_[access.device % kPorts]->send(p);
}

// Devices use a range that is about to go, so that walks for it are overtaken, or the page before it, so that it is
// fetched ahead; and again when it must be gone.
void World::use(const Operation& unmap) {
  for (unsigned d = 0; d < Software::kDevices; ++d) {
    const Attachment& at = software_.history.now().device(d);
    if (at.mode != Attachment::Mode::domain || at.domain != unmap.domain) continue;
    Operation access;
    access.device = d;
    access.first = unmap.first + random_.below(unmap.bytes / 4096) * 4096;
    if (unmap.first != 0 && random_.below(2) == 0) access.first = unmap.first - (random_.below(2) == 0 ? 4096 : 0);
    if (Generator::interrupt(access.first)) continue;
    access.bytes = 64;
    access.rights = random_.below(3) == 0 ? kWrite : kRead;
    send(access);
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
      if (software_.pending() + 2 > Software::kMostPending) return planned_.reset();
      if (op.kind == Operation::Kind::unmap && !planned_ && random_.below(2) == 0) {
        use(op);
        planned_ = op;
        return;
      }
      if (planned_) gone_ = *planned_;
      planned_.reset();
      note(&op, "");
      software_.apply(op, next_);
      software_.history.requests_left(oldest_, next_);
      if (software_.to_invalidate() && submissions_.size() < 3 && random_.below(2) == 0) submit();
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
  const bool early = !p.is_write() && random_.below(2) == 0;
  if (early) transfer(p);
  const std::uint64_t longest = random_.below(8) == 0 ? 800 : 120;
  memory_.push({&p, early}, now() + Time::ns(random_.between(10, longest)));
  return true;
}

unsigned World::debug(tlm::TargetPort&, tlm::Payload& p) {
  transfer(p);
  return p.get_data_length();
}

void World::memory_done(Access access) {
  tlm::Payload* const p = access.payload;
  if (!access.read_already) transfer(*p);
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
  if (gone_ && wrong_.empty()) use(*gone_);
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
    // The untimed unit sees the present state: it must say the same, and if nothing is changing, for the same reason.
    ++compared;
    const Answer untimed = answer_of(untimed_->resolve(r));
    if (!same(untimed, got) || (history.settled() && untimed.reason != got.reason))
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
  last_left_ = now();
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
