#include <unordered_map>

#include "models/iommu/api/untimed.h"
#include "tests/conformance/riscv/machine.h"

namespace iommusim::conformance {

namespace {

using iommu::Hpa;

/// Words by address; remembers what the IOMMU overwrites.
class Words : public iommu::TableMemory {
 public:
  std::uint64_t read64(Hpa a) override {
    const auto it = words_.find(a.value());
    return it == words_.end() ? 0 : it->second;
  }
  void write64(Hpa a, std::uint64_t v) override {
    written.emplace(a.value(), read64(a));
    words_[a.value()] = v;
  }
  Hpa allocate(std::uint64_t) override { throw std::logic_error("vectors allocate no memory"); }
  void release(Hpa, std::uint64_t) override {}
  void set(std::uint64_t a, std::uint64_t v) { words_[a] = v; }

  std::map<std::uint64_t, std::uint64_t> written;

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> words_;
};

class UntimedMachine : public Machine {
 public:
  using Caches = iommu::UntimedUnit::Caches;
  UntimedMachine(const iommu::riscv::RiscvConfig& config, bool caches)
      : architecture_(config.make_architecture()),
        unit_(*architecture_, memory_, caches ? Caches::unbounded : Caches::none) {
    unit_.write_interrupts = true;
    unit_.set_access([this](Hpa a, unsigned bytes, bool write) { return status(a.value(), bytes, write); });
  }

  std::uint64_t read_memory(std::uint64_t a) override { return memory_.read64(Hpa(a)); }
  void write_memory(std::uint64_t a, std::uint64_t word) override { memory_.set(a, word); }
  std::uint64_t read_register(std::uint64_t offset, unsigned bytes) override {
    return architecture_->read_register(offset, bytes);
  }
  void write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) override {
    unit_.write(iommu::RegisterWrite{offset, static_cast<std::uint8_t>(bytes), value});
  }

  DmaResult dma(const iommu::Request& request) override {
    using Outcome = iommu::Resolution::Outcome;
    const iommu::Resolution r = unit_.resolve(request);
    DmaResult out;
    out.ok = r.outcome != Outcome::fault;
    out.cause = r.fault.reason;
    out.address = r.output.value();
    if (r.outcome == Outcome::fault && r.fault.recorded) unit_.record(r, request);
    if (r.outcome == Outcome::translated) {
      out.memory_type = r.translation.memory_type;
      out.size_log2 = r.translation.size_log2;
      out.interrupt = r.translation.interrupt;
    }
    if (r.outcome == Outcome::stored)
      out.file = DmaResult::File{r.output.value(), r.interrupt.address, r.interrupt.data};
    return out;
  }
  iommu::AtsCompletion translate(const iommu::Request& request) override { return unit_.translate(request); }
  void page_request(const iommu::PageRequest& request) override { unit_.page_request(request); }
  bool invalidation_completed(iommu::SourceId device, bool has_segment, std::uint32_t tags, unsigned count) override {
    return unit_.invalidation_completed(device, has_segment, tags, count);
  }
  void invalidation_timed_out(std::uint32_t tags) override { unit_.invalidation_timed_out(tags); }

  void set_faults(std::vector<MemoryFault> faults) override { faults_ = std::move(faults); }
  std::map<std::uint64_t, std::uint64_t> take_written() override { return std::exchange(memory_.written, {}); }
  std::vector<SentMessage> take_messages() override {
    std::vector<SentMessage> out;
    for (const auto& m : unit_.messages) out.push_back(SentMessage{m.message, m.tag});
    unit_.messages.clear();
    return out;
  }
  std::optional<std::pair<bool, bool>> take_ordering() override {
    if (!unit_.ordered_reads && !unit_.ordered_writes) return std::nullopt;
    return std::pair(std::exchange(unit_.ordered_reads, false), std::exchange(unit_.ordered_writes, false));
  }

 private:
  iommu::MemoryStatus status(std::uint64_t address, unsigned bytes, bool write) const {
    auto worst = iommu::MemoryStatus::ok;
    for (const MemoryFault& f : faults_) {
      if (!f.overlaps(address, bytes)) continue;
      if (f.kind == MemoryFault::Kind::access || (f.kind == MemoryFault::Kind::read_only && write))
        return iommu::MemoryStatus::refused;
      if (f.kind == MemoryFault::Kind::poison && !write) worst = iommu::MemoryStatus::corrupt;
    }
    return worst;
  }

  std::unique_ptr<iommu::Architecture> architecture_;
  Words memory_;
  std::vector<MemoryFault> faults_;
  iommu::UntimedUnit unit_;
};

}  // namespace

std::unique_ptr<Machine> make_untimed_machine(const iommu::riscv::RiscvConfig& config, bool caches) {
  return std::make_unique<UntimedMachine>(config, caches);
}

}  // namespace iommusim::conformance
