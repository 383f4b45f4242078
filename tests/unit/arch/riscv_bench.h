// A RISC-V IOMMU, its driver and a memory of our own, without time: what the tests of this folder share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include "models/iommu/api/untimed.h"
#include "models/iommu/arch/riscv/causes.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/riscv/driver.h"
#include "models/iommu/arch/riscv/page_entries.h"
#include "models/iommu/arch/riscv/records.h"
#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

/// Sparse words; blocks are handed out upwards from 1 MiB and given back to a list per size.
class WordMemory : public TableMemory {
 public:
  std::uint64_t read64(Hpa a) override {
    const auto it = words_.find(a.value());
    return it == words_.end() ? 0 : it->second;
  }
  void write64(Hpa a, std::uint64_t v) override { words_[a.value()] = v; }
  Hpa allocate(std::uint64_t bytes) override {
    auto& free = free_[bytes];
    Hpa block;
    if (!free.empty()) {
      block = Hpa(*free.begin());
      free.erase(free.begin());
      for (std::uint64_t i = 0; i < bytes; i += 8) words_.erase(block.value() + i);
    } else {
      next_ = (next_ + bytes - 1) / bytes * bytes;
      block = Hpa(next_);
      next_ += bytes;
    }
    live += bytes;
    return block;
  }
  void release(Hpa block, std::uint64_t bytes) override {
    if (!free_[bytes].insert(block.value()).second) throw std::logic_error("released twice");
    live -= bytes;
  }
  std::uint64_t live = 0;  ///< bytes handed out and not given back

 private:
  std::map<std::uint64_t, std::uint64_t> words_;
  std::map<std::uint64_t, std::set<std::uint64_t>> free_;
  std::uint64_t next_ = 1 << 20;
};

constexpr SourceId kDevice{0x0018};
constexpr DomainId kDomain{7};
constexpr std::uint64_t kPageBytes = 4096;

/// Bits of leaves as tests write them.
namespace leaf_bits {
constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128;
constexpr std::uint64_t kUser = kV | kR | kW | kU | kA | kD;
}  // namespace leaf_bits

/// A unit brought up by its driver: queues on, devices looked up in the directory.
struct Bench {
  using Caches = UntimedUnit::Caches;
  explicit Bench(const RiscvConfig& c = {}, Caches caches = Caches::none)
      : config(c), arch(c.make_architecture()), driver(c), unit(*arch, memory, caches) {
    unit.write_interrupts = true;
    unit.set_access([this](Hpa a, unsigned bytes, bool write) {
      for (unsigned i = 0; i < bytes; i += 4) {
        if (unreadable.count(a.value() + i) != 0 || (write && read_only.count(a.value() + i) != 0))
          return MemoryStatus::refused;
        if (!write && poisoned.count(a.value() + i) != 0) return MemoryStatus::corrupt;
      }
      return MemoryStatus::ok;
    });
    unit.write(driver.set_up(memory, 256));
    unit.write(driver.enable(c.msi_flat));
  }

  std::unique_ptr<PageTables> attach(unsigned levels, SourceId source = kDevice, DomainId domain = kDomain) {
    auto tables = driver.create_tables(memory, DomainGeometry{static_cast<std::uint8_t>(levels)});
    driver.attach(memory, source, domain, tables.get());
    return tables;
  }

  // --- contexts and tables written by hand
  /// Where a device's context lies, found as hardware finds it.
  Hpa context(SourceId source = kDevice) {
    const unsigned leaf_bits = config.device_id_bits(1);
    Hpa table(get(reg64(reg::kDdtp), 53, 10) << 12);
    for (unsigned level = config.directory_levels; level > 1; --level) {
      const Hpa at = table + 8u * (source.value() >> (leaf_bits + 9 * (level - 2)) & 511);
      table = Hpa(page_address(memory.read64(at)));
    }
    return table + (source.value() & ((1u << leaf_bits) - 1)) * config.dc_bytes();
  }
  /// Puts a context of a test's own in place of the driver's.
  void set_context(const DeviceContext& dc, SourceId source = kDevice) {
    driver.attach(memory, source, kDomain, nullptr);  // makes room in the directory
    const Hpa at = context(source);
    for (unsigned i = 0; i < config.dc_bytes() / 8; ++i) memory.write64(at + 8u * i, dc[i]);
  }
  /// Maps one page in tables rooted at `root`, adding tables; `flags` are the leaf's low bits. The tables' own pages
  /// are at the addresses they give themselves: in a nested first stage, map them in the second.
  Hpa map(Hpa root, const PagingMode& mode, std::uint64_t from, std::uint64_t to, std::uint64_t flags,
          unsigned leaf_level = 1) {
    Hpa table = root;
    for (unsigned level = mode.levels;; --level) {
      const Hpa at = table + mode.entry_offset(from, level);
      if (level == leaf_level) {
        set_entry(at, mode, (to >> 12) << 10 | flags);
        return at;
      }
      std::uint64_t entry = memory.read64(at.align_down(8)) >> 8 * at.offset_in(8);
      if ((entry & 1) == 0) {
        entry = memory.allocate(kPageBytes).value() >> 12 << 10 | 1;
        set_entry(at, mode, entry);
      }
      table = Hpa(get(entry, mode.entry_bytes == 4 ? 31 : 53, 10) << 12);
    }
  }
  void set_entry(Hpa at, const PagingMode& mode, std::uint64_t entry) {
    if (mode.entry_bytes == 8) return memory.write64(at, entry);
    const Hpa word = at.align_down(8);
    const unsigned shift = static_cast<unsigned>(8 * at.offset_in(8));
    memory.write64(word, (memory.read64(word) & ~(std::uint64_t{0xffffffff} << shift)) | entry << shift);
  }
  /// Identity-maps memory below 2^32 in a second stage, with the largest pages of 1 GiB.
  void map_all(Hpa root, const PagingMode& mode) {
    for (std::uint64_t gib = 0; gib < 4; ++gib)
      map(root, mode, gib << 30, gib << 30, leaf_bits::kUser | leaf_bits::kX, 3);
  }

  // --- requests
  static Request request(std::uint64_t address, Rights needed = kRead, SourceId source = kDevice) {
    Request r;
    r.source = source;
    r.address = address;
    r.needed = needed;
    r.bytes = 4;
    return r;
  }
  static Request with_pasid(Request r, std::uint32_t pasid, bool privileged = false) {
    r.has_pasid = true;
    r.pasid = Pasid(pasid);
    r.privileged = privileged;
    return r;
  }
  static Request translation_request(std::uint64_t address, bool no_write = false) {
    Request r = request(address, Rights{true, !no_write, false});
    r.at = AddressType::translation_request;
    return r;
  }
  Resolution resolve(const Request& r) { return unit.resolve(r); }
  Resolution read(std::uint64_t address) { return unit.resolve(request(address)); }
  Resolution write(std::uint64_t address) { return unit.resolve(request(address, kWrite)); }
  /// Resolves and records a fault as the unit does.
  Resolution run(const Request& r) {
    const Resolution out = unit.resolve(r);
    if (out.outcome == Resolution::Outcome::fault && out.fault.recorded) unit.record(out, r);
    return out;
  }

  // --- queues and registers
  void submit(std::uint64_t low, std::uint64_t high = 0) {
    const std::uint64_t tail = reg32(reg::kCqt);
    memory.write64(driver.queue_base() + 16 * tail, low);
    memory.write64(driver.queue_base() + 16 * tail + 8, high);
    unit.write(driver.tail_write(static_cast<std::uint32_t>((tail + 1) % driver.queue_entries())));
  }
  void submit(const Invalidation& i) { submit(driver.encode(i).words[0], driver.encode(i).words[1]); }
  FaultRecord fault_record(std::uint32_t index) {
    std::array<std::uint64_t, 4> w{};
    for (unsigned i = 0; i < 4; ++i) w[i] = memory.read64(driver.fault_queue() + 32u * index + 8u * i);
    return decode_fault_record(w);
  }
  std::uint64_t reg32(std::uint64_t offset) { return arch->read_register(offset, 4); }
  std::uint64_t reg64(std::uint64_t offset) { return arch->read_register(offset, 8); }
  Effects set32(std::uint64_t offset, std::uint64_t value) { return unit.write(RegisterWrite{offset, 4, value}); }
  Effects set64(std::uint64_t offset, std::uint64_t value) { return unit.write(RegisterWrite{offset, 8, value}); }

  RiscvConfig config;
  WordMemory memory;
  std::unique_ptr<Architecture> arch;
  RiscvDriver driver;
  std::set<std::uint64_t> unreadable, read_only, poisoned;  ///< addresses of 4-byte units
  UntimedUnit unit;
};

/// Rounds of a random test: more of them where IOMMUSIM_LONG is set.
inline unsigned rounds(unsigned usual) { return std::getenv("IOMMUSIM_LONG") != nullptr ? 20 * usual : usual; }

inline std::uint16_t code(FaultCause c) { return static_cast<std::uint16_t>(c); }

}  // namespace iommusim::iommu::riscv
