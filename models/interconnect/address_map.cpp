#include "models/interconnect/address_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/error.h"

namespace iommusim::interconnect {

const char* to_text(RangeKind kind) {
  switch (kind) {
    case RangeKind::dram: return "dram";
    case RangeKind::bar: return "bar";
    case RangeKind::ecam: return "ecam";
    case RangeKind::registers: return "registers";
    case RangeKind::interrupt: return "interrupt";
  }
  return "?";
}

namespace {
std::string span(const AddressRange& r) {
  return fmt::format("'{}' ({:#x} to {:#x})", r.name, r.base.value(), r.last().value());
}
}  // namespace

void AddressMap::add(AddressRange range) {
  if (range.size.value() == 0) throw base::UserError(fmt::format("address range '{}' is empty", range.name));
  if (range.last() < range.base) {
    throw base::UserError(fmt::format("address range '{}' of {} at {:#x} reaches past the end of the address space",
                                      range.name, base::to_text(range.size), range.base.value()));
  }
  const auto next = std::lower_bound(ranges_.begin(), ranges_.end(), range.base,
                                     [](const AddressRange& r, Hpa at) { return r.last() < at; });
  if (next != ranges_.end() && next->base <= range.last()) {
    throw base::UserError(fmt::format("address range {} overlaps {}", span(range), span(*next)));
  }
  ranges_.insert(next, std::move(range));
}

const AddressRange* AddressMap::find(Hpa at, std::uint64_t bytes) const {
  const auto it =
      std::lower_bound(ranges_.begin(), ranges_.end(), at, [](const AddressRange& r, Hpa a) { return r.last() < a; });
  if (it == ranges_.end() || !it->contains(at)) return nullptr;
  return bytes <= 1 || bytes - 1 <= it->last() - at ? &*it : nullptr;
}

std::string AddressMap::to_text() const {
  std::string text;
  for (const AddressRange& r : ranges_) {
    text += fmt::format("{:#018x} - {:#018x}  {:>10}  {:<9}  {}\n", r.base.value(), r.last().value(),
                        base::to_text(r.size), interconnect::to_text(r.kind), r.name);
  }
  return text;
}

}  // namespace iommusim::interconnect
