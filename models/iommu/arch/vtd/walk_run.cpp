#include "models/iommu/arch/vtd/walk_run.h"

#include <cstring>

#include "models/iommu/arch/vtd/spaces.h"

namespace iommusim::iommu::vtd {

WalkRun::WalkRun(Walk& walk, const VtdConfig& config, const RegisterFile& registers)
    : walk_(walk), config_(config), registers_(registers), context_(walk.context) {
  std::memcpy(static_cast<void*>(&s_), walk.state.data(), sizeof s_);
  if (walk.kind != WalkKind::page) return;
  second_levels_ = context_.second_levels();
  if (!context_.scalable()) return;
  entry_ = context_.pasid();
  first_levels_ = entry_.first_levels();
}
WalkRun::~WalkRun() { std::memcpy(walk_.state.data(), &s_, sizeof s_); }

const Step& WalkRun::begin() {
  s_ = WalkState{};
  walk_.phase = 0;
  walk_.level = 0;
  switch (walk_.kind) {
    case WalkKind::context: return begin_device();
    case WalkKind::process: return begin_process();
    case WalkKind::interrupt: return begin_interrupt();
    case WalkKind::page: break;
  }
  return begin_page();
}

const Step& WalkRun::resume(const StepResult& r) {
  switch (static_cast<Phase>(walk_.phase)) {
    case kRootRead: return root_entry(r);
    case kContextRead: return registers_.scalable() ? scalable_context(r) : legacy_context(r);
    case kDirectoryRead: return directory_entry(r);
    case kPasidRead: return pasid_entry(r);
    case kFirstLookup:
      if (!r.hit) {
        ++s_.level;
        return first_look_up();
      }
      s_.table = r.words[0];
      s_.rights = static_cast<std::uint8_t>(r.words[1]);
      return first_level();
    case kFirstFill: return first_level();
    case kFirstRead:
      if (!r.ok) return fault(s_.level == first_levels_ ? Reason::first_root_access : Reason::first_access);
      return first_entry(r.words[0]);
    case kFirstSwap:
      if (!r.ok) return fault(Reason::first_update_failed);
      // Somebody changed the entry since it was read: look at it anew.
      return first_entry(r.words[0] == walk_.step.expected ? walk_.step.desired : r.words[0]);
    case kNestedLookup:
      if (!r.hit) {
        s_.level2 = 1;
        return second_look_up();
      }
      s_.host = r.words[0] | (s_.input2 & ones(11, 0));
      s_.entry_writable = static_cast<std::uint8_t>(r.words[1]);
      return second_done();
    case kNestedFill: return second_done();
    case kSecondLookup:
      if (!r.hit) {
        ++s_.level2;
        return second_look_up();
      }
      s_.table2 = r.words[0];
      s_.rights2 = static_cast<std::uint8_t>(r.words[1]);
      return second_read();
    case kSecondFill: return second_read();
    case kSecondRead:
      if (!r.ok)
        return fault(Reason::page_table_access,
                     s_.level2 == second_levels_ ? Reason::second_root_access : Reason::second_access);
      return second_entry(r.words[0]);
    case kSecondSwap:
      if (!r.ok) return fault(Reason::second_update_failed);
      return second_entry(r.words[0] == walk_.step.expected ? walk_.step.desired : r.words[0]);
    case kEntryLookup:
      if (r.hit) return deliver({r.words[0], r.words[1]});
      return read(kEntryRead, registers_.interrupt_table().value() + 16 * s_.word, 16, Structure::interrupt_entry, 0,
                  1);
    case kEntryRead: return interrupt_entry(r);
    case kEntryFill: return deliver({walk_.step.words[0], walk_.step.words[1]});
  }
  return walk_.step;
}

const Step& WalkRun::fault(Reason reason, bool disabled) {
  walk_.step.kind = Step::Kind::fault;
  // A translation request learns of missing rights from its completion; software sees no record of it (section 4.2.3).
  const bool answered = walk_.kind == WalkKind::page && is_ats() &&
                        ats_status(static_cast<std::uint16_t>(reason)) == AtsCompletion::Status::success;
  walk_.step.fault = fault_of(reason, disabled);
  if (answered) walk_.step.fault.recorded = false;
  return walk_.step;
}

const Step& WalkRun::read(Phase phase, std::uint64_t address, unsigned bytes, Structure structure, unsigned stage,
                          unsigned level) {
  walk_.phase = phase;
  Step& s = walk_.step;
  s.kind = Step::Kind::read;
  s.address = Hpa(address);
  s.bytes = static_cast<std::uint8_t>(bytes);
  s.structure = structure;
  s.stage = static_cast<std::uint8_t>(stage);
  s.level = static_cast<std::uint8_t>(level);
  return s;
}

const Step& WalkRun::lookup(Phase phase, const RangeTag& tag) {
  walk_.phase = phase;
  Step& s = walk_.step;
  s.kind = Step::Kind::lookup;
  s.cache = CacheKind::walk;
  s.stage = tag.stage;
  s.level = tag.level;
  s.tag = tag;
  return s;
}
const Step& WalkRun::fill(Phase phase, const RangeTag& tag, std::uint64_t word0, std::uint64_t word1) {
  lookup(phase, tag);
  Step& s = walk_.step;
  s.kind = Step::Kind::fill;
  s.words[0] = word0;
  s.words[1] = word1;
  return s;
}
const Step& WalkRun::swap(Phase phase, std::uint64_t address, unsigned stage, unsigned level, std::uint64_t from,
                          std::uint64_t to) {
  read(phase, address, 8, Structure::page_table, stage, level);
  Step& s = walk_.step;
  s.kind = Step::Kind::compare_and_swap;
  s.expected = from;
  s.desired = to;
  return s;
}

// Pointers to tables of level n are tagged by what such a table maps: an entry of level n + 1.
RangeTag WalkRun::first_tag(unsigned level) const {
  return range_around(first_space(walk_.context, pasid_of(context_, walk_.request, config_)), walk_.request.address,
                      static_cast<std::uint8_t>(span_log2(level + 1)), 1, static_cast<std::uint8_t>(level));
}
RangeTag WalkRun::second_tag(unsigned level) const {
  return range_around(second_space(walk_.context), s_.input2, static_cast<std::uint8_t>(span_log2(level + 1)), 2,
                      static_cast<std::uint8_t>(level));
}

}  // namespace iommusim::iommu::vtd
