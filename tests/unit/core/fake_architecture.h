// The smallest architecture that exercises the core: contexts and page tables are single words in memory.
//   context of source s: word at 0x1000 + 8 s:   bit 0 present, bit 1 pass-through, 31:16 domain
//   page p of domain d:  `levels` dependent reads at 0x100000 * level + 8 * (p >> 9 (level-1)), the last one the leaf:
//                        bit 0 read, bit 1 write, bit 2 accessed, 63:12 output page
//   interrupts: writes to 0xfee00000..0xfeefffff, entry = data: word at 0x2000 + 8 data: target data, 0 not present
// Registers: offset 0 write: command-queue tail; 8: write enables translation; 16: write turns the queue on (from entry
// 0, errors forgotten) or off.
#pragma once

#include "models/iommu/api/architecture.h"

namespace iommusim::test {

using namespace iommusim::iommu;

class FakeArchitecture : public Architecture {
 public:
  unsigned levels = 1;
  unsigned page_bits = 12;  ///< log2 of the size that leaves claim, whatever their level
  bool on = true;
  unsigned mark_accessed =
      0;  ///< 4 or 8: the walk sets the accessed bit of the leaf by a compare-and-swap of so many bytes
  std::vector<Command> commands;  ///< what the queue holds, by entry
  std::vector<FaultEvent> recorded;
  Effects on_fault;
  std::uint64_t tail = 0, head = 0;
  bool queue_on = true, stopped = false;
  std::vector<Words> taken;  ///< bytes of the commands decoded
  std::vector<WaitEnd> waits;

  static std::uint64_t leaf(unsigned domain_page_base, std::uint64_t page) { return domain_page_base + 8 * page; }

  RequestClass classify(const Request& r) const override {
    if (r.address >> 20 == 0xfee && r.needed.write) return RequestClass::interrupt;
    return RequestClass::ordinary;
  }
  bool enabled(RequestClass) const override { return on; }
  std::uint64_t context_key(const Request& r) const override { return r.source.value(); }
  Space space(const Context& c, const Request&) const override { return c.domain.value(); }
  std::optional<Fault> check_pass_through(const Context&, const Request& r) const override {
    if (r.address >> 46 == 0) return std::nullopt;
    return Fault{FaultKind::address_width, 4, true};
  }
  const Step& begin(Walk& w) const override { return w.step = first(w); }
  const Step& resume(Walk& w, const StepResult& r) const override { return w.step = next(w, r); }

  Step first(Walk& w) const {
    w.phase = 0;
    switch (w.kind) {
      case WalkKind::context: return read(0x1000 + 8 * w.request.source.value(), Structure::context_entry, 0);
      case WalkKind::interrupt: {
        Step s;
        s.kind = Step::Kind::lookup;
        s.cache = CacheKind::interrupt_entry;
        s.tag = RangeTag{0, w.request.data, 0, 0, 0};
        return s;
      }
      case WalkKind::page:
        if (levels > 1) return lookup(w);
        w.level = 1;
        return page_read(w);
      case WalkKind::process: break;
    }
    return Step{};
  }
  Step next(Walk& w, const StepResult& r) const {
    if (!r.ok) return fault(FaultKind::structure_access, r.poisoned ? 10 : 9);
    if (w.kind == WalkKind::context) {
      if ((r.words[0] & 1) == 0) return fault(FaultKind::context_absent, 2);
      Step s;
      s.kind = Step::Kind::context_found;
      s.context.domain = DomainId(static_cast<std::uint32_t>(r.words[0] >> 16 & 0xffff));
      s.context.mode = (r.words[0] & 2) != 0 ? ContextMode::pass_through : ContextMode::translate;
      return s;
    }
    if (w.kind == WalkKind::interrupt) return interrupt_step(w, r);
    if (w.phase == 1) {  // outcome of the walk-cache lookup: a hit leaves the leaf read
      w.phase = 0;
      w.level = static_cast<std::uint8_t>(r.hit ? 1 : levels);
      return page_read(w);
    }
    if (w.phase == 2) {  // the walk cache is filled
      w.phase = 0;
      --w.level;
      return page_read(w);
    }
    if (w.level > 1) {
      if (w.level != 2) {
        --w.level;
        return page_read(w);
      }
      w.phase = 2;
      Step s;
      s.kind = Step::Kind::fill;
      s.cache = CacheKind::walk;
      s.tag = table_tag(w);
      s.words[0] = 1;
      return s;
    }
    if (mark_accessed != 0) return marked(w, r.words[0]);
    return leaf_found(w, r.words[0]);
  }
  // Phase 3: r.words is what the compare-and-swap found; another value than was read is looked at anew.
  Step marked(Walk& w, std::uint64_t entry) const {
    const std::uint64_t all = mark_accessed == 4 ? 0xffffffff : ~std::uint64_t{0};
    if (w.phase == 3 && (entry & all) == w.step.expected) return leaf_found(w, w.state[0] | 4);
    if ((entry & 4) != 0 || (entry & 3) == 0) return leaf_found(w, entry);
    w.phase = 3;
    w.state[0] = entry;
    Step s = read(w.step.address.value(), Structure::page_table, 1);
    s.kind = Step::Kind::compare_and_swap;
    s.bytes = static_cast<std::uint8_t>(mark_accessed);
    s.expected = entry & all;
    s.desired = (entry | 4) & all;
    return s;
  }
  Step leaf_found(Walk& w, std::uint64_t entry) const {
    if ((entry & 3) == 0) return fault(FaultKind::not_present, 5);
    const Rights rights{(entry & 1) != 0, (entry & 2) != 0, false};
    if (!rights.cover(w.request.needed)) return fault(FaultKind::permission, 6);
    Step s;
    s.kind = Step::Kind::translated;
    s.tag = range_around(w.context.domain.value(), w.request.address, static_cast<std::uint8_t>(page_bits));
    s.translation.size_log2 = s.tag.size_log2;
    s.translation.output = Hpa(entry & ~std::uint64_t{0xfff}).align_down(std::uint64_t{1} << page_bits);
    s.translation.rights = rights;
    return s;
  }

  std::uint64_t register_bytes() const override { return 32; }
  std::uint64_t read_register(std::uint64_t offset, unsigned) override { return offset == 0 ? tail : on; }
  Effects write_register(std::uint64_t offset, unsigned, std::uint64_t value) override {
    Effects e;
    if (offset == 0) {
      tail = value;
      e.queue_kicked = true;
    } else if (offset == 8) {
      on = value != 0;
    } else if (offset == 16) {
      queue_on = e.queue_kicked = value != 0;
      head = 0;
      stopped = false;
    }
    return e;
  }
  std::optional<CommandFetch> next_command() const override {
    if (head == tail || !queue_on || stopped) return std::nullopt;
    const auto pending = static_cast<std::uint32_t>(tail - head);
    return CommandFetch{Hpa(0x3000 + 16 * head), 16, pending, pending};
  }
  Command take_command(const Words& words) override {
    taken.push_back(words);
    stopped = commands[head].kind == Command::Kind::illegal;
    return commands[stopped ? head : head++];
  }
  Effects command_fetch_failed() override {
    stopped = true;
    return {};
  }
  Effects wait_finished(const Command&, WaitEnd end) override {
    waits.push_back(end);
    return {};
  }
  Effects command_event(const Command&) override { return {}; }
  Effects record_fault(const FaultEvent& e) override {
    recorded.push_back(e);
    return on_fault;
  }
  std::string fault_text(std::uint16_t) const override { return ""; }

 private:
  static Step fault(FaultKind kind, std::uint16_t reason) {
    Step s;
    s.kind = Step::Kind::fault;
    s.fault = Fault{kind, reason, true};
    return s;
  }
  static Step read(std::uint64_t address, Structure structure, std::uint8_t level) {
    Step s;
    s.kind = Step::Kind::read;
    s.address = Hpa(address);
    s.bytes = 8;
    s.structure = structure;
    s.level = level;
    return s;
  }
  static RangeTag table_tag(const Walk& w) {
    return range_around(w.context.domain.value(), w.request.address, 21, 0, 1);
  }
  static Step page_read(const Walk& w) {
    return read(0x100000u * w.level + 8 * (w.request.address >> (12 + 9 * (w.level - 1))), Structure::page_table,
                w.level);
  }
  static Step lookup(Walk& w) {
    w.phase = 1;
    Step s;
    s.kind = Step::Kind::lookup;
    s.cache = CacheKind::walk;
    s.tag = table_tag(w);
    return s;
  }
  Step interrupt_step(Walk& w, const StepResult& r) const {
    if (w.phase == 0) {
      w.phase = 1;
      if (r.hit) return interrupt(r.words[0]);
      return read(0x2000 + 8 * w.request.data, Structure::interrupt_entry, 0);
    }
    if (w.phase == 1) {
      if (r.words[0] == 0) return fault(FaultKind::interrupt, 0x22);
      w.phase = 2;
      w.state[0] = r.words[0];
      Step s;
      s.kind = Step::Kind::fill;
      s.cache = CacheKind::interrupt_entry;
      s.tag = RangeTag{0, w.request.data, 0, 0, 0};
      s.words[0] = r.words[0];
      return s;
    }
    return interrupt(w.state[0]);
  }
  static Step interrupt(std::uint64_t data) {
    Step s;
    s.kind = Step::Kind::interrupt_remapped;
    s.interrupt = InterruptMessage{0xfee00000, static_cast<std::uint32_t>(data)};
    return s;
  }
};

}  // namespace iommusim::test
