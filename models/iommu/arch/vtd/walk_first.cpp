// First-stage translation of the process's address (Intel VT-d specification rev. 4.0, section 3.6): the page tables of
// the processor, with its rules of privilege.
#include "models/iommu/arch/vtd/spaces.h"
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

namespace {

/// True if the bits above the address width repeat the top bit of it.
bool canonical(std::uint64_t address, unsigned levels) {
  const std::uint64_t upper = address & above(address_bits_of(levels) - 1);
  return upper == 0 || upper == above(address_bits_of(levels) - 1);
}

}  // namespace

const Step& WalkRun::begin_first() {
  if (!canonical(walk_.request.address, first_levels_)) return fault(Reason::sm_not_canonical);
  s_.rights = kWritable | kUser | kExecutable;
  s_.level = 1;
  return first_look_up();
}

// The table whose entries map pages first: a hit there leaves one read.
const Step& WalkRun::first_look_up() {
  if (s_.level < first_levels_) return lookup(kFirstLookup, first_tag(s_.level));
  s_.table = entry_.first;
  return first_level();
}

const Step& WalkRun::first_level() {
  s_.entry = s_.table + 8 * index_in_table(walk_.request.address, s_.level);
  if (nested()) return second_stage(s_.entry, kImplicitRead, kFirstEntry);
  s_.entry_host = s_.entry;
  return first_read();
}
const Step& WalkRun::first_read() { return read(kFirstRead, s_.entry_host, 8, Structure::page_table, 1, s_.level); }

const Step& WalkRun::first_entry(std::uint64_t word) {
  const FirstEntry e = decode_first(word);
  if (!e.present) return fault(Reason::first_not_present);
  if (reserved_set_first(word, s_.level, entry_.no_execute, config_)) return fault(Reason::first_reserved);
  if (s_.level == 1 || e.page_size) return first_leaf(e, word);
  // The entry is used whatever becomes of the request: its accessed bit is set first.
  const bool unmarked = !e.accessed || (entry_.extended_accessed && !e.extended_accessed);
  if (unmarked) {
    return first_update(
        word, word | bit(first_bits::kAccessed) | put(entry_.extended_accessed, first_bits::kExtendedAccessed));
  }
  s_.rights = static_cast<std::uint8_t>(s_.rights & (put(e.write, 0) | put(e.user, 1) | put(!e.execute_disable, 2)));
  s_.table = e.address;
  --s_.level;
  return fill(kFirstFill, first_tag(s_.level), s_.table, s_.rights);
}

const Step& WalkRun::first_leaf(const FirstEntry& e, std::uint64_t word) {
  const unsigned all = s_.rights & static_cast<unsigned>(put(e.write, 0) | put(e.user, 1) | put(!e.execute_disable, 2));
  const bool supervisor = privileged(context_, walk_.request), user_page = (all & kUser) != 0;
  Rights granted;
  granted.read = supervisor || user_page;
  // WPE is the processor's CR0.WP, SMEP its CR4.SMEP (section 3.6.1).
  granted.write = granted.read && ((all & kWritable) != 0 || (supervisor && !entry_.write_protect));
  granted.execute = granted.read && entry_.execute && (!entry_.no_execute || (all & kExecutable) != 0) &&
                    !(supervisor && user_page && entry_.no_user_execute);
  if (!granted.read) return fault(Reason::sm_user_denied);
  Rights needed = walk_.request.needed;
  if (is_ats()) {
    // A translation request learns what it lacks from its answer; one that may write dirties what it may write.
    needed = Rights{false, needed.write && granted.write, false};
  }
  if (needed.write && !granted.write) return fault(Reason::sm_no_write_permission);
  if (needed.execute && !granted.execute) return fault(Reason::sm_execute_denied);

  const std::uint64_t wanted = word | bit(first_bits::kAccessed) | put(needed.write, first_bits::kDirty) |
                               put(entry_.extended_accessed, first_bits::kExtendedAccessed);
  if (wanted != word) return first_update(word, wanted);

  const unsigned log2 = span_log2(s_.level);
  s_.guest = (e.address & above(log2)) | (walk_.request.address & ~above(log2));
  s_.size = static_cast<std::uint8_t>(log2);
  s_.global = e.global;
  // A page not dirty yet is kept as read-only, so that the first write comes here again.
  s_.rights =
      static_cast<std::uint8_t>(put(granted.read, 0) | put(granted.write && e.dirty, 1) | put(granted.execute, 2));
  return first_done();
}

const Step& WalkRun::first_update(std::uint64_t word, std::uint64_t desired) {
  if (!entry_.walk_snoop) return fault(Reason::first_update_incoherent);
  s_.word = word;
  s_.desired = desired;
  if (nested() && s_.entry_writable == 0) return second_stage(s_.entry, kImplicitWrite, kFirstUpdate);
  return first_swap();
}
const Step& WalkRun::first_swap() { return swap(kFirstSwap, s_.entry_host, 1, s_.level, s_.word, s_.desired); }

const Step& WalkRun::first_done() {
  if (nested()) return second_stage(s_.guest, kExplicit, kRequest);
  return translated(s_.guest, s_.size, Rights{get(s_.rights, 0), get(s_.rights, 1), get(s_.rights, 2)});
}

}  // namespace iommusim::iommu::vtd
