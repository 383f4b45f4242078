#include "tests/conformance/differential/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace iommusim::test::differential {

namespace {

using Kind = Operation::Kind;
constexpr std::uint64_t kPage = 4096, k2M = std::uint64_t{1} << 21, k1G = std::uint64_t{1} << 30;
constexpr std::uint64_t kOutputs = std::uint64_t{1} << 40;  // data pages lie from here on, below 2^41
constexpr std::size_t kRecent = 64;
constexpr std::size_t kMostMappings = 48;

std::string to_text(Rights r) { return std::string(r.read ? "r" : "") + (r.write ? "w" : ""); }

}  // namespace

std::string Operation::to_text() const {
  switch (kind) {
    case Kind::map:
      return fmt::format("map     domain {} [{:#x}, +{:#x}) to {:#x} {} pages up to {:#x}", domain, first, bytes,
                         output, differential::to_text(rights), max_page);
    case Kind::unmap:
      return fmt::format("unmap   domain {} [{:#x}, +{:#x}), invalidating {}{}", domain, first, bytes,
                         scope == Scope::pages    ? "its pages"
                         : scope == Scope::domain ? "the domain"
                                                  : "everything",
                         leaf_hint ? ", leaves only if possible" : "");
    case Kind::attach:
      return fmt::format("attach  device {} {}", device,
                         to.mode == Attachment::Mode::nowhere        ? "nowhere"
                         : to.mode == Attachment::Mode::pass_through ? "passing through"
                                                                     : fmt::format("to domain {}", to.domain));
    case Kind::flush: return "flush";
    case Kind::toggle: return "toggle  translation";
    case Kind::access:
      return fmt::format("access  device {} {} {:#x} +{}", device, rights.write ? "writes" : "reads", first, bytes);
  }
  return "?";
}

Generator::Generator(const Variant& variant, std::uint64_t seed)
    : variant_(variant), random_(seed, "differential"), recent_(kRecent) {}

Operation Generator::change(const Model& model) {
  if (!model.on) {
    Operation on;
    on.kind = Kind::toggle;
    if (random_.below(4) == 0) return on;
  }
  Operation op;
  const std::uint64_t dice = random_.below(1000);
  if (dice < 560) {
    op = map(model);
  } else if (dice < 820) {
    op = unmap(model);
  } else if (dice < 880) {
    op = attach(model);
  } else {
    op.kind = dice < 998 ? Kind::flush : Kind::toggle;
  }
  return op;
}

// Where mappings go: dense places near zero, around 4 GiB, in the middle and at the end of the addresses.
std::uint64_t Generator::place(const Model& model, unsigned domain, std::uint64_t align) {
  const std::uint64_t reach = std::uint64_t{1} << variant_.address_bits(model.levels(domain));
  const std::uint64_t window = align == k1G ? 16 * k1G : align == k2M ? 32 * k2M : 2 * k2M;
  const std::array<std::uint64_t, 4> starts = {align == k1G ? 8 * k1G : 0, 4 * k1G - (align == k1G ? 0 : window / 2),
                                               reach / 2, reach - window};
  return (starts[random_.below(starts.size())] + random_.below(window)) / align * align;
}

Operation Generator::map(const Model& model) {
  Operation op;
  op.kind = Kind::map;
  op.domain = static_cast<unsigned>(random_.below(model.domains()));
  const std::uint64_t dice = random_.below(100);
  const std::uint64_t align = dice < 60 ? kPage : dice < 92 ? k2M : k1G;
  op.first = place(model, op.domain, align);
  op.bytes = align * random_.between(1, align == kPage ? 12 : 2);
  op.max_page = random_.below(4) == 0 ? kPage : align;
  if (op.bytes / op.max_page > 1024) op.max_page = align;  // 4 KiB entries for gigabytes take the test's time only
  op.output = kOutputs + random_.below(kOutputs / align) * align;
  if (align == k2M && random_.below(4) == 0) {  // large, and neither end nor output on a boundary
    op.first += kPage * random_.below(512);
    op.bytes += kPage * random_.below(512);
    op.output += random_.below(2) == 0 ? op.first % align : kPage * random_.below(512);
  }
  op.output = std::min(op.output, 2 * kOutputs - 4 * k1G);
  const std::uint64_t rights = random_.below(8);
  op.rights = rights == 0 ? kWrite : rights < 3 ? kRead : kReadWrite;
  recent_[next_recent_++ % kRecent] = op.first + random_.below(op.bytes);
  return op;
}

Operation Generator::unmap(const Model& model) {
  Operation op;
  op.kind = Kind::unmap;
  op.domain = static_cast<unsigned>(random_.below(model.domains()));
  const Mappings& all = model.mappings(op.domain);
  if (all.empty()) {
    op.bytes = kPage;
    op.first = place(model, op.domain, kPage);
    return op;
  }
  auto it = all.lower_bound(recent_[random_.below(kRecent)]);
  if (it == all.end() || random_.below(2) == 0)
    it = std::next(all.begin(), static_cast<long>(random_.below(all.size())));
  const auto& [base, m] = *it;
  op.first = base;
  op.bytes = m.bytes;
  const std::uint64_t dice = all.size() > kMostMappings ? 3 : random_.below(6);
  if (dice == 0) {  // a part
    const std::uint64_t from = (base + random_.below(m.bytes)) / m.max_page * m.max_page;
    op.first = std::max(base, from);
    op.bytes = std::min(m.max_page * random_.between(1, 3), base + m.bytes - op.first);
  } else if (dice == 1) {  // all that the tables around it map, so that tables go too
    const std::uint64_t around = random_.below(8) == 0 ? k1G : k2M;
    op.first = base / around * around;
    op.bytes = (base + m.bytes - op.first + around - 1) / around * around;
  }
  const std::uint64_t scope = random_.below(10);
  op.scope = scope == 0 ? Operation::Scope::global : scope < 3 ? Operation::Scope::domain : Operation::Scope::pages;
  op.leaf_hint = random_.below(2) == 0;
  recent_[next_recent_++ % kRecent] = base + random_.below(m.bytes);
  return op;
}

Operation Generator::attach(const Model& model) {
  Operation op;
  op.kind = Kind::attach;
  op.device = static_cast<unsigned>(random_.below(model.devices()));
  const std::uint64_t dice = random_.below(8);
  op.to.mode = dice == 0   ? Attachment::Mode::nowhere
               : dice == 1 ? Attachment::Mode::pass_through
                           : Attachment::Mode::domain;
  if (op.to.mode == Attachment::Mode::domain) op.to.domain = static_cast<unsigned>(random_.below(model.domains()));
  return op;
}

Operation Generator::access(const Model& model) {
  Operation op;
  op.kind = Kind::access;
  op.device = static_cast<unsigned>(random_.below(model.devices()));
  const Attachment& at = model.device(op.device);
  const std::uint64_t dice = random_.below(100);
  const Mappings* all = at.mode == Attachment::Mode::domain ? &model.mappings(at.domain) : nullptr;
  if (dice < 75 && all != nullptr && !all->empty()) {
    const auto it = std::next(all->begin(), static_cast<long>(random_.below(all->size())));
    const std::uint64_t offset = random_.below(it->second.bytes);
    op.first = it->first + (random_.below(2) == 0 ? offset % (8 * kPage) % it->second.bytes : offset);
  } else if (dice < 90) {
    op.first = recent_[random_.below(kRecent)];
    if (random_.below(8) == 0) op.first += random_.below(4 * k2M) - 2 * k2M;
  } else if (dice < 97) {
    op.first = place(model, static_cast<unsigned>(random_.below(model.domains())), kPage);
  } else {
    op.first = random_.next() >> random_.below(64);
  }
  if (interrupt(op.first)) op.first += k2M;
  const std::uint64_t room = kPage - op.first % kPage;
  op.bytes = std::min(room, random_.below(4) == 0 ? random_.between(1, kPage) : std::uint64_t{64});
  op.rights = random_.below(3) == 0 ? kWrite : kRead;
  return op;
}

}  // namespace iommusim::test::differential
