#include "models/iommu/arch/riscv/command_codec.h"

#include <stdexcept>

#include "models/iommu/arch/riscv/bits.h"
#include "models/iommu/arch/riscv/registers.h"
#include "models/iommu/arch/riscv/spaces.h"

namespace iommusim::iommu::riscv {

namespace {

enum Opcode : unsigned { kInvalidate = 1, kFence = 2, kDirectory = 3, kAts = 4 };
namespace inval {
constexpr unsigned kAddressValid = 10, kProcessValid = 32, kGuestValid = 33, kNonLeaf = 34, kRange = 9;
}
namespace fence {
constexpr unsigned kAddressValid = 10, kWired = 11, kReads = 12, kWrites = 13;
}
constexpr unsigned kDeviceValid = 33;                         // IODIR
constexpr unsigned kProcessIdValid = 32, kSegmentValid = 33;  // ATS
constexpr unsigned kOpcodeBits = 7;
constexpr std::uint8_t kOwnStage = 0, kFirstStage = 1, kSecondStage = 2;

constexpr std::uint8_t stages(std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(1u << a | 1u << b); }
const CacheSet kTranslations = CacheSet().with(CacheKind::iotlb).with(CacheKind::walk);

unsigned function_of(std::uint64_t low) { return static_cast<unsigned>(get(low, 9, 7)); }

/// The range an address operand names: a page, or with S the naturally aligned range its low ones encode.
Match address_of(std::uint64_t high) {
  const std::uint64_t page = get(high, 61, 10);
  unsigned log2 = 12;
  if (get(high, inval::kRange)) log2 += 1u + static_cast<unsigned>(__builtin_ctzll(~page));
  return {page << 12, above(log2)};
}

Command invalidate(std::uint64_t low, std::uint64_t high, const RiscvConfig& config) {
  Command c;
  const unsigned function = function_of(low);
  std::uint64_t reserved_low = bit(11) | ones(43, 35) | ones(63, 60), reserved_high = ones(8, 0) | ones(63, 62);
  if (!config.nonleaf_invalidation) reserved_low |= bit(inval::kNonLeaf);
  if (!config.range_invalidation) reserved_high |= bit(inval::kRange);
  const bool of_process = get(low, inval::kProcessValid), of_guest = get(low, inval::kGuestValid);
  const bool second = function == 1;
  if (function > 1 || (low & reserved_low) != 0 || (high & reserved_high) != 0 || (second && of_process)) return c;

  c.kind = Command::Kind::invalidate;
  const auto gscid = static_cast<std::uint32_t>(get(low, 59, 44)), pscid = static_cast<std::uint32_t>(get(low, 31, 12));
  const bool by_address = get(low, inval::kAddressValid) && (of_guest || !second);
  c.form = by_address               ? Command::Form::iotlb_page
           : of_guest || of_process ? Command::Form::iotlb_domain
                                    : Command::Form::iotlb_global;
  InvalidationScope& s = c.scope;
  s.caches = kTranslations;
  s.leaf_only = by_address && !get(low, inval::kNonLeaf);
  if (by_address) s.address = address_of(high);

  if (!second) {
    s.space = of_guest ? guest_spaces(gscid) : host_spaces();
    if (of_process) s.space = riscv::of_process(s.space, pscid);
    s.stages = stages(kOwnStage, kFirstStage);
    return c;
  }
  if (!of_guest) return c;  // all guests: everything goes
  s.space = guest_spaces(gscid);
  s.stages = stages(kOwnStage, kSecondStage);
  if (!by_address) return c;
  // Entries of the second stage alone are tagged by guest-physical address; those of both stages are not, so all of the
  // guest's go (section 4.1.1, note on IOTINVAL.GVMA). Pages of tables (nested) are leaves wherever they are kept.
  s.space = second_stage_only(s.space);
  c.also.emplace();
  c.also->caches = CacheSet().with(CacheKind::iotlb);
  c.also->space = both_stages(guest_spaces(gscid));
  c.also->stages = 1u << kOwnStage;
  return c;
}

Command fence_command(std::uint64_t low, std::uint64_t high, std::uint32_t fctl) {
  Command c;
  std::uint64_t reserved = ones(31, 14);
  if ((fctl & feature::kWired) == 0) reserved |= bit(fence::kWired);
  if (function_of(low) != 0 || (low & reserved) != 0 || (high & ones(63, 62)) != 0) return c;
  c.kind = Command::Kind::wait;
  c.form = Command::Form::wait;
  c.fence = true;
  c.write_status = get(low, fence::kAddressValid);
  c.status_address = Hpa(high << 2);
  c.status = static_cast<std::uint32_t>(in_order(low >> 32, (fctl & feature::kBigEndian) != 0, 4));
  c.interrupt = get(low, fence::kWired);
  c.order_reads = get(low, fence::kReads);
  c.order_writes = get(low, fence::kWrites);
  return c;
}

Command directory(std::uint64_t low, std::uint64_t high, const RiscvConfig& config) {
  Command c;
  const unsigned function = function_of(low);
  const bool of_device = get(low, kDeviceValid);
  if (function > 1 || (low & (ones(11, 10) | bit(32) | ones(39, 34))) != 0 || high != 0) return c;
  const auto process = static_cast<std::uint32_t>(get(low, 31, 12));
  const auto device = static_cast<std::uint32_t>(get(low, 63, 40));
  const unsigned widest = config.pd20 ? 20 : config.pd17 ? 17 : 8;
  if (function == 0 ? process != 0 : !of_device || (process & above(widest)) != 0) return c;
  c.kind = Command::Kind::invalidate;
  InvalidationScope& s = c.scope;
  if (function == 1) {
    c.form = Command::Form::pasid_cache;
    s.caches = CacheSet().with(CacheKind::process);
    s.source = Match::exactly(process_cache_key(SourceId(device), process));
    return c;
  }
  c.form = Command::Form::context_cache;
  s.caches = CacheSet().with(CacheKind::context).with(CacheKind::process);
  if (of_device) s.source = processes_of(device);
  return c;
}

Command ats(std::uint64_t low, std::uint64_t high, const RiscvConfig& config) {
  Command c;
  const unsigned function = function_of(low);
  if (!config.ats || function > 1 || (low & (ones(11, 10) | ones(39, 34))) != 0) return c;
  DeviceMessage& m = c.message;
  m.has_pasid = get(low, kProcessIdValid);
  m.pasid = Pasid(static_cast<std::uint32_t>(m.has_pasid ? get(low, 31, 12) : 0));
  m.has_segment = get(low, kSegmentValid);
  m.device = SourceId(static_cast<std::uint32_t>(get(low, 55, 40) | (m.has_segment ? get(low, 63, 56) << 16 : 0)));
  m.body = high;
  c.source = m.device;
  if (function == 1) {
    m.kind = DeviceMessage::Kind::page_response;
    c.kind = Command::Kind::page_response;
    c.form = Command::Form::page_response;
    return c;
  }
  // With S (bit 11), the lowest zero at or above bit 12 ends the run of ones that encodes the size (PCIe 6.0 10.3.1).
  m.kind = DeviceMessage::Kind::invalidation_request;
  c.kind = Command::Kind::device_tlb;
  c.form = Command::Form::device_tlb;
  const std::uint64_t page = high >> 12;
  const unsigned log2 = 12 + (get(high, 11) ? 1u + static_cast<unsigned>(__builtin_ctzll(~page)) : 0u);
  c.address = high & above(log2);
  c.bytes = log2 < 64 ? bit(log2) : 0;
  return c;
}

std::uint64_t ats_target(const Invalidation& i) {
  return put(i.source.value(), 55, 40) | bit(kSegmentValid) | put(i.source.value() >> 16, 63, 56) |
         put(i.has_pasid, kProcessIdValid) | put(i.has_pasid ? i.pasid.value() : 0, 31, 12);
}

}  // namespace

Command decode_command(const CommandWords& words, const RiscvConfig& config, std::uint32_t fctl) {
  switch (get(words[0], kOpcodeBits - 1, 0)) {
    case kInvalidate: return invalidate(words[0], words[1], config);
    case kFence: return fence_command(words[0], words[1], fctl);
    case kDirectory: return directory(words[0], words[1], config);
    case kAts: return ats(words[0], words[1], config);
    default: return Command{};
  }
}

CommandWords encode_command(const Invalidation& i, const RiscvConfig& config) {
  using Kind = Invalidation::Kind;
  const TableStage usual = i.has_pasid ? TableStage::first : config.domain_stage;
  const bool second_stage = (i.stage == TableStage::domain ? usual : i.stage) == TableStage::second;
  const auto make = [](unsigned opcode, unsigned function) { return opcode | std::uint64_t{function} << 7; };
  switch (i.kind) {
    case Kind::context_global:
    case Kind::context_domain: return {make(kDirectory, 0), 0};
    case Kind::context_source: return {make(kDirectory, 0) | bit(kDeviceValid) | put(i.source.value(), 63, 40), 0};
    case Kind::iotlb_global: return {make(kInvalidate, second_stage), 0};
    case Kind::iotlb_domain:
    case Kind::iotlb_pages: {
      CommandWords w{make(kInvalidate, second_stage), 0};
      if (second_stage || i.nested) w[0] |= bit(inval::kGuestValid) | put(i.domain.value(), 59, 44);
      if (!second_stage) w[0] |= bit(inval::kProcessValid) | put(i.domain.value(), 31, 12);
      if (i.kind == Kind::iotlb_domain) return w;
      const std::uint64_t page = i.address.value() >> 12;
      const bool range = i.size_log2 > 12;
      // What the extensions cannot express is asked of the whole domain.
      if ((range && !config.range_invalidation) || (!i.leaf_only && !config.nonleaf_invalidation)) return w;
      w[0] |= bit(inval::kAddressValid) | put(!i.leaf_only, inval::kNonLeaf);
      w[1] = put(range ? page | (bit(i.size_log2 - 13u) - 1) : page, 61, 10) | put(range, inval::kRange);
      return w;
    }
    case Kind::process:
      return {make(kDirectory, 1) | bit(kDeviceValid) | put(i.source.value(), 63, 40) | put(i.pasid.value(), 31, 12),
              0};
    case Kind::page_response: return {make(kAts, 1) | ats_target(i), page_response_body(i.source, i.code, i.group)};
    case Kind::device_tlb: {
      const bool range = i.size_log2 > 12;
      const std::uint64_t ones_below = range ? (bit(i.size_log2 - 13u) - 1) << 12 : 0;
      return {make(kAts, 0) | ats_target(i), i.address.value() | ones_below | put(range, 11)};
    }
    case Kind::wait:
      return {make(kFence, 0) | bit(fence::kAddressValid) | bit(fence::kReads) | bit(fence::kWrites) |
                  put(i.status, 63, 32),
              i.status_address.value() >> 2};
    case Kind::interrupt_entries: return {make(kInvalidate, 1), 0};
  }
  throw std::logic_error("RISC-V commands: no such invalidation");
}

}  // namespace iommusim::iommu::riscv
