// Second-stage translation of guest-physical addresses (RISC-V privileged specification, hypervisor extension). All
// accesses count as user accesses (RISC-V IOMMU specification 1.0, section 3.3).
#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

const Step& WalkRun::second_stage(std::uint64_t address, Use use, After after) {
  s_.input2 = address;
  s_.use = use;
  s_.after = after;
  const unsigned sxl_bits = 34;
  if ((address & above(second_.address_bits())) != 0 ||
      (context_.control(tc::kSxl) && (address & above(sxl_bits)) != 0))
    return guest_fault();
  if (use == kImplicitRead) return lookup(kNestedLookup, second_tag(0));
  s_.level2 = 1;
  return second_look_up();
}

const Step& WalkRun::second_look_up() {
  if (s_.level2 < second_.levels) return lookup(kSecondLookup, second_tag(s_.level2));
  s_.table2 = context_.second_stage().address();
  return second_read();
}

const Step& WalkRun::second_read() {
  return read(kSecondRead, s_.table2 + second_.entry_offset(s_.input2, s_.level2), second_.entry_bytes,
              Structure::page_table, 2, s_.level2);
}

const Step& WalkRun::second_entry(std::uint64_t raw) {
  s_.word2 = raw;
  const std::uint64_t value = in_order(raw, directory_big_endian(), second_.entry_bytes);
  const PageEntry e = decode_page(value, s_.level2, second_, config_);
  if (e.kind == PageEntry::Kind::invalid) return guest_fault();
  if (e.kind == PageEntry::Kind::leaf) return second_leaf(e, value);
  s_.table2 = e.address;
  --s_.level2;
  return fill(kSecondFill, second_tag(s_.level2), s_.table2, 0);
}

const Step& WalkRun::second_leaf(const PageEntry& e, std::uint64_t value) {
  const Rights granted{e.user && e.read, e.user && e.write, e.user && e.execute};
  Rights needed = s_.use == kImplicitRead ? kRead : s_.use == kImplicitWrite ? kWrite : walk_.request.needed;
  const bool tolerant = s_.use == kExplicit && is_ats();
  if (tolerant) {
    // A request that may write dirties what this stage lets it write, whatever the first stage grants.
    if (!e.user) return guest_fault();
    needed = Rights{false, needed.write && granted.write, false};
  }
  if (!granted.cover(needed)) return guest_fault();

  const bool set_dirty = needed.write && !e.dirty;
  if (!e.accessed || set_dirty) {
    if (context_.control(tc::kSecondAd)) {
      const std::uint64_t wanted = value | bit(pte::kAccessed) | put(set_dirty, pte::kDirty);
      return swap(kSecondSwap, s_.table2 + second_.entry_offset(s_.input2, s_.level2), second_, s_.word2,
                  in_order(wanted, directory_big_endian(), second_.entry_bytes));
    }
    if (!e.accessed || !tolerant) return guest_fault();
  }
  s_.host = e.address | (s_.input2 & ~above(e.size_log2));
  if (s_.use == kExplicit) {
    s_.size2 = reach_of(e, context_.control(tc::kSecondAd));
    s_.type2 = e.memory_type;
    s_.rights2 =
        static_cast<std::uint8_t>(put(granted.read, 0) | put(granted.write && e.dirty, 1) | put(granted.execute, 2));
  }
  if (s_.use == kImplicitRead) return fill(kNestedFill, second_tag(0), s_.host & ~ones(11, 0), 0);
  return second_done();
}

const Step& WalkRun::second_done() {
  switch (static_cast<After>(s_.after)) {
    case kProcessEntry: s_.entry_host = s_.host; return process_read();
    case kFirstEntry: s_.entry_host = s_.host; return first_read();
    case kFirstUpdate: s_.entry_host = s_.host; return first_swap();
    case kRequest: break;
  }
  return translated(s_.host, s_.size < s_.size2 ? s_.size : s_.size2, false);
}

// The kind of fault follows the request's access; the record's second address says which guest-physical address failed,
// and whether for an access of the unit's own (section 4.2).
const Step& WalkRun::guest_fault() {
  const bool implicit = s_.use != kExplicit;
  return fault(guest_page_fault(access_),
               (s_.input2 & ~std::uint64_t{3}) | put(implicit, 0) | put(s_.use == kImplicitWrite, 1));
}

}  // namespace iommusim::iommu::riscv
