#include "models/iommu/arch/vtd/register_file.h"

#include <algorithm>

#include "models/iommu/arch/vtd/invalidations.h"

namespace iommusim::iommu::vtd {

namespace {
std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }
void set_low(std::uint64_t& r, std::uint32_t v) { r = (r & ~std::uint64_t{0xffffffff}) | v; }
void set_high(std::uint64_t& r, std::uint32_t v) { r = (r & 0xffffffff) | static_cast<std::uint64_t>(v) << 32; }

/// Two halves of one access: at most one of them does anything.
Effects merge(Effects a, Effects b) {
  a.queue_kicked = a.queue_kicked || b.queue_kicked;
  if (b.flush) a.flush = b.flush;
  if (b.interrupt) a.interrupt = b.interrupt;
  return a;
}

const CacheSet kAllOfTables =
    CacheSet().with(CacheKind::context).with(CacheKind::process).with(CacheKind::iotlb).with(CacheKind::walk);

bool is_page_register(std::uint64_t offset) { return offset >= reg::kPageHead && offset < reg::kPageEvent + 16; }
}  // namespace

RegisterFile::RegisterFile(const VtdConfig& config) : faults(config.fault_records), config_(config) {}

std::uint64_t RegisterFile::bytes() const {
  constexpr std::uint64_t page = 4096;  // register sets are 4 KiB aligned (section 11.1)
  return (reg::kFaultRecords + 16u * config_.fault_records + page - 1) / page * page;
}

std::uint64_t RegisterFile::read(std::uint64_t offset, unsigned size) const {
  if ((size != 4 && size != 8) || offset % size != 0 || offset + size > bytes()) return 0;
  const std::uint64_t value = read32(offset);
  return size == 4 ? value : value | static_cast<std::uint64_t>(read32(offset + 4)) << 32;
}

Effects RegisterFile::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  if ((size != 4 && size != 8) || offset % size != 0 || offset + size > bytes()) return {};
  const Effects first = write32(offset, low(value));
  return size == 4 ? first : merge(first, write32(offset + 4, high(value)));
}

std::uint32_t RegisterFile::read32(std::uint64_t offset) const {
  if (offset >= reg::kFaultRecords) {
    const std::uint64_t n = (offset - reg::kFaultRecords) / 4;
    return n < 4u * config_.fault_records ? faults.read_record(n) : 0;
  }
  switch (offset) {
    case reg::kVersion: return config_.is_scalable() ? kScalableVersionValue : kVersionValue;
    case reg::kCap: return low(config_.cap());
    case reg::kCap + 4: return high(config_.cap());
    case reg::kEcap: return low(config_.ecap());
    case reg::kEcap + 4: return high(config_.ecap());
    case reg::kGlobalStatus: return status_;
    case reg::kRootTable: return low(root_);
    case reg::kRootTable + 4: return high(root_);
    case reg::kContextCommand: return low(context_command_);
    case reg::kContextCommand + 4: return high(context_command_);
    case reg::kFaultStatus: return faults.status();
    case reg::kFaultEvent:
    case reg::kFaultEvent + 4:
    case reg::kFaultEvent + 8:
    case reg::kFaultEvent + 12: return faults.event.read(static_cast<unsigned>(offset - reg::kFaultEvent) / 4);
    case reg::kQueueHead: return head_ << descriptor_shift(queue_address_);
    case reg::kQueueTail: return tail_ << descriptor_shift(queue_address_);
    case reg::kQueueAddress: return low(queue_address_);
    case reg::kQueueAddress + 4: return high(queue_address_);
    case reg::kCompletionStatus: return completion_status_;
    case reg::kCompletionEvent:
    case reg::kCompletionEvent + 4:
    case reg::kCompletionEvent + 8:
    case reg::kCompletionEvent + 12:
      return completion_event_.read(static_cast<unsigned>(offset - reg::kCompletionEvent) / 4);
    case reg::kQueueError: return low(faults.queue_error_info());
    case reg::kQueueError + 4: return high(faults.queue_error_info());
    case reg::kInterruptTable: return low(interrupt_table_);
    case reg::kInterruptTable + 4: return high(interrupt_table_);
    case reg::kInvalidateAddress: return low(invalidate_address_);
    case reg::kInvalidateAddress + 4: return high(invalidate_address_);
    case reg::kIotlbInvalidate: return low(iotlb_command_);
    case reg::kIotlbInvalidate + 4: return high(iotlb_command_);
    default: return is_page_register(offset) && config_.scalable.page_requests ? pages.read(offset) : 0;
  }
}

Effects RegisterFile::write32(std::uint64_t offset, std::uint32_t value) {
  Effects effects;
  if (offset >= reg::kFaultRecords) {
    const std::uint64_t n = (offset - reg::kFaultRecords) / 4;
    if (n < 4u * config_.fault_records) faults.write_record(n, value);
    return effects;
  }
  switch (offset) {
    case reg::kGlobalCommand: return global_command(value);
    case reg::kRootTable: set_low(root_, value & (config_.is_scalable() ? ~0x3ffu : ~0xfffu)); break;
    case reg::kRootTable + 4: set_high(root_, value); break;
    case reg::kContextCommand: set_low(context_command_, value); break;
    case reg::kContextCommand + 4:
      set_high(context_command_, value);
      if (get(context_command_, 63)) effects.flush = context_command();
      context_command_ &= ~bit(63);
      context_command_ =
          (context_command_ & ~ones(60, 59)) | put(get(context_command_, 62, 61), 60, 59);  // performed as asked
      break;
    case reg::kFaultStatus: effects.queue_kicked = faults.clear_status(value); break;
    case reg::kFaultEvent:
    case reg::kFaultEvent + 4:
    case reg::kFaultEvent + 8:
    case reg::kFaultEvent + 12:
      effects.interrupt = faults.event.write(static_cast<unsigned>(offset - reg::kFaultEvent) / 4, value);
      break;
    case reg::kQueueTail: return set_tail(value);
    case reg::kQueueAddress: set_low(queue_address_, value & (config_.is_scalable() ? ~0x7f8u : ~0xff8u)); break;
    case reg::kQueueAddress + 4: set_high(queue_address_, value); break;
    case reg::kCompletionStatus:
      completion_status_ &= ~(value & 1u);
      if (completion_status_ == 0) completion_event_.serviced();
      break;
    case reg::kCompletionEvent:
    case reg::kCompletionEvent + 4:
    case reg::kCompletionEvent + 8:
    case reg::kCompletionEvent + 12:
      effects.interrupt = completion_event_.write(static_cast<unsigned>(offset - reg::kCompletionEvent) / 4, value);
      break;
    case reg::kInterruptTable:
      set_low(interrupt_table_, value & (config_.extended_interrupt_mode ? ~0x7f0u : ~0xff0u));
      break;
    case reg::kInterruptTable + 4: set_high(interrupt_table_, value); break;
    case reg::kInvalidateAddress: set_low(invalidate_address_, value); break;
    case reg::kInvalidateAddress + 4: set_high(invalidate_address_, value); break;
    case reg::kIotlbInvalidate: set_low(iotlb_command_, value); break;
    case reg::kIotlbInvalidate + 4:
      set_high(iotlb_command_, value);
      if (get(iotlb_command_, 63)) effects.flush = iotlb_command();
      iotlb_command_ &= ~bit(63);
      iotlb_command_ = (iotlb_command_ & ~ones(58, 57)) | put(get(iotlb_command_, 61, 60), 58, 57);
      break;
    default:
      if (is_page_register(offset) && config_.scalable.page_requests) return pages.write(offset, value);
      break;
  }
  return effects;
}

// Section 11.4.4: one-shot bits act when set; the others are switches and must be written with their present value.
Effects RegisterFile::global_command(std::uint32_t value) {
  Effects effects;
  if (!config_.interrupt_remapping)
    value &= ~(global::kInterruptRemapping | global::kSetInterruptTable | global::kCompatibilityInterrupts);
  InvalidationScope implied;
  if ((value & global::kSetRootTable) != 0) {
    root_in_use_ = root_;
    status_ |= global::kSetRootTable;
    implied.caches = kAllOfTables;
  }
  if ((value & global::kSetInterruptTable) != 0) {
    interrupt_table_in_use_ = interrupt_table_;
    status_ |= global::kSetInterruptTable;
    implied.caches = implied.caches.with(CacheKind::interrupt_entry);
  }
  if (config_.implied_invalidation && !implied.caches.empty()) effects.flush = implied;
  const bool queue_was_on = (status_ & global::kQueuedInvalidation) != 0;
  status_ = (status_ & ~global::kSwitches) | (value & global::kSwitches);
  const bool queue_is_on = (status_ & global::kQueuedInvalidation) != 0;
  if (!queue_is_on) head_ = 0;  // section 6.5.2: disabling the queue resets its head
  effects.queue_kicked = queue_is_on && !queue_was_on;
  return effects;
}

Effects RegisterFile::set_tail(std::uint32_t value) {
  tail_ = (value & 0x7ffff) >> descriptor_shift(queue_address_);
  if ((status_ & global::kQueuedInvalidation) == 0) return {};
  if (wide_descriptors(queue_address_) && get(value, 4)) return faults.queue_error(QueueError::tail_alignment);
  if (tail_ >= queue_entries_of(queue_address_)) return faults.queue_error(QueueError::tail);
  Effects effects;
  effects.queue_kicked = true;
  return effects;
}

InvalidationScope RegisterFile::context_command() const {
  Descriptor d;
  d.type = Descriptor::Type::context;
  d.granularity = static_cast<Granularity>(get(context_command_, 62, 61));
  d.domain = static_cast<std::uint16_t>(get(context_command_, 15, 0));
  d.source = static_cast<std::uint16_t>(get(context_command_, 31, 16));
  d.function_mask = static_cast<std::uint8_t>(get(context_command_, 33, 32));
  return scope_for(d, config_, scalable()).first;
}

InvalidationScope RegisterFile::iotlb_command() const {
  Descriptor d;
  d.type = Descriptor::Type::iotlb;
  d.granularity = static_cast<Granularity>(get(iotlb_command_, 61, 60));
  d.domain = static_cast<std::uint16_t>(get(iotlb_command_, 47, 32));
  d.address = invalidate_address_ & ones(63, 12);
  d.address_mask = static_cast<std::uint8_t>(get(invalidate_address_, 5, 0));
  d.leaf_only = get(invalidate_address_, 6);
  return scope_for(d, config_, scalable()).first;
}

std::optional<CommandFetch> RegisterFile::queue_head() const {
  const bool runs = (status_ & global::kQueuedInvalidation) != 0 && !faults.queue_stopped();
  if (!runs || head_ == tail_) return std::nullopt;
  const std::uint32_t entries = queue_entries_of(queue_address_);
  const std::uint32_t pending = (tail_ + entries - head_) % entries;
  const unsigned shift = descriptor_shift(queue_address_);
  return CommandFetch{Hpa((queue_address_ & ones(63, 12)) + (std::uint64_t{head_} << shift)),
                      static_cast<std::uint8_t>(1u << shift), pending, std::min(pending, entries - head_ % entries)};
}

void RegisterFile::advance_queue() { head_ = (head_ + 1) % queue_entries_of(queue_address_); }

void RegisterFile::stop_queue(QueueError why) { queue_event_ = faults.queue_error(why); }

Effects RegisterFile::take_queue_event() {
  const Effects e = queue_event_;
  queue_event_ = Effects{};
  return e;
}

Effects RegisterFile::completion_event() {
  Effects effects;
  if (completion_status_ == 0) {  // a set IWC means that software already has an event to service (section 6.5.2.9)
    completion_status_ = 1;
    effects.interrupt = completion_event_.raise();
  }
  return effects;
}

}  // namespace iommusim::iommu::vtd
