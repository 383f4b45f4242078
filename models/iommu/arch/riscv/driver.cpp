#include "models/iommu/arch/riscv/driver.h"

#include <algorithm>
#include <stdexcept>

#include "models/base/error.h"
#include "models/iommu/arch/riscv/command_codec.h"
#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

namespace {

constexpr std::uint32_t kFewestEntries = 2, kMostEntries = 32768;
constexpr std::uint64_t kPage = 4096;
constexpr unsigned kFaultBytes = 32, kRecordBytes = 16;

unsigned log2_of(std::uint64_t power) { return static_cast<unsigned>(__builtin_ctzll(power)); }

/// A block of at least a page: what TableMemory hands out.
Hpa allocate(TableMemory& memory, std::uint64_t bytes) { return memory.allocate(std::max(bytes, kPage)); }

std::uint64_t queue_base_word(Hpa base, std::uint32_t entries) {
  return put(base.value() >> 12, 53, 10) | (log2_of(entries) - 1);
}

void check_domain(DomainId domain, TableStage stage) {
  const unsigned widest = stage == TableStage::first ? 20 : 16;
  if ((domain.value() & above(widest)) != 0)
    throw base::UserError("riscv: domain identifier " + std::to_string(domain.value()) + " exceeds " +
                          std::to_string(widest) + " bits");
}

}  // namespace

std::vector<RegisterWrite> RiscvDriver::set_up(TableMemory& memory, std::uint32_t queue_entries) {
  if (queue_entries < kFewestEntries || queue_entries > kMostEntries || (queue_entries & (queue_entries - 1)) != 0)
    throw base::UserError("riscv: a command queue of " + std::to_string(queue_entries) +
                          " entries is not supported; use a power of two from 2 to 32768");
  queue_entries_ = queue_entries;
  directory_ = memory.allocate(kPage);
  queue_ = allocate(memory, std::uint64_t{kRecordBytes} * queue_entries);
  fault_queue_ = allocate(memory, std::uint64_t{kFaultBytes} * config_.fault_queue_entries);

  std::vector<RegisterWrite> writes;
  writes.push_back({reg::kCqb, 8, queue_base_word(queue_, queue_entries)});
  writes.push_back({reg::kCqt, 4, 0});
  writes.push_back({reg::kCqcsr, 4, csr::kEnable});
  writes.push_back({reg::kFqb, 8, queue_base_word(fault_queue_, config_.fault_queue_entries)});
  writes.push_back({reg::kFqh, 4, 0});
  writes.push_back({reg::kFqcsr, 4, csr::kEnable});
  if (config_.ats) {
    page_queue_ = allocate(memory, std::uint64_t{kRecordBytes} * config_.page_queue_entries);
    writes.push_back({reg::kPqb, 8, queue_base_word(page_queue_, config_.page_queue_entries)});
    writes.push_back({reg::kPqh, 4, 0});
    writes.push_back({reg::kPqcsr, 4, csr::kEnable});
  }
  writes.push_back({reg::kDdtp, 8, static_cast<std::uint64_t>(DirectoryMode::bare)});
  return writes;
}

std::vector<RegisterWrite> RiscvDriver::enable(bool interrupt_remapping) {
  if (interrupt_remapping && !config_.msi_flat)
    throw base::UserError("riscv: this unit has no MSI page tables (msi_flat: false)");
  const std::uint64_t mode = static_cast<std::uint64_t>(DirectoryMode::one_level) + config_.directory_levels - 1;
  return {{reg::kDdtp, 8, put(directory_.value() >> 12, 53, 10) | mode}};
}

// From a directory to Bare only by way of Off (section 6.5).
std::vector<RegisterWrite> RiscvDriver::disable_translation() {
  const std::uint64_t pointer = put(directory_.value() >> 12, 53, 10);
  return {{reg::kDdtp, 8, pointer | static_cast<std::uint64_t>(DirectoryMode::off)},
          {reg::kDdtp, 8, static_cast<std::uint64_t>(DirectoryMode::bare)}};
}

std::vector<RegisterWrite> RiscvDriver::route_events(InterruptMessage message) {
  std::vector<RegisterWrite> writes;
  writes.push_back({reg::kIcvec, 8, 0});
  if (config_.interrupts != InterruptGeneration::wired) {
    writes.push_back({reg::kMsiTable, 8, message.address});
    writes.push_back({reg::kMsiTable + 8, 4, message.data});
    writes.push_back({reg::kMsiTable + 12, 4, 0});
  }
  const std::uint32_t on = csr::kEnable | csr::kInterruptEnable;
  writes.push_back({reg::kCqcsr, 4, on});
  writes.push_back({reg::kFqcsr, 4, on});
  if (config_.ats) writes.push_back({reg::kPqcsr, 4, on});
  return writes;
}

std::unique_ptr<PageTables> RiscvDriver::create_tables(TableMemory& memory, DomainGeometry geometry) {
  const TableStage stage = geometry.stage == TableStage::domain ? config_.domain_stage : geometry.stage;
  const bool first = stage == TableStage::first;
  const unsigned levels = geometry.levels;
  const bool supported = (levels == 3 && (first ? config_.sv39 : config_.sv39x4)) ||
                         (levels == 4 && (first ? config_.sv48 : config_.sv48x4)) ||
                         (levels == 5 && (first ? config_.sv57 : config_.sv57x4));
  if (!supported)
    throw base::UserError("riscv: tables of " + std::to_string(levels) + " levels are not among the unit's " +
                          (first ? "first" : "second") + "-stage modes");
  auto tables = std::make_unique<DomainTables>(config_, memory, stage, levels);
  // The interrupt window goes through the first stage unchanged.
  if (first && config_.msi_flat)
    tables->map(memory, Iova(kMsiWindow), Hpa(kMsiWindow), kMsiEntries * kPage, kReadWrite, ~std::uint64_t{0});
  return tables;
}

// Walks the device directory as hardware does, adding what is missing.
Hpa RiscvDriver::context_slot(TableMemory& memory, SourceId source) {
  if ((source.value() & above(config_.device_id_bits(config_.directory_levels))) != 0)
    throw base::UserError("riscv: device " + std::to_string(source.value()) + " does not fit a directory of " +
                          std::to_string(config_.directory_levels) + " levels; raise directory_levels");
  const unsigned leaf_bits = config_.device_id_bits(1), index_bits = 9;
  Hpa table = directory_;
  for (unsigned level = config_.directory_levels; level > 1; --level) {
    const std::uint32_t index = source.value() >> (leaf_bits + index_bits * (level - 2)) & ((1u << index_bits) - 1);
    const Hpa at = table + 8u * index;
    const std::uint64_t entry = ordered(memory.read64(at));
    if (get(entry, 0)) {
      table = Hpa(page_address(entry));
    } else {
      table = memory.allocate(kPage);
      memory.write64(at, ordered(put(table.value() >> 12, 53, 10) | 1));
    }
  }
  return table + (source.value() & ((1u << leaf_bits) - 1)) * config_.dc_bytes();
}

void RiscvDriver::attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) {
  Stages stages{domain, nullptr, nullptr};
  if (tables != nullptr) {
    const auto& own = dynamic_cast<const DomainTables&>(*tables);
    check_domain(domain, own.stage());
    (own.stage() == TableStage::first ? stages.first : stages.second) = &own;
  }
  attached_[source.value()] = stages;
  write_context(memory, source);
}

void RiscvDriver::attach_nested(TableMemory& memory, SourceId source, DomainId domain, const PageTables& first,
                                const PageTables& second) {
  check_domain(domain, TableStage::second);
  attached_[source.value()] =
      Stages{domain, &dynamic_cast<const DomainTables&>(first), &dynamic_cast<const DomainTables&>(second)};
  write_context(memory, source);
}

void RiscvDriver::write_context(TableMemory& memory, SourceId source) {
  const Stages& stages = attached_[source.value()];
  const auto directory = process_directories_.find(source.value());
  const bool processes = directory != process_directories_.end();
  if (processes && stages.second != nullptr)
    throw base::UserError("riscv: a source with processes cannot pass a second stage: its directory is the driver's");
  DeviceContext dc{};
  dc[kTc] = bit(tc::kValid) | put(config_.ats, tc::kEnableAts) | put(config_.big_endian, tc::kBigEndian) |
            put(config_.guest_32, tc::kSxl);
  if (processes) {
    dc[kTc] |= bit(tc::kProcessTable) | bit(tc::kDefaultProcess);
    dc[kFsc] = make_pointer(directory_mode(), directory->second.value());
    write_process(memory, directory->second, Pasid(0), process_context(stages.domain, stages.first));
  } else if (stages.first != nullptr) {
    dc[kFsc] = make_pointer(stages.first->pointer_mode(), stages.first->root().value());
    dc[kTa] = put(stages.domain.value(), 31, 12);
  }
  if (stages.second != nullptr)
    dc[kIohgatp] = make_pointer(stages.second->pointer_mode(), stages.second->root().value(), stages.domain.value());
  if (config_.msi_flat) {
    dc[kMsiptp] = make_pointer(kMsiFlat, msi_table(memory).value());
    dc[kMsiMask] = kMsiEntries - 1;
    dc[kMsiPattern] = kMsiWindow >> 12;
  }
  const Hpa slot = context_slot(memory, source);
  if (get(ordered(memory.read64(slot)), tc::kValid)) memory.write64(slot, 0);
  for (unsigned i = static_cast<unsigned>(config_.dc_bytes() / 8); i-- > 0;)
    memory.write64(slot + 8u * i, ordered(dc[i]));  // the word with the valid bit last
}

void RiscvDriver::detach(TableMemory& memory, SourceId source) {
  const Hpa slot = context_slot(memory, source);
  for (unsigned i = 0; i < config_.dc_bytes() / 8; ++i) memory.write64(slot + 8u * i, 0);
}

// ---- processes

DriverFeatures RiscvDriver::features() const {
  DriverFeatures f;
  f.first_stage = config_.sv39 || config_.sv48 || config_.sv57;
  f.second_stage = config_.sv39x4 || config_.sv48x4 || config_.sv57x4;
  f.nested = f.first_stage && f.second_stage;
  f.processes = f.first_stage && directory_mode() != 0;
  return f;
}

unsigned RiscvDriver::directory_mode() const {
  return config_.pd20 ? unsigned{kPd20} : config_.pd17 ? unsigned{kPd17} : config_.pd8 ? unsigned{kPd8} : 0u;
}

RiscvDriver::ProcessContext RiscvDriver::process_context(DomainId domain, const DomainTables* tables) const {
  return {bit(pc::kValid) | put(domain.value(), 31, 12),
          tables != nullptr ? make_pointer(tables->pointer_mode(), tables->root().value()) : 0};
}

/// Walks the process directory as hardware does, adding what is missing.
Hpa RiscvDriver::process_slot(TableMemory& memory, Hpa directory, Pasid pasid) {
  constexpr unsigned leaf_bits = 8, index_bits = 9, context_bytes = 16;
  Hpa table = directory;
  for (unsigned level = directory_mode(); level > 1; --level) {
    const Hpa at = table + 8u * (pasid.value() >> (leaf_bits + index_bits * (level - 2)) & ((1u << index_bits) - 1));
    const std::uint64_t entry = ordered(memory.read64(at));
    if (get(entry, 0)) {
      table = Hpa(page_address(entry));
    } else {
      table = memory.allocate(kPage);
      memory.write64(at, ordered(put(table.value() >> 12, 53, 10) | 1));
    }
  }
  return table + context_bytes * (pasid.value() & ((1u << leaf_bits) - 1));
}

void RiscvDriver::write_process(TableMemory& memory, Hpa directory, Pasid pasid, const ProcessContext& context) {
  const Hpa slot = process_slot(memory, directory, pasid);
  memory.write64(slot, 0);
  memory.write64(slot + 8, ordered(context[1]));
  memory.write64(slot, ordered(context[0]));  // the word with the valid bit last
}

void RiscvDriver::attach_process(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain,
                                 const PageTables* tables, const PageTables* second) {
  if (second != nullptr) throw base::UserError("riscv: a process's second stage is that of its source");
  if (directory_mode() == 0) throw base::UserError("riscv: this unit has no process directories (pd8, pd17, pd20)");
  if (pasid.value() == 0 || (pasid.value() & above(process_bits(directory_mode()))) != 0)
    throw base::UserError("riscv: process " + std::to_string(pasid.value()) + " does not fit 1 to 2^" +
                          std::to_string(process_bits(directory_mode())) + " - 1");
  const auto known = attached_.find(source.value());
  if (known == attached_.end()) throw base::UserError("riscv: attach a source before its processes");
  check_domain(domain, TableStage::first);
  const DomainTables* own = tables != nullptr ? &dynamic_cast<const DomainTables&>(*tables) : nullptr;
  if (own != nullptr && own->stage() != TableStage::first)
    throw base::UserError("riscv: a process has first-stage tables");
  if (process_directories_.count(source.value()) == 0) {
    if (known->second.second != nullptr)
      throw base::UserError("riscv: processes behind a second stage need a directory in the guest's memory");
    process_directories_[source.value()] = memory.allocate(kPage);
    write_context(memory, source);
  }
  write_process(memory, process_directories_[source.value()], pasid, process_context(domain, own));
}

void RiscvDriver::detach_process(TableMemory& memory, SourceId source, Pasid pasid) {
  const auto directory = process_directories_.find(source.value());
  if (directory == process_directories_.end()) return;
  const Hpa slot = process_slot(memory, directory->second, pasid);
  memory.write64(slot, 0);
  memory.write64(slot + 8, 0);
}

Hpa RiscvDriver::msi_table(TableMemory& memory) {
  if (!msi_table_) msi_table_ = allocate(memory, std::uint64_t{kRecordBytes} * kMsiEntries);
  return *msi_table_;
}

InterruptMessage RiscvDriver::set_interrupt(TableMemory& memory, std::uint32_t index, SourceId /*source*/,
                                            InterruptMessage target) {
  if (!config_.msi_flat) throw base::UserError("riscv: this unit has no MSI page tables (msi_flat: false)");
  if (index >= kMsiEntries)
    throw base::UserError("riscv: interrupt entry " + std::to_string(index) + " exceeds the " +
                          std::to_string(kMsiEntries) + " of the MSI table");
  const Hpa slot = msi_table(memory) + std::uint64_t{kRecordBytes} * index;
  const std::uint64_t translate_mode = 3;
  memory.write64(slot + 8, 0);
  memory.write64(slot, ordered(put(target.address >> 12, 53, 10) | put(translate_mode, 2, 1) | 1));
  return InterruptMessage{kMsiWindow + kPage * index + (target.address & (kPage - 1)), target.data};
}

CommandBytes RiscvDriver::encode(const Invalidation& invalidation) const {
  const CommandWords words = encode_command(invalidation, config_);
  CommandBytes out;
  out.words = {ordered(words[0]), ordered(words[1]), 0, 0};
  out.bytes = 16;
  return out;
}

RegisterWrite RiscvDriver::tail_write(std::uint32_t tail) const { return RegisterWrite{reg::kCqt, 4, tail}; }
std::uint64_t RiscvDriver::head_register() const { return reg::kCqh; }

}  // namespace iommusim::iommu::riscv
