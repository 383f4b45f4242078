#include "models/iommu/arch/vtd/driver.h"

#include <stdexcept>

#include "models/base/error.h"
#include "models/iommu/arch/vtd/descriptors.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

namespace {
constexpr std::uint32_t kFewestEntries = 256, kMostEntries = 32768;  // IQA.QS 0 to 7 (section 11.4.20)

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
  if (queue_entries < kFewestEntries || queue_entries > kMostEntries || (queue_entries & (queue_entries - 1)) != 0)
    throw base::UserError("vtd: an invalidation queue of " + std::to_string(queue_entries) +
                          " descriptors does not exist; use a power of two from 256 to 32768");
  queue_entries_ = queue_entries;
  root_ = memory.allocate(4096);
  queue_ = allocate(memory, 16u * queue_entries);

  std::vector<RegisterWrite> writes;
  writes.push_back({reg::kRootTable, 8, root_.value()});
  writes.push_back(global_command(switches_, global::kSetRootTable));
  const auto all = static_cast<std::uint64_t>(Granularity::global);
  writes.push_back({reg::kContextCommand, 8, bit(63) | put(all, 62, 61)});
  writes.push_back({reg::kIotlbInvalidate, 8, bit(63) | put(all, 61, 60)});

  writes.push_back({reg::kQueueTail, 4, 0});
  writes.push_back({reg::kQueueAddress, 8, queue_.value() | (log2_of(queue_entries) - 8)});
  switches_ |= global::kQueuedInvalidation;
  writes.push_back(global_command(switches_, 0));

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
  for (const std::uint64_t base : {reg::kFaultEvent, reg::kCompletionEvent}) {
    writes.push_back({base + 4, 4, message.data});
    writes.push_back({base + 8, 4, message.address & 0xffffffff});
    writes.push_back({base + 12, 4, message.address >> 32});
    writes.push_back({base, 4, 0});  // unmask last
  }
  return writes;
}

std::unique_ptr<PageTables> VtdDriver::create_tables(TableMemory& memory, DomainGeometry geometry) {
  if (!config_.supports_levels(geometry.levels))
    throw base::UserError("vtd: tables of " + std::to_string(geometry.levels) +
                          " levels are not in the unit's table_levels");
  return std::make_unique<SecondStageTables>(config_, memory, geometry.levels);
}

Hpa VtdDriver::context_slot(TableMemory& memory, SourceId source) {
  const std::uint32_t bus = source.value() >> 8 & 0xff;
  const auto known = context_tables_.find(bus);
  Hpa table;
  if (known != context_tables_.end()) {
    table = known->second;
  } else {
    table = memory.allocate(4096);
    context_tables_.emplace(bus, table);
    const Pair entry = vtd::encode(RootEntry{true, table});
    memory.write64(root_ + 16 * bus, entry[0]);
  }
  return table + 16 * (source.value() & 0xff);
}

void VtdDriver::attach(TableMemory& memory, SourceId source, DomainId domain, const PageTables* tables) {
  if (domain.value() >> config_.domain_id_bits != 0)
    throw base::UserError("vtd: domain identifier " + std::to_string(domain.value()) + " exceeds domain_id_bits " +
                          std::to_string(config_.domain_id_bits));
  ContextEntry e;
  e.present = true;
  e.domain = static_cast<std::uint16_t>(domain.value());
  if (tables != nullptr) {
    const auto& own = dynamic_cast<const SecondStageTables&>(*tables);
    e.type = config_.device_tlb ? TranslationType::device_tlb : TranslationType::untranslated_only;
    e.table = own.root();
    e.width = static_cast<std::uint8_t>(own.levels() - 2);
  } else {
    if (!config_.pass_through) throw base::UserError("vtd: identity needs pass_through: true");
    e.type = TranslationType::pass_through;
    e.width = static_cast<std::uint8_t>(config_.most_levels() - 2);  // section 9.3: the largest supported
  }
  const Hpa slot = context_slot(memory, source);
  if ((memory.read64(slot) & 1) != 0) memory.write64(slot, 0);
  const Pair words = vtd::encode(e);
  memory.write64(slot + 8, words[1]);
  memory.write64(slot, words[0]);  // the half with the present bit last
}

void VtdDriver::detach(TableMemory& memory, SourceId source) {
  const Hpa slot = context_slot(memory, source);
  memory.write64(slot, 0);
  memory.write64(slot + 8, 0);
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
  const Pair words = vtd::encode(descriptor_for(invalidation));
  CommandBytes out;
  out.words = {words[0], words[1], 0, 0};
  out.bytes = 16;
  return out;
}

RegisterWrite VtdDriver::tail_write(std::uint32_t tail) const {
  return RegisterWrite{reg::kQueueTail, 4, std::uint64_t{tail} << 4};
}

std::uint64_t VtdDriver::head_register() const { return reg::kQueueHead; }

}  // namespace iommusim::iommu::vtd
