#include "models/iommu/arch/riscv/walk_run.h"

#include <cstring>

#include "models/iommu/arch/riscv/spaces.h"

namespace iommusim::iommu::riscv {

WalkRun::WalkRun(Walk& walk, const RiscvConfig& config, const RegisterFile& registers, MsiNumbers& msi_numbers)
    : walk_(walk),
      config_(config),
      registers_(registers),
      msi_numbers_(msi_numbers),
      context_(walk.context),
      access_(access_of(walk.request)) {
  std::memcpy(static_cast<void*>(&s_), walk.state.data(), sizeof s_);
  if (walk.kind == WalkKind::context) return;
  second_ = second_stage_mode(context_.second_stage().mode(), registers.guest_32());
  if (walk.kind == WalkKind::page)
    first_ = first_stage_mode(first_stage_of(context_, walk.request).mode(), context_.control(tc::kSxl));
}
WalkRun::~WalkRun() { std::memcpy(walk_.state.data(), &s_, sizeof s_); }

const Step& WalkRun::begin() {
  s_ = WalkState{};
  walk_.phase = 0;
  switch (walk_.kind) {
    case WalkKind::context: return begin_device();
    case WalkKind::process: return begin_process();
    default: return begin_page();
  }
}

const Step& WalkRun::resume(const StepResult& r) {
  switch (static_cast<Phase>(walk_.phase)) {
    case kDeviceDirectory: return device_directory(r);
    case kDeviceContext: return device_context(r);
    case kProcessDirectory: return process_directory(r);
    case kProcessContext: return process_context(r);
    case kFirstLookup:
      if (!r.hit) {
        ++s_.level;
        return first_look_up();
      }
      s_.table = r.words[0];
      s_.global = static_cast<std::uint8_t>(r.words[1]);
      return first_level();
    case kFirstFill: return first_level();
    case kFirstRead:
      if (!r.ok) return table_fault(r);
      return first_entry(r.words[0]);
    case kFirstSwap:
      if (!r.ok) return table_fault(r);
      // Somebody changed the entry since it was read: look at it anew.
      return r.words[0] == walk_.step.expected ? first_entry(walk_.step.desired) : first_entry(r.words[0]);
    case kNestedLookup:
      if (!r.hit) {
        s_.level2 = 1;
        return second_look_up();
      }
      s_.host = r.words[0] | (s_.input2 & ones(11, 0));
      return second_done();
    case kNestedFill: return second_done();
    case kSecondLookup:
      if (!r.hit) {
        ++s_.level2;
        return second_look_up();
      }
      s_.table2 = r.words[0];
      return second_read();
    case kSecondFill: return second_read();
    case kSecondRead:
      if (!r.ok) return table_fault(r);
      return second_entry(r.words[0]);
    case kSecondSwap:
      if (!r.ok) return table_fault(r);
      return r.words[0] == walk_.step.expected ? second_entry(walk_.step.desired) : second_entry(r.words[0]);
    case kMsiRead: return msi_entry(r);
  }
  return walk_.step;
}

// Page tables that cannot be read. On the way to a process directory, the second stage's tables count as part of it.
const Step& WalkRun::table_fault(const StepResult& r) {
  if (walk_.kind == WalkKind::process) return fault(r.poisoned ? FaultCause::pdt_corrupt : FaultCause::pdt_access);
  return fault(r.poisoned ? FaultCause::page_table_corrupt : access_fault(access_));
}

const Step& WalkRun::fault(FaultCause cause, std::uint64_t detail) {
  const bool filtered = walk_.kind != WalkKind::context && context_.control(tc::kNoFaults);
  walk_.step.kind = Step::Kind::fault;
  walk_.step.fault = fault_of(cause, filtered, detail);
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
const Step& WalkRun::swap(Phase phase, std::uint64_t address, const PagingMode& mode, std::uint64_t from,
                          std::uint64_t to) {
  walk_.phase = phase;
  Step& s = walk_.step;
  s.kind = Step::Kind::compare_and_swap;
  s.address = Hpa(address);
  s.bytes = mode.entry_bytes;
  s.structure = Structure::page_table;
  s.expected = from;
  s.desired = to;
  return s;
}

RangeTag WalkRun::first_tag(unsigned level) const {
  return range_around(table_space(context_, true, nested()), walk_.request.address,
                      static_cast<std::uint8_t>(first_.span_log2(level + 1)), 1, static_cast<std::uint8_t>(level));
}
RangeTag WalkRun::second_tag(unsigned level) const {
  return range_around(table_space(context_, false, true), s_.input2,
                      static_cast<std::uint8_t>(second_.span_log2(level + 1)), 2, static_cast<std::uint8_t>(level));
}

}  // namespace iommusim::iommu::riscv
