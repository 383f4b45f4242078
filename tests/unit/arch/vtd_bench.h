// A VT-d unit, its driver and a memory of our own, without time: what the tests of this folder share.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "models/iommu/api/untimed.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/driver.h"
#include "models/iommu/arch/vtd/faults.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/registers.h"
#include "models/iommu/arch/vtd/scalable_formats.h"

namespace iommusim::iommu::vtd {

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
  std::unordered_map<std::uint64_t, std::uint64_t> words_;
  std::unordered_map<std::uint64_t, std::set<std::uint64_t>> free_;
  std::uint64_t next_ = 1 << 20;
};

constexpr SourceId kDevice{0x0018};  ///< 00:03.0
constexpr DomainId kDomain{7};

/// A unit brought up by its driver, translation and interrupt remapping on.
struct Bench {
  explicit Bench(const VtdConfig& c = {}, UntimedUnit::Caches caches = UntimedUnit::Caches::none)
      : config(c), arch(c.make_architecture()), driver(c.make_driver()), unit(*arch, memory, caches) {
    unit.set_access([this](Hpa a, unsigned, bool write) {
      const bool refused = write ? read_only.count(a.value()) != 0 : unreadable.count(a.value()) != 0;
      return refused ? MemoryStatus::refused : MemoryStatus::ok;
    });
    unit.write(driver->set_up(memory, 256));
    unit.write(driver->enable(c.interrupt_remapping));
  }

  std::unique_ptr<PageTables> attach(unsigned levels, SourceId source = kDevice, DomainId domain = kDomain) {
    auto tables = driver->create_tables(memory, DomainGeometry{static_cast<std::uint8_t>(levels)});
    driver->attach(memory, source, domain, tables.get());
    return tables;
  }
  static Request request(std::uint64_t address, Rights needed = kRead, std::uint32_t bytes = 64,
                         SourceId source = kDevice) {
    Request r;
    r.source = source;
    r.address = address;
    r.needed = needed;
    r.bytes = bytes;
    return r;
  }
  static Request message(InterruptMessage m, SourceId source = kDevice) {
    Request r = request(m.address, kWrite, 4, source);
    r.data = m.data;
    return r;
  }
  Resolution read(std::uint64_t address) { return unit.resolve(request(address)); }
  Resolution write(std::uint64_t address) { return unit.resolve(request(address, kWrite)); }

  /// Puts commands into the queue behind those already there and rings the doorbell.
  void submit(const std::vector<Invalidation>& list) {
    for (const Invalidation& i : list) submit_raw(driver->encode(i).words[0], driver->encode(i).words[1], false);
    unit.write(driver->tail_write(tail));
  }
  void submit_raw(std::uint64_t low, std::uint64_t high, bool ring = true) {
    const Hpa at = driver->queue_base() + std::uint64_t{driver->command_bytes()} * tail;
    memory.write64(at, low);
    memory.write64(at + 8, high);
    for (unsigned i = 16; i < driver->command_bytes(); i += 8) memory.write64(at + i, 0);
    tail = (tail + 1) % driver->queue_entries();
    if (ring) unit.write(driver->tail_write(tail));
  }
  std::uint64_t reg32(std::uint64_t offset) { return arch->read_register(offset, 4); }
  std::uint64_t reg64(std::uint64_t offset) { return arch->read_register(offset, 8); }
  void set_reg(std::uint64_t offset, std::uint64_t value, unsigned bytes = 4) {
    unit.write(RegisterWrite{offset, static_cast<std::uint8_t>(bytes), value});
  }

  /// Where a device's context entry lies, found as hardware finds it.
  Hpa context_entry(SourceId source = kDevice) {
    const std::uint64_t root = reg64(reg::kRootTable) + 16 * (source.value() >> 8);
    return Hpa(memory.read64(Hpa(root)) & ~std::uint64_t{0xfff}) + 16 * (source.value() & 0xff);
  }
  Hpa interrupt_entry(std::uint32_t index) {
    return Hpa(reg64(reg::kInterruptTable) & ~std::uint64_t{0xfff}) + 16 * index;
  }
  /// Where the paging entry of an address at a level lies.
  Hpa page_entry(const PageTables& tables, std::uint64_t address, unsigned level) {
    const auto& own = dynamic_cast<const DomainTables&>(tables);
    Hpa table = own.root();
    for (unsigned l = own.levels();; --l) {
      const Hpa at = table + 8 * index_in_table(address, l);
      if (l == level) return at;
      table = decode_page(memory.read64(at)).address;
    }
  }

  // --- scalable mode
  std::unique_ptr<PageTables> tables(TableStage stage, unsigned levels) {
    return driver->create_tables(memory, DomainGeometry{static_cast<std::uint8_t>(levels), stage});
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
  /// Where a device's scalable-mode structures lie, found as hardware finds them.
  Hpa root_half(SourceId source = kDevice) {
    return Hpa(reg64(reg::kRootTable) & ~std::uint64_t{0xfff}) + 8 * (source.value() >> 7);
  }
  Hpa scalable_context(SourceId source = kDevice) {
    return decode_root_half(memory.read64(root_half(source))).context_table + 32 * (source.value() & 0x7f);
  }
  Hpa directory_entry(std::uint32_t pasid = 0, SourceId source = kDevice) {
    return Hpa(memory.read64(scalable_context(source)) & ~std::uint64_t{0xfff}) + 8 * (pasid >> 6);
  }
  Hpa pasid_entry(std::uint32_t pasid = 0, SourceId source = kDevice) {
    return Hpa(memory.read64(directory_entry(pasid, source)) & ~std::uint64_t{0xfff}) + 64 * (pasid & 63);
  }
  PasidEntry read_pasid(std::uint32_t pasid = 0) {
    const Hpa at = pasid_entry(pasid);
    return decode_pasid(memory.read64(at), memory.read64(at + 8), memory.read64(at + 16));
  }
  void write_pasid(const PasidEntry& e, std::uint32_t pasid = 0) {
    const PasidWords w = encode(e);
    for (unsigned i = 0; i < 8; ++i) memory.write64(pasid_entry(pasid) + 8 * i, w[i]);
  }
  void set_bits(Hpa at, std::uint64_t bits) { memory.write64(at, memory.read64(at) | bits); }
  void clear_bits(Hpa at, std::uint64_t bits) { memory.write64(at, memory.read64(at) & ~bits); }

  VtdConfig config;
  WordMemory memory;
  std::unique_ptr<Architecture> arch;
  std::unique_ptr<Driver> driver;
  std::set<std::uint64_t> unreadable, read_only;  ///< by the address an access starts at
  UntimedUnit unit;
  std::uint32_t tail = 0;
};

/// A unit in scalable mode with all that this model has.
inline VtdConfig scalable_config() {
  VtdConfig c;
  c.mode = Mode::scalable;
  c.table_levels = {3, 4, 5};
  c.guest_address_bits = 57;
  c.device_tlb = true;
  c.scalable.page_requests = true;
  c.scalable.execute_requests = true;
  c.scalable.extended_accessed = true;
  c.scalable.rid_privileged = true;
  return c;
}

}  // namespace iommusim::iommu::vtd
