// Second-stage translation (Intel VT-d specification rev. 4.0, section 3.7), of both modes: for the request's own
// address, and for the guest-physical addresses of first-stage entries.
#include "models/iommu/arch/vtd/spaces.h"
#include "models/iommu/arch/vtd/walk_run.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint8_t kReadable = 1, kWritable2 = 2;
constexpr unsigned kAccessed = 8, kDirty = 9;
}  // namespace

const Step& WalkRun::second_stage(std::uint64_t address, Use use, After after) {
  s_.input2 = address;
  s_.use = use;
  s_.after = after;
  if ((address & above(walk_.context.address_bits)) != 0)
    return fault(use == kExplicit ? Reason::sm_address_beyond_width : Reason::first_entry_beyond_width);
  s_.rights2 = kReadable | kWritable2;
  if (use == kImplicitRead) return lookup(kNestedLookup, second_tag(0));
  s_.level2 = 1;
  return second_look_up();
}

const Step& WalkRun::second_look_up() {
  if (s_.level2 < second_levels_) return lookup(kSecondLookup, second_tag(s_.level2));
  s_.table2 = context_.second_root();
  return second_read();
}

const Step& WalkRun::second_read() {
  return read(kSecondRead, s_.table2 + 8 * index_in_table(s_.input2, s_.level2), 8, Structure::page_table, 2,
              s_.level2);
}

Rights WalkRun::needed_of_second() const {
  if (s_.use == kImplicitRead) return kRead;
  if (s_.use == kImplicitWrite) return kWrite;
  return is_ats() ? Rights{} : walk_.request.needed;
}

const Step& WalkRun::second_entry(std::uint64_t word) {
  const PageEntry e = decode_page(word);
  const Rights needed = needed_of_second();
  if (!e.present()) return second_denied(needed.write, false);
  if (reserved_set_second(word)) return fault(Reason::page_reserved, Reason::second_reserved);
  const bool leaf = s_.level2 == 1 || e.page_size;
  const unsigned rights = s_.rights2 & static_cast<unsigned>(put(e.read, 0) | put(e.write, 1));
  const bool reads = (rights & kReadable) != 0, writes = (rights & kWritable2) != 0;
  // A read of no bytes needs write permission only, where the unit says so (CAP.ZLR).
  const bool zero_length = walk_.request.bytes == 0 && config_.zero_length_reads && writes && s_.use == kExplicit;
  if (needed.write && !writes) return second_denied(true, true);
  if (needed.read && !reads && !zero_length) return second_denied(false, true);
  if (rights == 0) return second_denied(false, true);

  const bool dirty =
      leaf && (needed.write || (is_ats() && s_.use == kExplicit && walk_.request.needed.write && writes));
  if (context_.second_dirty()) {
    const std::uint64_t wanted = word | bit(kAccessed) | put(dirty, kDirty);
    if (wanted != word) {
      if (!entry_.walk_snoop) return fault(Reason::second_update_incoherent);
      return swap(kSecondSwap, s_.table2 + 8 * index_in_table(s_.input2, s_.level2), 2, s_.level2, word, wanted);
    }
  }
  s_.rights2 = static_cast<std::uint8_t>(rights);
  if (leaf) return second_leaf(e, word);
  s_.table2 = e.address.value();
  --s_.level2;
  return fill(kSecondFill, second_tag(s_.level2), s_.table2, s_.rights2);
}

const Step& WalkRun::second_leaf(const PageEntry& e, std::uint64_t word) {
  const unsigned log2 = span_log2(s_.level2);
  s_.host = (e.address.value() & above(log2)) | (s_.input2 & ~above(log2));
  // A page not dirty yet is kept as read-only, so that the first write comes here again.
  if (context_.second_dirty() && !get(word, kDirty)) s_.rights2 = static_cast<std::uint8_t>(s_.rights2 & kReadable);
  if (s_.use == kExplicit) {
    s_.size2 = static_cast<std::uint8_t>(log2);
    return second_done();
  }
  s_.entry_writable = (s_.rights2 & kWritable2) != 0;
  if (s_.use == kImplicitRead) return fill(kNestedFill, second_tag(0), s_.host & ~ones(11, 0), s_.entry_writable);
  return second_done();
}

const Step& WalkRun::second_done() {
  switch (static_cast<After>(s_.after)) {
    case kFirstEntry: s_.entry_host = s_.host; return first_read();
    case kFirstUpdate: s_.entry_host = s_.host; return first_swap();
    case kRequest: break;
  }
  Rights rights{get(s_.rights2, 0), get(s_.rights2, 1), false};
  if (context_.scalable()) rights.execute = entry_.execute && rights.read;
  unsigned size = s_.size2;
  if (nested()) {
    rights.read = rights.read && get(s_.rights, 0);
    rights.write = rights.write && get(s_.rights, 1);
    rights.execute = rights.execute && get(s_.rights, 2);
    size = s_.size < size ? s_.size : size;
  }
  return translated(s_.host, size, rights);
}

// An entry without any right is as good as not present.
const Step& WalkRun::second_denied(bool write, bool present) {
  if (present && s_.use == kImplicitRead)
    return fault(s_.level == first_levels_ ? Reason::first_root_unreadable : Reason::first_entry_unreadable);
  if (present && s_.use == kImplicitWrite) return fault(Reason::first_entry_unwritable);
  const bool wants_write = write || (is_ats() && walk_.request.needed.write);
  const Reason refused = wants_write ? Reason::sm_no_write_permission : Reason::sm_no_read_permission;
  fault(wants_write ? Reason::no_write_permission : Reason::no_read_permission,
        present ? refused : Reason::second_not_present);
  if (!present) walk_.step.fault.kind = FaultKind::not_present;
  return walk_.step;
}

bool WalkRun::reserved_set_second(std::uint64_t word) const {
  std::uint64_t reserved = above(config_.host_address_bits) & ones(51, 12);
  const unsigned level = s_.level2;
  const bool page_size = get(word, 7);
  const bool leaf = level == 1 || (page_size && config_.supports_page(level));
  if (level > 1 && !leaf) reserved |= bit(7);  // a page size this unit does not have
  if (!leaf || !config_.snoop_control) reserved |= bit(11);
  if (leaf && !config_.device_tlb) reserved |= bit(62);  // transient mapping
  if (leaf && level > 1) reserved |= ones(span_log2(level) - 1, 12);
  return (word & reserved) != 0;
}

}  // namespace iommusim::iommu::vtd
