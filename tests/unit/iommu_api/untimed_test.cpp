// The untimed unit under an architecture made for the test: one level, one device, one page per 4 KiB below 1 MiB.
#include "models/iommu/api/untimed.h"

#include <gtest/gtest.h>

#include <unordered_map>

namespace iommusim::iommu {
namespace {

class Words64 : public TableMemory {
 public:
  std::uint64_t read64(Hpa a) override { return words[a.value()]; }
  void write64(Hpa a, std::uint64_t v) override { words[a.value()] = v; }
  Hpa allocate(std::uint64_t) override { return Hpa(0x100000); }
  void release(Hpa, std::uint64_t) override {}
  std::unordered_map<std::uint64_t, std::uint64_t> words;
};

/// Table of 4-byte entries at 0x1000, indexed by page: a page number, 0 for none.
class Toy : public Architecture {
 public:
  RequestClass classify(const Request&) const override { return RequestClass::ordinary; }
  bool enabled(RequestClass) const override { return on; }
  std::uint64_t context_key(const Request& r) const override { return r.source.value(); }
  Space space(const Context&, const Request&) const override { return 9; }
  std::optional<Fault> check_pass_through(const Context&, const Request&) const override { return std::nullopt; }
  const Step& begin(Walk& w) const override { return w.step = first(w); }
  const Step& resume(Walk& w, const StepResult& r) const override { return w.step = next(w, r); }

  Step first(Walk& w) const {
    Step s;
    if (w.kind == WalkKind::context) {
      s.kind = Step::Kind::context_found;
      s.context.mode = w.request.source == SourceId(1) ? ContextMode::pass_through : ContextMode::translate;
      return s;
    }
    w.phase = 0;
    return read(w);
  }
  Step next(Walk& w, const StepResult& r) const {
    if (w.phase == 0) {
      if (!r.ok || r.words[0] == 0) {
        Step f;
        f.fault.kind = r.ok ? FaultKind::not_present : FaultKind::structure_access;
        return f;
      }
      w.state[0] = r.words[0] & 0x7fffffff;
      w.phase = 1;
      Step s;
      s.kind = Step::Kind::write;
      s.address = Hpa(0x8000);
      s.bytes = 16;
      s.words = {w.state[0], 77};
      return s;
    }
    Step s;
    s.kind = Step::Kind::translated;
    s.tag = range_around(9, w.request.address, 12);
    s.translation = {Hpa(w.state[0] << 12), 12, kReadWrite, false};
    return s;
  }
  std::uint64_t register_bytes() const override { return 0; }
  std::uint64_t read_register(std::uint64_t, unsigned) override { return 0; }
  Effects write_register(std::uint64_t, unsigned, std::uint64_t) override { return {}; }
  std::optional<CommandFetch> next_command() const override { return std::nullopt; }
  Command take_command(const Words&) override { return {}; }
  Effects command_event(const Command&) override { return {}; }
  Effects record_fault(const FaultEvent&) override { return {}; }
  std::string fault_text(std::uint16_t) const override { return ""; }
  bool on = true;

 private:
  static Step read(const Walk& w) {
    Step s;
    s.kind = Step::Kind::read;
    s.structure = Structure::page_table;
    s.level = 1;
    s.bytes = 4;
    s.address = Hpa(0x1000 + 4 * (w.request.address >> 12));
    return s;
  }
};

Request at(std::uint64_t address, SourceId source = SourceId(0)) {
  Request r;
  r.source = source;
  r.address = address;
  r.bytes = 4;
  r.needed = kRead;
  return r;
}

TEST(UntimedUnit, ReadsAHalfWordAndTranslates) {
  Toy toy;
  Words64 memory;
  memory.words[0x1008] = std::uint64_t{0x55} << 32 | 0x44;  // pages 2 and 3
  UntimedUnit unit(toy, memory);
  EXPECT_EQ(unit.resolve(at(0x2123)).output, Hpa(0x44123));
  const Resolution r = unit.resolve(at(0x3123));
  EXPECT_EQ(r.output, Hpa(0x55123));
  EXPECT_EQ(r.reads.total(), 1u);
  EXPECT_EQ(r.reads.page_table[0][1], 1u);
  EXPECT_EQ(memory.words[0x8000], 0x55u) << "write steps are carried out";
  EXPECT_EQ(memory.words[0x8008], 77u);
}

TEST(UntimedUnit, UnboundedCachesKeepWhatNoneForgets) {
  for (const auto caches : {UntimedUnit::Caches::none, UntimedUnit::Caches::unbounded}) {
    Toy toy;
    Words64 memory;
    memory.words[0x1008] = 0x44;
    UntimedUnit unit(toy, memory, caches);
    unit.resolve(at(0x2000));
    memory.words[0x1008] = 0x66;
    const bool kept = caches == UntimedUnit::Caches::unbounded;
    EXPECT_EQ(unit.resolve(at(0x2000)).output, Hpa(kept ? 0x44000 : 0x66000));
    EXPECT_EQ(unit.held(CacheKind::iotlb), kept ? 1u : 0u);
    InvalidationScope s;
    s.caches = s.caches.with(CacheKind::iotlb);
    unit.invalidate(s);
    EXPECT_EQ(unit.resolve(at(0x2000)).output, Hpa(0x66000));
  }
}

TEST(UntimedUnit, FaultsAndUnreadableMemoryAreToldApart) {
  Toy toy;
  Words64 memory;
  UntimedUnit unit(toy, memory, UntimedUnit::Caches::none, [](Hpa a) { return a != Hpa(0x1010); });
  EXPECT_EQ(unit.resolve(at(0x2000)).fault.kind, FaultKind::not_present);
  EXPECT_EQ(unit.resolve(at(0x4000)).fault.kind, FaultKind::structure_access);
}

TEST(UntimedUnit, PassThroughAndDisabledUnitsLeaveTheAddress) {
  Toy toy;
  Words64 memory;
  UntimedUnit unit(toy, memory);
  EXPECT_EQ(unit.resolve(at(0x2abc, SourceId(1))).outcome, Resolution::Outcome::passed);
  EXPECT_EQ(unit.resolve(at(0x2abc, SourceId(1))).output, Hpa(0x2abc));
  toy.on = false;
  EXPECT_EQ(unit.resolve(at(0x2abc)).outcome, Resolution::Outcome::passed);
}

}  // namespace
}  // namespace iommusim::iommu
