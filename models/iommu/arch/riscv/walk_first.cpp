// First-stage translation (RISC-V privileged specification, section on virtual address translation, with Svade, Svadu,
// Svnapot and Svpbmt).
#include "models/iommu/arch/riscv/spaces.h"
#include "models/iommu/arch/riscv/walk_run.h"

namespace iommusim::iommu::riscv {

namespace {

/// True if the bits above the address width repeat the top bit of it (Sv39 and wider), or are zero (Sv32).
bool canonical(std::uint64_t address, const PagingMode& mode) {
  const unsigned bits = mode.address_bits();
  const std::uint64_t upper = address & above(bits);
  if (mode.entry_bytes == 4) return upper == 0;
  return get(address, bits - 1) ? upper == above(bits) : upper == 0;
}

}  // namespace

const Step& WalkRun::begin_page() {
  if (first_.bare()) {
    s_.guest = walk_.request.address;
    s_.size = 64;
    s_.rights = 7;
    return first_done();
  }
  if (!canonical(walk_.request.address, first_)) return fault(page_fault(access_));
  s_.level = 1;
  return first_look_up();
}

// The table whose entries map pages first: a hit there leaves one read.
const Step& WalkRun::first_look_up() {
  if (s_.level < first_.levels) return lookup(kFirstLookup, first_tag(s_.level));
  s_.table = context_.first_pointer().address();
  return first_level();
}

const Step& WalkRun::first_level() {
  s_.entry = s_.table + first_.entry_offset(walk_.request.address, s_.level);
  if (nested()) return second_stage(s_.entry, kImplicitRead, kFirstEntry);
  s_.entry_host = s_.entry;
  return first_read();
}
const Step& WalkRun::first_read() {
  return read(kFirstRead, s_.entry_host, first_.entry_bytes, Structure::page_table, 1, s_.level);
}

const Step& WalkRun::first_entry(std::uint64_t raw) {
  s_.word = raw;
  const std::uint64_t value = in_order(raw, first_big_endian(), first_.entry_bytes);
  const PageEntry e = decode_page(value, s_.level, first_, config_);
  if (e.kind == PageEntry::Kind::invalid) return fault(page_fault(access_));
  if (e.kind == PageEntry::Kind::leaf) return first_leaf(e, value);
  s_.global = static_cast<std::uint8_t>(s_.global | e.global);
  s_.table = e.address;
  --s_.level;
  return fill(kFirstFill, first_tag(s_.level), s_.table, s_.global);
}

const Step& WalkRun::first_leaf(const PageEntry& e, std::uint64_t value) {
  const bool supervisor = privileged(walk_.request);
  const bool reachable = supervisor ? !e.user || context_.sum() : e.user;
  const Rights granted{reachable && e.read, reachable && e.write, e.execute && supervisor != e.user};
  // A translation request for a page within its privilege learns what else it lacks from its answer.
  Rights needed = walk_.request.needed;
  if (is_ats()) {
    if (!reachable) return fault(page_fault(access_));
    needed = Rights{false, granted.write && needed.write, false};
  }
  if (!granted.cover(needed)) return fault(page_fault(access_));

  const bool set_dirty = needed.write && !e.dirty;
  if (!e.accessed || set_dirty) {
    if (!context_.control(tc::kFirstAd)) {
      if (!e.accessed || !is_ats()) return fault(page_fault(access_));
    } else {
      s_.guest = value | bit(pte::kAccessed) | put(set_dirty, pte::kDirty);  // until the entry is written
      if (nested()) return second_stage(s_.entry, kImplicitWrite, kFirstUpdate);
      return first_swap();
    }
  }
  const std::uint64_t inside = ~above(e.size_log2);
  s_.guest = e.address | (walk_.request.address & inside);
  s_.size = reach_of(e, context_.control(tc::kFirstAd));
  s_.type = e.memory_type;
  s_.global = static_cast<std::uint8_t>(s_.global | e.global);
  s_.rights =
      static_cast<std::uint8_t>(put(granted.read, 0) | put(granted.write && e.dirty, 1) | put(granted.execute, 2));
  return first_done();
}

// s_.guest holds the entry wanted, s_.entry_host where it lies.
const Step& WalkRun::first_swap() {
  return swap(kFirstSwap, s_.entry_host, first_, s_.word, in_order(s_.guest, first_big_endian(), first_.entry_bytes));
}

const Step& WalkRun::first_done() {
  if (context_.interrupt_file(s_.guest)) return msi_read();
  if (nested()) return second_stage(s_.guest, kExplicit, kRequest);
  s_.size2 = 64;
  s_.rights2 = 7;
  return translated(s_.guest, s_.size, false);
}

}  // namespace iommusim::iommu::riscv
