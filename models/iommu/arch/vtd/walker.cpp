#include "models/iommu/arch/vtd/walker.h"

#include "models/iommu/arch/vtd/walk_phases.h"

namespace iommusim::iommu::vtd {

using namespace detail;

namespace {

std::uint64_t pack(Rights r) { return put(r.read, 0) | put(r.write, 1); }
Rights unpack(std::uint64_t w) { return Rights{get(w, 0), get(w, 1), false}; }
RangeTag table_tag(const Walk& walk, unsigned level) {
  return range_around(walk.context.domain.value(), walk.request.address,
                      static_cast<std::uint8_t>(span_log2(level + 1)), kSecondStage, static_cast<std::uint8_t>(level));
}
unsigned levels_in(const Context& context) { return levels_of(static_cast<unsigned>(get(context.words[1], 2, 0))); }

}  // namespace

bool Walker::fault_disabled(const Context& context) { return get(context.words[0], 1); }

const Step& Walker::begin(Walk& walk) const {
  walk.phase = 0;
  walk.level = 0;
  walk.state = {};
  if (walk.kind == WalkKind::interrupt) return begin_interrupt(walk);
  if (walk.kind == WalkKind::context) {
    if (walk.request.has_pasid) return fault(walk.step, Reason::pasid_in_legacy_mode);
    walk.phase = kRootRead;
    const std::uint64_t bus = walk.request.source.value() >> 8 & 0xff;
    return read(walk.step, registers_.root_table().value() + 16 * bus, 16, Structure::root_entry, 0, 2);
  }
  const Reason refused = check_request(walk.context, walk.request);
  if (refused != Reason{}) return fault(walk.step, refused, fault_disabled(walk.context));
  walk.level = 1;
  return look_up(walk);
}

const Step& Walker::resume(Walk& walk, const StepResult& result) const {
  switch (walk.phase) {
    case kRootRead: {
      if (!result.ok) return fault(walk.step, Reason::root_table_access);
      const Pair words{result.words[0], result.words[1]};
      const RootEntry root = decode_root(words);
      if (!root.present) return fault(walk.step, Reason::root_not_present);
      if (reserved_set_root(words, config_.host_address_bits)) return fault(walk.step, Reason::root_reserved);
      walk.phase = kContextRead;
      const std::uint64_t device_function = walk.request.source.value() & 0xff;
      return read(walk.step, root.context_table.value() + 16 * device_function, 16, Structure::context_entry, 0, 1);
    }
    case kContextRead: return context_entry(walk, result);
    case kPageLookup:
      if (result.hit) {
        walk.state[kTable] = result.words[0];
        walk.state[kRights] = result.words[1];
        return read_page_entry(walk);
      }
      ++walk.level;
      return look_up(walk);
    case kPageRead: return page_entry(walk, result);
    case kPageFill: return read_page_entry(walk);
    case kEntryLookup:
      if (result.hit)
        return deliver(walk, decode_interrupt({result.words[0], result.words[1]}, registers_.extended_interrupts()));
      walk.phase = kEntryRead;
      return read(walk.step, registers_.interrupt_table().value() + 16 * walk.state[kIndex], 16,
                  Structure::interrupt_entry, 0, 1);
    case kEntryRead: return interrupt_entry(walk, result);
    default:
      return deliver(
          walk, decode_interrupt({walk.state[kEntryLow], walk.state[kEntryHigh]}, registers_.extended_interrupts()));
  }
}

const Step& Walker::context_entry(Walk& walk, const StepResult& result) const {
  if (!result.ok) return fault(walk.step, Reason::context_table_access);
  const Pair words{result.words[0], result.words[1]};
  const ContextEntry e = decode_context(words);
  if (!e.present) return fault(walk.step, Reason::context_not_present, e.fault_disable);
  if (reserved_set_context(words, config_.host_address_bits, config_.domain_id_bits))
    return fault(walk.step, Reason::context_reserved, e.fault_disable);
  const bool type_supported = e.type == TranslationType::untranslated_only ||
                              (e.type == TranslationType::device_tlb && config_.device_tlb) ||
                              (e.type == TranslationType::pass_through && config_.pass_through);
  const unsigned levels = levels_of(e.width);
  if (!type_supported || !config_.supports_levels(levels))
    return fault(walk.step, Reason::context_invalid, e.fault_disable);
  Step& s = walk.step;
  s.kind = Step::Kind::context_found;
  s.context.domain = DomainId(e.domain);
  s.context.mode = e.type == TranslationType::pass_through ? ContextMode::pass_through : ContextMode::translate;
  const unsigned width = address_bits_of(levels);
  s.context.address_bits =
      static_cast<std::uint8_t>(width < config_.guest_address_bits ? width : config_.guest_address_bits);
  s.context.words = {words[0], words[1], 0, 0};
  return s;
}

Reason Walker::check_request(const Context& context, const Request& request) const {
  const auto type = decode_context({context.words[0], context.words[1]}).type;
  if (request.at != AddressType::untranslated && type != TranslationType::device_tlb)
    return Reason::request_type_blocked;
  const std::uint64_t last = request.address + (request.bytes == 0 ? 0 : request.bytes - 1);
  if (request.at == AddressType::translated) {
    if (in_interrupt_range(request.address)) return Reason::interrupt_range;
    return (last & above(config_.host_address_bits)) != 0 ? Reason::address_beyond_width : Reason{};
  }
  return (last & above(context.address_bits)) != 0 || last < request.address ? Reason::address_beyond_width : Reason{};
}

// The table whose entries map pages first: a hit there leaves one read.
const Step& Walker::look_up(Walk& walk) const {
  if (walk.level == levels_in(walk.context)) {
    walk.state[kTable] = walk.context.words[0] & ones(63, 12);
    walk.state[kRights] = pack(kReadWrite);
    return read_page_entry(walk);
  }
  walk.phase = kPageLookup;
  Step& s = walk.step;
  s.kind = Step::Kind::lookup;
  s.cache = CacheKind::walk;
  s.stage = kSecondStage;
  s.level = walk.level;
  s.tag = table_tag(walk, walk.level);
  return s;
}

const Step& Walker::read_page_entry(Walk& walk) const {
  walk.phase = kPageRead;
  return read(walk.step, walk.state[kTable] + 8 * index_in_table(walk.request.address, walk.level), 8,
              Structure::page_table, kSecondStage, walk.level);
}

const Step& Walker::page_entry(Walk& walk, const StepResult& result) const {
  // A translation request learns of missing rights from its completion; software sees no record of it (section 4.2.3).
  const bool silent = fault_disabled(walk.context);
  const bool request_only = walk.request.at == AddressType::translation_request;
  if (!result.ok) return fault(walk.step, Reason::page_table_access, silent);
  const std::uint64_t word = result.words[0];
  const PageEntry e = decode_page(word);
  if (!e.present()) {
    Step& s = fault(walk.step, walk.request.needed.write ? Reason::no_write_permission : Reason::no_read_permission,
                    silent || request_only);
    s.fault.kind = FaultKind::not_present;
    return s;
  }
  if (reserved_set_page(word, walk.level)) return fault(walk.step, Reason::page_reserved, silent);
  const Rights so_far = unpack(walk.state[kRights]);
  const Rights rights{so_far.read && e.read, so_far.write && e.write, false};
  const Reason missing = missing_right(walk.request, rights);
  if (missing != Reason{}) return fault(walk.step, missing, silent || request_only);
  if (walk.level == 1 || e.page_size) return translated(walk, e, rights);

  --walk.level;
  walk.state[kTable] = e.address.value();
  walk.state[kRights] = pack(rights);
  walk.phase = kPageFill;
  Step& s = walk.step;
  s.kind = Step::Kind::fill;
  s.cache = CacheKind::walk;
  s.stage = kSecondStage;
  s.level = walk.level;
  s.tag = table_tag(walk, walk.level);
  s.words[0] = walk.state[kTable];
  s.words[1] = walk.state[kRights];
  return s;
}

const Step& Walker::translated(Walk& walk, const PageEntry& entry, Rights rights) const {
  const unsigned log2 = span_log2(walk.level);
  const std::uint64_t inside = bit(log2) - 1;
  const std::uint64_t output = (entry.address.value() & ~inside) | (walk.request.address & inside);
  // Checked for the address asked for: a superpage that merely contains the range is software's error (section 3.14).
  if (in_interrupt_range(output)) return fault(walk.step, Reason::interrupt_range, fault_disabled(walk.context));
  Step& s = walk.step;
  s.kind = Step::Kind::translated;
  s.stage = 0;
  s.level = walk.level;
  s.tag = range_around(walk.context.domain.value(), walk.request.address, static_cast<std::uint8_t>(log2));
  s.translation.output = Hpa(entry.address.value() & ~inside);
  s.translation.size_log2 = static_cast<std::uint8_t>(log2);
  s.translation.rights = rights;
  return s;
}

Reason Walker::missing_right(const Request& request, Rights rights) const {
  if (request.needed.write && !rights.write) return Reason::no_write_permission;
  const bool readable = rights.read || (request.bytes == 0 && config_.zero_length_reads && rights.write);
  return request.needed.read && !readable ? Reason::no_read_permission : Reason{};
}

bool Walker::reserved_set_page(std::uint64_t word, unsigned level) const {
  std::uint64_t reserved = above(config_.host_address_bits) & ones(51, 12);
  const bool page_size = get(word, 7);
  const bool leaf = level == 1 || (page_size && config_.supports_page(level));
  if (level > 1 && !leaf) reserved |= bit(7);  // a page size this unit does not have
  if (!leaf || !config_.snoop_control) reserved |= bit(11);
  if (leaf && !config_.device_tlb) reserved |= bit(62);  // transient mapping
  if (leaf && level > 1) reserved |= ones(span_log2(level) - 1, 12);
  return (word & reserved) != 0;
}

}  // namespace iommusim::iommu::vtd
