#include "tests/conformance/differential/model.h"

#include <fmt/format.h>

#include <algorithm>

namespace iommusim::test::differential {

using Outcome = Resolution::Outcome;

std::string Answer::to_text() const {
  switch (outcome) {
    case Outcome::passed: return fmt::format("passes to {:#x}", output);
    case Outcome::translated: return fmt::format("is translated to {:#x}", output);
    case Outcome::fault: return fmt::format("faults, kind {} reason {}", static_cast<unsigned>(fault), reason);
    default: return "ends as an interrupt";
  }
}

bool same(const Answer& a, const Answer& b) {
  if (a.outcome != b.outcome) return false;
  return a.outcome == Outcome::fault ? a.fault == b.fault : a.output == b.output;
}

Answer answer_of(const Resolution& r) {
  if (r.outcome == Outcome::fault) return Answer{r.outcome, 0, r.fault.kind, r.fault.reason};
  return Answer{r.outcome, r.output.value(), FaultKind::none, 0};
}

Model::Model(const Variant& variant, unsigned domains, unsigned devices)
    : variant_(&variant), domains_(domains, std::make_shared<const Mappings>()), devices_(devices) {}

Mappings& Model::change(unsigned domain) {
  auto copy = std::make_shared<Mappings>(*domains_[domain]);
  Mappings& out = *copy;
  domains_[domain] = std::move(copy);
  return out;
}

bool Model::free(unsigned domain, std::uint64_t first, std::uint64_t bytes) const {
  const std::uint64_t reach = std::uint64_t{1} << variant_->address_bits(levels(domain));
  if (first >= reach || bytes > reach - first) return false;
  const Mappings& m = mappings(domain);
  const auto after = m.lower_bound(first + bytes);
  if (after == m.begin()) return true;
  const auto& [base, mapping] = *std::prev(after);
  return base + mapping.bytes <= first;
}

void Model::map(unsigned domain, std::uint64_t first, Mapping m) {
  if (variant_->write_implies_read) m.rights.read = m.rights.read || m.rights.write;
  change(domain)[first] = m;
}

bool Model::splits_no_page(unsigned domain, std::uint64_t first, std::uint64_t bytes) const {
  const std::uint64_t end = first + bytes;
  for (const auto& [base, m] : mappings(domain)) {
    const auto inside = [&, b = base, &mapping = m](std::uint64_t cut) {
      return cut > b && cut < b + mapping.bytes && cut % mapping.max_page != 0;
    };
    if (inside(first) || inside(end)) return false;
  }
  return true;
}

void Model::unmap(unsigned domain, std::uint64_t first, std::uint64_t bytes) {
  Mappings& m = change(domain);
  const std::uint64_t end = first + bytes;
  auto it = m.lower_bound(first);
  if (it != m.begin()) --it;
  while (it != m.end() && it->first < end) {
    const std::uint64_t base = it->first;
    const Mapping old = it->second;
    if (base + old.bytes <= first) {
      ++it;
      continue;
    }
    it = m.erase(it);
    if (base < first) {
      Mapping left = old;
      left.bytes = first - base;
      m[base] = left;
    }
    if (base + old.bytes > end) {
      Mapping right = old;
      right.bytes = base + old.bytes - end;
      right.output += end - base;
      m[end] = right;
    }
  }
}

Answer Model::answer(unsigned device, const Request& request) const {
  return on ? answer(devices_[device], request) : Answer{Outcome::passed, request.address, FaultKind::none, 0};
}

Answer Model::answer(const Attachment& at, const Request& request) const {
  const std::uint64_t address = request.address;
  const std::uint64_t last = address + (request.bytes == 0 ? 0 : request.bytes - 1);
  const auto fault = [](FaultKind kind) { return Answer{Outcome::fault, 0, kind, 0}; };
  const auto beyond = [&](unsigned bits) { return bits < 64 && (address >> bits != 0 || last >> bits != 0); };
  switch (at.mode) {
    case Attachment::Mode::nowhere: return fault(FaultKind::context_absent);
    case Attachment::Mode::pass_through:
      if (beyond(variant_->pass_through_bits)) return fault(FaultKind::address_width);
      return Answer{Outcome::passed, address, FaultKind::none, 0};
    case Attachment::Mode::domain: break;
  }
  const unsigned bits = variant_->address_bits(levels(at.domain));
  if (beyond(bits)) {
    const bool negative = variant_->signed_addresses && ~address >> bits == 0;
    return fault(negative ? variant_->not_mapped : variant_->beyond_reach);
  }
  const Mappings& m = mappings(at.domain);
  auto it = m.upper_bound(address);
  if (it == m.begin()) return fault(variant_->not_mapped);
  --it;
  const auto& [base, mapping] = *it;
  if (address - base >= mapping.bytes) return fault(variant_->not_mapped);
  if (!mapping.rights.cover(request.needed)) return fault(FaultKind::permission);
  return Answer{Outcome::translated, mapping.output + (address - base), FaultKind::none, 0};
}

}  // namespace iommusim::test::differential
