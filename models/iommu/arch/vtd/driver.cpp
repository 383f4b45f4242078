#include "models/iommu/arch/vtd/driver.h"

#include <stdexcept>

#include "models/base/error.h"
#include "models/iommu/arch/vtd/invalidations.h"
#include "models/iommu/arch/vtd/page_requests.h"
#include "models/iommu/arch/vtd/registers.h"
#include "models/iommu/arch/vtd/scalable_formats.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint32_t kFewestEntries = 256, kMostBytes = 4096 << 7;  // IQA.QS 0 to 7 (section 11.4.20)

unsigned log2_of(std::uint64_t power) {
  unsigned n = 0;
  while ((power >>= 1) != 0) ++n;
  return n;
}
/// A block of at least a page: what TableMemory hands out.
Hpa allocate(TableMemory& memory, std::uint64_t bytes) { return memory.allocate(bytes < 4096 ? 4096 : bytes); }
}  // namespace

RegisterWrite VtdDriver::global_command(std::uint32_t switches, std::uint32_t one_shot) const {
  return RegisterWrite{reg::kGlobalCommand, 4, switches | one_shot};
}

std::vector<RegisterWrite> VtdDriver::set_up(TableMemory& memory, std::uint32_t queue_entries) {
  const std::uint32_t most = kMostBytes >> queue_shift();
  if (queue_entries < kFewestEntries || queue_entries > most || (queue_entries & (queue_entries - 1)) != 0)
    throw base::UserError("vtd: an invalidation queue of " + std::to_string(queue_entries) +
                          " descriptors does not exist; use a power of two from 256 to " + std::to_string(most));
  queue_entries_ = queue_entries;
  root_ = memory.allocate(4096);
  const std::uint64_t queue_bytes = std::uint64_t{queue_entries} << queue_shift();
  queue_ = allocate(memory, queue_bytes);

  std::vector<RegisterWrite> writes;
  const auto mode = static_cast<std::uint64_t>(config_.is_scalable() ? TableMode::scalable : TableMode::legacy);
  writes.push_back({reg::kRootTable, 8, root_.value() | put(mode, 11, 10)});
  writes.push_back(global_command(switches_, global::kSetRootTable));
  const auto all = static_cast<std::uint64_t>(Granularity::global);
  writes.push_back({reg::kContextCommand, 8, bit(63) | put(all, 62, 61)});
  writes.push_back({reg::kIotlbInvalidate, 8, bit(63) | put(all, 61, 60)});

  writes.push_back({reg::kQueueTail, 4, 0});
  writes.push_back(
      {reg::kQueueAddress, 8, queue_.value() | put(config_.is_scalable(), 11) | (log2_of(queue_bytes) - 12)});
  switches_ |= global::kQueuedInvalidation;
  writes.push_back(global_command(switches_, 0));

  if (config_.is_scalable() && config_.scalable.page_requests) {
    const std::uint64_t bytes = std::uint64_t{PageRequestQueue::kBytes} * config_.scalable.page_queue_entries;
    page_queue_ = allocate(memory, bytes);
    writes.push_back({reg::kPageHead, 8, 0});
    writes.push_back({reg::kPageTail, 8, 0});
    writes.push_back({reg::kPageAddress, 8, page_queue_.value() | (log2_of(bytes) - 12)});
  }

  if (config_.interrupt_remapping) {
    interrupt_table_ = allocate(memory, std::uint64_t{16} * config_.interrupt_entries);
    writes.push_back({reg::kInterruptTable, 8,
                      interrupt_table_.value() | put(config_.extended_interrupt_mode, 11) |
                          (log2_of(config_.interrupt_entries) - 1)});
    writes.push_back(global_command(switches_, global::kSetInterruptTable));
  }
  return writes;
}

std::vector<RegisterWrite> VtdDriver::enable(bool interrupt_remapping) {
  std::vector<RegisterWrite> writes;
  if (interrupt_remapping) {
    if (!config_.interrupt_remapping)
      throw base::UserError("vtd: this unit has no interrupt remapping (interrupt_remapping: false)");
    switches_ |= global::kInterruptRemapping;
    writes.push_back(global_command(switches_, 0));
  }
  switches_ |= global::kTranslation;
  writes.push_back(global_command(switches_, 0));
  return writes;
}

std::vector<RegisterWrite> VtdDriver::disable_translation() {
  switches_ &= ~global::kTranslation;
  return {global_command(switches_, 0)};
}

std::vector<RegisterWrite> VtdDriver::route_events(InterruptMessage message) {
  std::vector<RegisterWrite> writes;
  std::vector<std::uint64_t> events{reg::kFaultEvent, reg::kCompletionEvent};
  if (config_.is_scalable() && config_.scalable.page_requests) events.push_back(reg::kPageEvent);
  for (const std::uint64_t base : events) {
    writes.push_back({base + 4, 4, message.data});
    writes.push_back({base + 8, 4, message.address & 0xffffffff});
    writes.push_back({base + 12, 4, message.address >> 32});
    writes.push_back({base, 4, 0});  // unmask last
  }
  return writes;
}

std::unique_ptr<PageTables> VtdDriver::create_tables(TableMemory& memory, DomainGeometry geometry) {
  TableStage stage = geometry.stage;
  if (stage == TableStage::domain) stage = config_.is_scalable() ? config_.scalable.domain_stage : TableStage::second;
  if (stage == TableStage::first) {
    const ScalableConfig& c = config_.scalable;
    const bool supported = config_.is_scalable() && c.first_stage &&
                           (geometry.levels == 4 || (geometry.levels == 5 && c.first_stage_5_levels));
    if (!supported)
      throw base::UserError("vtd: the unit has no first-stage tables of " + std::to_string(geometry.levels) +
                            " levels (mode: scalable, first_stage, first_stage_5_levels)");
  } else if (!config_.supports_levels(geometry.levels)) {
    throw base::UserError("vtd: tables of " + std::to_string(geometry.levels) +
                          " levels are not in the unit's table_levels");
  } else if (config_.is_scalable() && !config_.scalable.second_stage) {
    throw base::UserError("vtd: the unit has no second stage (scalable.second_stage: false)");
  }
  return std::make_unique<DomainTables>(config_, memory, stage, geometry.levels);
}

void VtdDriver::check_domain(DomainId domain) const {
  if (domain.value() >> config_.domain_id_bits != 0)
    throw base::UserError("vtd: domain identifier " + std::to_string(domain.value()) + " exceeds domain_id_bits " +
                          std::to_string(config_.domain_id_bits));
}

/// `which`: the bus; in scalable mode the half of it that the top bit of the device number selects.
Hpa VtdDriver::context_table(TableMemory& memory, std::uint32_t which) {
  const auto known = context_tables_.find(which);
  if (known != context_tables_.end()) return known->second;
  const Hpa table = memory.allocate(4096);
  context_tables_.emplace(which, table);
  if (config_.is_scalable()) {
    memory.write64(root_ + 8 * which, vtd::encode(RootHalf{true, table}));
  } else {
    memory.write64(root_ + 16 * which, vtd::encode(RootEntry{true, table})[0]);
  }
  return table;
}

Hpa VtdDriver::context_slot(TableMemory& memory, SourceId source) {
  const std::uint32_t id = source.value() & 0xffff;
  if (config_.is_scalable()) return context_table(memory, id >> 7) + ScalableContext::kBytes * context_index_of(id);
  return context_table(memory, id >> 8) + 16 * (id & 0xff);
}

void VtdDriver::attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) {
  check_domain(domain);
  const auto* own = tables != nullptr ? &dynamic_cast<const DomainTables&>(*tables) : nullptr;
  if (own == nullptr && !config_.pass_through) throw base::UserError("vtd: identity needs pass_through: true");
  if (!config_.is_scalable()) return attach_legacy(memory, source, domain, own);
  write_pasid(memory, source, Pasid(0), domain, own, nullptr);
}

void VtdDriver::attach_legacy(TableMemory& memory, SourceId source, DomainId domain, const DomainTables* tables) {
  ContextEntry e;
  e.present = true;
  e.domain = static_cast<std::uint16_t>(domain.value());
  if (tables != nullptr) {
    e.type = config_.device_tlb ? TranslationType::device_tlb : TranslationType::untranslated_only;
    e.table = tables->root();
    e.width = static_cast<std::uint8_t>(tables->levels() - 2);
  } else {
    e.type = TranslationType::pass_through;
    e.width = static_cast<std::uint8_t>(config_.most_levels() - 2);  // section 9.3: the largest supported
  }
  const Hpa slot = context_slot(memory, source);
  if ((memory.read64(slot) & 1) != 0) memory.write64(slot, 0);
  const Pair words = vtd::encode(e);
  memory.write64(slot + 8, words[1]);
  memory.write64(slot, words[0]);  // the half with the present bit last
}

// In scalable mode the context entry stays, with the PASID table it points to.
void VtdDriver::detach(TableMemory& memory, SourceId source) {
  if (config_.is_scalable()) return detach_process(memory, source, Pasid(0));
  const Hpa slot = context_slot(memory, source);
  memory.write64(slot, 0);
  memory.write64(slot + 8, 0);
}

// ---- scalable mode

DriverFeatures VtdDriver::features() const {
  DriverFeatures f;
  const ScalableConfig& c = config_.scalable;
  f.second_stage = !config_.is_scalable() || c.second_stage;
  if (!config_.is_scalable()) return f;
  f.first_stage = c.first_stage;
  f.nested = f.nested_processes = c.nested;
  f.processes = true;
  return f;
}

Hpa VtdDriver::pasid_slot(TableMemory& memory, SourceId source, Pasid pasid) {
  const Hpa at = context_slot(memory, source);
  ScalableContext context = decode_scalable_context(memory.read64(at), memory.read64(at + 8));
  if (!context.present) {
    const ScalableConfig& c = config_.scalable;
    context.present = context.pasid_enable = true;
    context.device_tlb = config_.device_tlb;
    context.page_requests = c.page_requests;
    constexpr unsigned smallest = 13;  // PDTS 0: 128 directory entries
    context.directory_size = static_cast<std::uint8_t>(c.pasid_bits > smallest ? c.pasid_bits - smallest : 0);
    context.directory = allocate(memory, std::uint64_t{8} * 128 << context.directory_size);
    const ContextWords words = vtd::encode(context);
    for (unsigned i = 4; i-- > 0;) memory.write64(at + 8 * i, words[i]);  // the word with the present bit last
  }
  const Hpa in_directory = context.directory + 8 * directory_index_of(pasid.value());
  PasidDirectoryEntry directory = decode_directory(memory.read64(in_directory));
  if (!directory.present) {
    directory.present = true;
    directory.table = memory.allocate(4096);
    memory.write64(in_directory, vtd::encode(directory));
  }
  return directory.table + PasidEntry::kBytes * pasid_index_of(pasid.value());
}

void VtdDriver::write_pasid(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain,
                            const DomainTables* tables, const DomainTables* second) {
  const ScalableConfig& c = config_.scalable;
  const DomainTables* first = nullptr;
  if (tables != nullptr) (tables->stage() == TableStage::first ? first : second) = tables;
  PasidEntry e;
  e.present = true;
  e.domain = static_cast<std::uint16_t>(domain.value());
  e.walk_snoop = c.coherent_walks;
  e.type = first != nullptr ? (second != nullptr ? Granular::nested : Granular::first)
                            : (second != nullptr ? Granular::second : Granular::pass_through);
  e.width = static_cast<std::uint8_t>((second != nullptr ? second->levels() : config_.most_levels()) - 2);
  if (second != nullptr) {
    e.second = second->root();
    e.second_dirty = c.track_dirty;
  }
  if (first != nullptr) {
    e.first = first->root().value();
    e.paging_mode = static_cast<std::uint8_t>(first->levels() - 4);
    e.no_execute = e.execute = c.execute_requests;
  }
  const Hpa slot = pasid_slot(memory, source, pasid);
  if ((memory.read64(slot) & 1) != 0) memory.write64(slot, 0);
  const PasidWords words = vtd::encode(e);
  for (unsigned i = 8; i-- > 0;) memory.write64(slot + 8 * i, words[i]);  // the word with the present bit last
}

void VtdDriver::attach_nested(TableMemory& memory, SourceId source, DomainId domain, const PageTables& first,
                              const PageTables& second) {
  if (!features().nested) throw base::UserError("vtd: nested domains need mode: scalable and scalable.nested");
  check_domain(domain);
  write_pasid(memory, source, Pasid(0), domain, &dynamic_cast<const DomainTables&>(first),
              &dynamic_cast<const DomainTables&>(second));
}

void VtdDriver::attach_process(TableMemory& memory, SourceId source, Pasid pasid, DomainId domain,
                               const PageTables* tables, const PageTables* second) {
  if (!config_.is_scalable()) throw base::UserError("vtd: processes need mode: scalable");
  if (pasid.value() == 0 || pasid.value() >> config_.scalable.pasid_bits != 0)
    throw base::UserError("vtd: PASID " + std::to_string(pasid.value()) + " does not fit 1 to 2^" +
                          std::to_string(config_.scalable.pasid_bits) + " - 1 (scalable.pasid_bits)");
  if (second != nullptr && !config_.scalable.nested)
    throw base::UserError("vtd: a process over a second stage needs scalable.nested");
  check_domain(domain);
  write_pasid(memory, source, pasid, domain, dynamic_cast<const DomainTables*>(tables),
              dynamic_cast<const DomainTables*>(second));
}

void VtdDriver::detach_process(TableMemory& memory, SourceId source, Pasid pasid) {
  if (!config_.is_scalable()) throw base::UserError("vtd: processes need mode: scalable");
  const Hpa slot = pasid_slot(memory, source, pasid);
  for (unsigned i = 0; i < 8; ++i) memory.write64(slot + 8 * i, 0);  // the word with the present bit first
}

InterruptMessage VtdDriver::set_interrupt(TableMemory& memory, std::uint32_t index, SourceId source,
                                          InterruptMessage target) {
  if (index >= config_.interrupt_entries)
    throw base::UserError("vtd: interrupt entry " + std::to_string(index) + " exceeds interrupt_entries " +
                          std::to_string(config_.interrupt_entries));
  InterruptEntry e = entry_for(target, config_.extended_interrupt_mode);
  e.present = true;
  e.source = static_cast<std::uint16_t>(source.value());
  e.source_validation = 1;  // the whole requester ID, as Linux does for MSIs
  const Pair words = vtd::encode(e, config_.extended_interrupt_mode);
  const Hpa slot = interrupt_table_ + std::uint64_t{16} * index;
  if ((memory.read64(slot) & 1) != 0) memory.write64(slot, 0);
  memory.write64(slot + 8, words[1]);
  memory.write64(slot, words[0]);
  return remappable(index);
}

CommandBytes VtdDriver::encode(const Invalidation& invalidation) const {
  const Pair words = vtd::encode(descriptor_for(invalidation, config_));
  CommandBytes out;
  out.words = {words[0], words[1], 0, 0};
  out.bytes = command_bytes();
  return out;
}

RegisterWrite VtdDriver::tail_write(std::uint32_t tail) const {
  return RegisterWrite{reg::kQueueTail, 4, std::uint64_t{tail} << queue_shift()};
}

std::uint64_t VtdDriver::head_register() const { return reg::kQueueHead; }

}  // namespace iommusim::iommu::vtd
