#include "models/iommu/arch/riscv/register_file.h"

#include <algorithm>

namespace iommusim::iommu::riscv {

namespace {
constexpr unsigned kCommandBytes = 16, kFaultBytes = 32, kPageBytes = 16;
namespace debug {
constexpr unsigned kGo = 0, kPrivileged = 1, kExecute = 2, kNoWrite = 3, kProcessValid = 32;
}
}  // namespace

RegisterFile::RegisterFile(const RiscvConfig& config)
    : config_(config), fctl_(config.fctl()), interrupts_(config.vector_bits), performance_(config.event_counters) {
  commands_.status_bits = csr::kMemoryFault | csr::kTimeout | csr::kIllegal | csr::kFenceInterrupt;
}

// ---- access

bool RegisterFile::wide(std::uint64_t offset) const {
  const std::uint64_t o = offset & ~std::uint64_t{7};
  return o == reg::kCapabilities || o == reg::kDdtp || o == reg::kCqb || o == reg::kFqb || o == reg::kPqb ||
         (o >= reg::kCycles && o <= reg::kDebugResponse) || o == reg::kIcvec ||
         (o >= reg::kMsiTable && o < reg::kMsiTableEnd && (o & 8) == 0);
}

bool RegisterFile::exists(std::uint64_t offset) const {
  if (offset >= reg::kPqb && offset <= reg::kPqt) return config_.ats;
  if (offset == reg::kPqcsr) return config_.ats;
  if (offset >= reg::kCountOverflow && offset < reg::kDebugIova) return config_.event_counters != 0;
  if (offset >= reg::kDebugIova && offset < reg::kDebugResponse + 8) return config_.debug;
  if (offset >= reg::kMsiTable && offset < reg::kMsiTableEnd) return config_.interrupts != InterruptGeneration::wired;
  return offset < reg::kMsiTableEnd;
}

std::uint64_t RegisterFile::read(std::uint64_t offset, unsigned size) const {
  if (size == 8) {
    if (wide(offset)) return exists(offset) ? read64(offset) : 0;
    return read(offset + 4, 4) << 32 | read(offset, 4);
  }
  if (!exists(offset)) return 0;
  if (wide(offset)) return read64(offset & ~std::uint64_t{7}) >> ((offset & 4) != 0 ? 32 : 0) & 0xffffffff;
  return read32(offset);
}

Effects RegisterFile::write(std::uint64_t offset, unsigned size, std::uint64_t value) {
  Effects effects;
  if (size == 8 && !wide(offset)) {
    effects = write(offset + 4, 4, value >> 32);
    write32(offset, static_cast<std::uint32_t>(value), effects);
  } else if (exists(offset)) {
    if (size == 8) {
      write64(offset, value, effects);
    } else if (wide(offset)) {
      const std::uint64_t base = offset & ~std::uint64_t{7};
      const unsigned shift = (offset & 4) != 0 ? 32 : 0;
      const std::uint64_t half = std::uint64_t{0xffffffff} << shift;
      write64(base, (read64(base) & ~half) | (value << shift & half), effects);
    } else {
      write32(offset, static_cast<std::uint32_t>(value), effects);
    }
  }
  return collect(effects);
}

std::uint64_t RegisterFile::read64(std::uint64_t offset) const {
  switch (offset) {
    case reg::kCapabilities: return config_.capabilities();
    case reg::kDdtp: return ddtp_;
    case reg::kCqb: return commands_.base;
    case reg::kFqb: return faults_.base;
    case reg::kPqb: return pages_.base;
    case reg::kDebugIova: return debug_iova_;
    case reg::kDebugControl: return debug_control_;
    case reg::kDebugResponse: return debug_response_;
    case reg::kIcvec: return interrupts_.vectors();
    default: break;
  }
  if (offset >= reg::kMsiTable) return interrupts_.read_table64(offset - reg::kMsiTable);
  return performance_.read64(offset);
}

std::uint32_t RegisterFile::read32(std::uint64_t offset) const {
  switch (offset) {
    case reg::kFctl: return fctl_;
    case reg::kCqh: return commands_.head;
    case reg::kCqt: return commands_.tail;
    case reg::kFqh: return faults_.head;
    case reg::kFqt: return faults_.tail;
    case reg::kPqh: return pages_.head;
    case reg::kPqt: return pages_.tail;
    case reg::kCqcsr: return commands_.read_control();
    case reg::kFqcsr: return faults_.read_control();
    case reg::kPqcsr: return pages_.read_control();
    case reg::kIpsr: return interrupts_.pending();
    case reg::kCountOverflow: return performance_.overflow_status();
    case reg::kCountInhibit: return performance_.inhibit();
    default: break;
  }
  return offset >= reg::kMsiTable ? interrupts_.read_table32(offset - reg::kMsiTable) : 0;
}

void RegisterFile::write64(std::uint64_t offset, std::uint64_t value, Effects& effects) {
  switch (offset) {
    case reg::kDdtp: write_ddtp(value); return;
    case reg::kCqb:
      commands_.write_base(value);
      commands_.tail &= commands_.mask();
      return;
    case reg::kFqb:
      faults_.write_base(value);
      faults_.head &= faults_.mask();
      return;
    case reg::kPqb:
      pages_.write_base(value);
      pages_.head &= pages_.mask();
      return;
    case reg::kDebugIova: debug_iova_ = value & ones(63, 12); return;
    case reg::kDebugControl:
      if (get(debug_control_, debug::kGo)) return;
      debug_control_ = value & (ones(63, 40) | ones(32, 12) | ones(3, 0));
      effects.debug_translation = get(value, debug::kGo);
      return;
    case reg::kIcvec: interrupts_.write_vectors(value); return;
    case reg::kCapabilities:
    case reg::kDebugResponse: return;
    default: break;
  }
  if (offset >= reg::kMsiTable) {
    interrupts_.write_table64(offset - reg::kMsiTable, value);
  } else {
    performance_.write64(offset, value);
  }
}

void RegisterFile::write32(std::uint64_t offset, std::uint32_t value, Effects& effects) {
  switch (offset) {
    case reg::kFctl: write_fctl(value); return;
    case reg::kCqt:
      commands_.tail = value & commands_.mask();
      effects.queue_kicked = true;
      return;
    case reg::kFqh: faults_.head = value & faults_.mask(); return;
    case reg::kPqh: pages_.head = value & pages_.mask(); return;
    case reg::kCqcsr:
      if (commands_.write_control(value)) {
        commands_.head = 0;
        ++command_runs_;
      }
      if (!wired()) commands_.status &= ~csr::kFenceInterrupt;
      effects.queue_kicked = true;
      return;
    case reg::kFqcsr:
      if (faults_.write_control(value)) faults_.tail = 0;
      return;
    case reg::kPqcsr:
      if (pages_.write_control(value)) pages_.tail = 0;
      return;
    case reg::kIpsr: interrupts_.clear(value); return;
    case reg::kCountInhibit: performance_.write_inhibit(value); return;
    default: break;
  }
  if (offset >= reg::kMsiTable && exists(offset)) interrupts_.write_table32(offset - reg::kMsiTable, value);
}

void RegisterFile::write_fctl(std::uint32_t value) {
  std::uint32_t writable = 0;
  if (config_.big_endian_writable) writable |= feature::kBigEndian;
  if (config_.interrupts == InterruptGeneration::both) writable |= feature::kWired;
  if (config_.guest_32_writable) writable |= feature::kGuest32;
  fctl_ = (fctl_ & ~writable) | (value & writable);
}

// An encoding that does not exist leaves the mode as it was (WARL).
void RegisterFile::write_ddtp(std::uint64_t value) {
  const std::uint64_t mode = get(value, 3, 0);
  const bool legal = mode <= static_cast<std::uint64_t>(DirectoryMode::three_levels);
  ddtp_ = (value & ones(53, 10)) | (legal ? mode : get(ddtp_, 3, 0));
}

// ---- command queue

std::optional<CommandFetch> RegisterFile::next_command() const {
  if (!commands_.on() || commands_.stopped() || commands_.empty()) return std::nullopt;
  const std::uint32_t pending = (commands_.tail - commands_.head) & commands_.mask();
  return CommandFetch{commands_.slot(commands_.head, kCommandBytes), kCommandBytes, pending,
                      std::min(pending, commands_.mask() + 1 - commands_.head)};
}
void RegisterFile::advance_command() { commands_.head = (commands_.head + 1) & commands_.mask(); }
Effects RegisterFile::command_status(std::uint32_t bits) {
  commands_.status |= bits;
  return collect();
}

// ---- queues the unit writes

std::optional<QueueRecord> RegisterFile::reserve(RecordQueue which) {
  QueueRegisters& q = which == RecordQueue::fault ? faults_ : pages_;
  if (!q.on() || (q.status & (csr::kMemoryFault | csr::kOverflow)) != 0) return std::nullopt;
  if (q.full()) {
    q.status |= csr::kOverflow;
    return std::nullopt;
  }
  QueueRecord r;
  r.queue = which;
  r.bytes = static_cast<std::uint8_t>(which == RecordQueue::fault ? kFaultBytes : kPageBytes);
  r.address = q.slot(q.tail, r.bytes);
  return r;
}

Effects RegisterFile::record_written(RecordQueue which, bool ok) {
  QueueRegisters& q = which == RecordQueue::fault ? faults_ : pages_;
  if (!q.on()) return {};  // turned off meanwhile
  if (ok) {
    q.tail = (q.tail + 1) & q.mask();
    if ((q.control & csr::kInterruptEnable) != 0)
      interrupts_.raise(which == RecordQueue::fault ? Cause::fault : Cause::page_request, wired());
  } else {
    q.status |= csr::kMemoryFault;
  }
  return collect();
}

// ---- debug translation

Request RegisterFile::debug_request() const {
  Request r;
  r.source = SourceId(static_cast<std::uint32_t>(get(debug_control_, 63, 40)));
  r.has_pasid = get(debug_control_, debug::kProcessValid);
  r.pasid = Pasid(static_cast<std::uint32_t>(r.has_pasid ? get(debug_control_, 31, 12) : 0));
  r.privileged = get(debug_control_, debug::kPrivileged);
  if (get(debug_control_, debug::kExecute)) {
    r.needed = Rights{false, false, true};
  } else {
    r.needed = get(debug_control_, debug::kNoWrite) ? kRead : kWrite;
  }
  r.address = debug_iova_;
  r.bytes = 1;
  r.debug = true;
  return r;
}

// A range larger than a page is written into the low bits of the PPN: ones up to a zero (section 6.27).
Effects RegisterFile::debug_response(const Translation* t) {
  debug_control_ &= ~bit(debug::kGo);
  if (t == nullptr) {
    debug_response_ = 1;
    return {};
  }
  const std::uint64_t page = t->apply(debug_iova_) >> 12;
  const unsigned order = t->size_log2 - 12u;
  const std::uint64_t ppn = order == 0 ? page : (page & above(order)) | ones(order - 1, 0) >> 1;
  debug_response_ = put(t->memory_type, 8, 7) | put(order != 0, 9) | put(ppn, 53, 10);
  return {};
}

// ---- interrupts

Effects RegisterFile::count(PerformanceEvent event, const Request& request, const Context* context) {
  if (config_.event_counters != 0 && performance_.count(event, request, context))
    interrupts_.raise(Cause::performance, wired());
  return collect();
}

void RegisterFile::raise_conditions() {
  const auto check = [this](const QueueRegisters& q, Cause cause) {
    if ((q.control & csr::kInterruptEnable) != 0 && (q.status & q.status_bits) != 0) interrupts_.raise(cause, wired());
  };
  check(commands_, Cause::command);
  check(faults_, Cause::fault);
  check(pages_, Cause::page_request);
}

Effects RegisterFile::collect(Effects effects) {
  raise_conditions();
  if (!effects.interrupt) effects.interrupt = interrupts_.take_message();
  effects.more = interrupts_.message_waits();
  return effects;
}

}  // namespace iommusim::iommu::riscv
