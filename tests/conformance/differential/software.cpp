#include "tests/conformance/differential/software.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "models/host/invalidation_policy.h"

namespace iommusim::test::differential {

namespace {
constexpr std::uint32_t kQueueEntries = 256;
constexpr std::uint32_t kStatusWords = 512;
constexpr std::array<std::uint32_t, Software::kDevices> kSources = {0x0008, 0x0100, 0x01a3, 0x02ff, 0x8000, 0xfffe};
DomainId id_of(unsigned domain) { return DomainId(domain + 2); }
const DomainId kPassThrough(1);
}  // namespace

Hpa Memory::allocate(std::uint64_t bytes) {
  auto& blocks = free_[bytes];
  if (!blocks.empty()) {
    const Hpa block = blocks.back();
    blocks.pop_back();
    for (std::uint64_t at = 0; at < bytes; at += 8) contents.write64(block + at, 0);
    return block;
  }
  next_ = (next_ + bytes - 1) / bytes * bytes;
  const Hpa block(next_);
  next_ += bytes;
  return block;
}
void Memory::release(Hpa block, std::uint64_t bytes) { free_[bytes].push_back(block); }

Software::Software(const Variant& variant, Memory& memory)
    : history(Model(variant, kDomains, kDevices)),
      variant_(variant),
      memory_(memory),
      driver_(variant.config->make_driver()),
      releases_(kDomains) {}

std::vector<RegisterWrite> Software::boot() {
  std::vector<RegisterWrite> writes = driver_->set_up(memory_, kQueueEntries);
  status_ = memory_.allocate(4096);
  for (unsigned d = 0; d < kDomains; ++d) {
    const auto levels = static_cast<std::uint8_t>(history.now().levels(d));
    tables_.push_back(driver_->create_tables(memory_, DomainGeometry{levels}));
  }
  for (const RegisterWrite& w : driver_->enable(false)) writes.push_back(w);
  return writes;
}

SourceId Software::source(unsigned device) { return SourceId(kSources[device]); }
unsigned Software::device(SourceId source) {
  for (unsigned d = 0; d < kDevices; ++d) {
    if (kSources[d] == source.value()) return d;
  }
  throw std::logic_error("no device of this source");
}

Request Software::request(const Operation& access) {
  Request r;
  r.source = source(access.device);
  r.address = access.first;
  r.bytes = static_cast<std::uint32_t>(access.bytes);
  r.needed = access.rights;
  return r;
}

bool Software::possible(const Operation& op) const {
  const Model& now = history.now();
  switch (op.kind) {
    case Operation::Kind::map:
      return now.free(op.domain, op.first, op.bytes) &&
             std::none_of(closed_.begin(), closed_.end(), [&op](const Closed& c) {
               return c.domain == op.domain && c.first < op.first + op.bytes && op.first < c.first + c.bytes;
             });
    case Operation::Kind::unmap: return now.splits_no_page(op.domain, op.first, op.bytes);
    case Operation::Kind::attach: return !(now.device(op.device) == op.to);
    default: return true;
  }
}

void Software::apply(const Operation& op, RequestNumber next) {
  switch (op.kind) {
    case Operation::Kind::map: map(op, next); break;
    case Operation::Kind::unmap: unmap(op, next); break;
    case Operation::Kind::attach: attach(op, next); break;
    default: throw std::logic_error("not a change of tables or contexts");
  }
}

void Software::map(const Operation& op, RequestNumber next) {
  tables_[op.domain]->map(memory_, Iova(op.first), Hpa(op.output), op.bytes, op.rights, op.max_page);
  const bool told = driver_->invalidate_on_map();
  if (told) invalidate_pages(op.domain, op.first, op.bytes, true);
  history.change(told, next).map(op.domain, op.first, Mapping{op.bytes, op.output, op.rights, op.max_page});
}

void Software::begin_call(const std::vector<SourceId>& sources, Iova first, std::uint64_t bytes) {
  if (oracle_ == nullptr) return;
  oracle_->unmap_begins(next_call_, sources, first, bytes);
  calls_.push_back({next_call_++, first, bytes, history.version() + 1});
}

void Software::unmap(const Operation& op, RequestNumber next) {
  std::vector<SourceId> sources;  // any may still be in the domain, for all that its requests show
  for (unsigned d = 0; d < kDevices; ++d) sources.push_back(source(d));
  begin_call(sources, Iova(op.first), op.bytes);
  bool tables_freed = false;
  const std::uint64_t bytes = tables_[op.domain]->unmap(memory_, Iova(op.first), op.bytes, tables_freed);
  if (tables_freed) ++releases_[op.domain];
  if (bytes == 0 && !tables_freed) return;  // nothing was there
  history.change(true, next).unmap(op.domain, op.first, op.bytes);
  if (tables_freed) closed_.push_back({op.domain, op.first, op.bytes, history.version()});
  switch (op.scope) {
    case Operation::Scope::pages: invalidate_pages(op.domain, op.first, op.bytes, op.leaf_hint && !tables_freed); break;
    case Operation::Scope::domain: invalidate(Invalidation::Kind::iotlb_domain, op.domain); break;
    case Operation::Scope::global: invalidate(Invalidation::Kind::iotlb_global); break;
  }
}

// The context goes first, then what was translated under it (VT-d 4.1 section 6.5.3.3, RISC-V IOMMU 1.0 section 6.1).
void Software::attach(const Operation& op, RequestNumber next) {
  const Attachment from = history.now().device(op.device);
  begin_call({source(op.device)}, Iova(), StaleHitOracle::kEverything);
  switch (op.to.mode) {
    case Attachment::Mode::nowhere: driver_->detach(memory_, source(op.device)); break;
    case Attachment::Mode::pass_through: driver_->attach(memory_, source(op.device), kPassThrough, nullptr); break;
    case Attachment::Mode::domain:
      driver_->attach(memory_, source(op.device), id_of(op.to.domain), tables_[op.to.domain].get());
  }
  const bool told = from.mode != Attachment::Mode::nowhere || driver_->invalidate_on_map();
  history.change(told, next).attach(op.device, op.to);
  if (!told) return;
  invalidate(Invalidation::Kind::context_source, from.domain, source(op.device));
  Invalidation& context = pending_.back();
  if (from.mode == Attachment::Mode::pass_through) context.domain = kPassThrough;
  if (from.mode == Attachment::Mode::nowhere) context.domain = DomainId(0);  // caching mode: absent is domain 0
  if (from.mode == Attachment::Mode::domain) invalidate(Invalidation::Kind::iotlb_domain, from.domain);
}

std::vector<RegisterWrite> Software::toggle(RequestNumber next) {
  Model& model = history.change(false, next);
  model.on = !model.on;
  if (!model.on) return driver_->disable_translation();
  invalidate(Invalidation::Kind::context_global);
  invalidate(Invalidation::Kind::iotlb_global);
  return driver_->enable(false);
}

void Software::invalidate_pages(unsigned domain, std::uint64_t first, std::uint64_t bytes, bool leaf_only) {
  pending_.push_back(host::invalidation_of(id_of(domain), {Iova(first), bytes}, leaf_only, host::InvalidationConfig{}));
}

void Software::invalidate(Invalidation::Kind kind, unsigned domain, SourceId source) {
  Invalidation i;
  i.kind = kind;
  i.domain = id_of(domain);
  i.source = source;
  pending_.push_back(i);
}

void Software::put(const Invalidation& command) {
  const CommandBytes bytes = driver_->encode(command);
  const Hpa at = driver_->queue_base() + std::uint64_t{driver_->command_bytes()} * tail_;
  for (unsigned i = 0; i < bytes.bytes / 8u; ++i) memory_.write64(at + 8u * i, bytes.words[i]);
  tail_ = (tail_ + 1) % kQueueEntries;
}

Software::Submission Software::submit() {
  for (const Invalidation& i : pending_) put(i);
  pending_.clear();
  Submission s;
  s.version = history.version();
  s.status = ++submissions_;
  s.status_address = status_ + 4 * (submissions_ % kStatusWords);
  s.releases = releases_;
  Invalidation wait;
  wait.kind = Invalidation::Kind::wait;
  wait.status_address = s.status_address;
  wait.status = s.status;
  put(wait);
  s.tail = driver_->tail_write(tail_);
  return s;
}

void Software::completed(const Submission& s) {
  history.waited(s.version);
  while (!calls_.empty() && calls_.front().version <= s.version) {
    oracle_->unmap_ends(calls_.front().name, calls_.front().first, calls_.front().bytes);
    calls_.erase(calls_.begin());
  }
  closed_.erase(
      std::remove_if(closed_.begin(), closed_.end(), [&s](const Closed& c) { return c.version <= s.version; }),
      closed_.end());
  for (unsigned d = 0; d < kDomains; ++d) {
    if (releases_[d] == s.releases[d]) tables_[d]->release_freed(memory_);  // else later ones are among them
  }
}

}  // namespace iommusim::test::differential
