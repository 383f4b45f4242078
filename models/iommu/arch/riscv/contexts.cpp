#include "models/iommu/arch/riscv/contexts.h"

#include "models/iommu/arch/riscv/registers.h"

namespace iommusim::iommu::riscv {

namespace {

bool first_stage_supported(unsigned mode, bool sxl, const RiscvConfig& c) {
  if (mode == kBare) return true;
  if (sxl) return mode == kMode8 && c.sv32;
  return (mode == kMode8 && c.sv39) || (mode == kSv48 && c.sv48) || (mode == kSv57 && c.sv57);
}
bool second_stage_supported(unsigned mode, bool gxl, const RiscvConfig& c) {
  if (mode == kBare) return true;
  if (gxl) return mode == kMode8 && c.sv32x4;
  return (mode == kMode8 && c.sv39x4) || (mode == kSv48 && c.sv48x4) || (mode == kSv57 && c.sv57x4);
}
bool directory_supported(unsigned mode, const RiscvConfig& c) {
  return mode == kBare || (mode == kPd8 && c.pd8) || (mode == kPd17 && c.pd17) || (mode == kPd20 && c.pd20);
}

bool reserved_set(const DeviceContext& dc, const RiscvConfig& c) {
  if ((dc[kTc] & (ones(23, 12) | ones(63, 32))) != 0) return true;
  // RCID and MCID exist with the QoS extension only, which this unit does not have.
  if ((dc[kTa] & (ones(11, 0) | ones(63, 32))) != 0) return true;
  if ((dc[kFsc] & ones(59, 44)) != 0) return true;
  if (!c.msi_flat) return false;
  return (dc[kMsiptp] & ones(59, 44)) != 0 || ((dc[kMsiMask] | dc[kMsiPattern]) & ones(63, 52)) != 0 ||
         dc[kDcReserved] != 0;
}

}  // namespace

bool misconfigured(const DeviceContext& dc, const RiscvConfig& c, std::uint32_t fctl) {
  if (reserved_set(dc, c)) return true;
  const auto on = [&dc](unsigned bit) { return get(dc[kTc], bit); };
  const bool ats = on(tc::kEnableAts), pri = on(tc::kEnablePri), directory = on(tc::kProcessTable);
  const Pointer second{dc[kIohgatp]}, first{dc[kFsc]}, msi{dc[kMsiptp]};
  const bool gxl = (fctl & feature::kGuest32) != 0, be = (fctl & feature::kBigEndian) != 0;

  if (!c.ats && (ats || pri || on(tc::kResponsePasid))) return true;
  if (!ats && (on(tc::kT2gpa) || pri)) return true;
  if (!pri && on(tc::kResponsePasid)) return true;
  if (on(tc::kT2gpa) && (!c.t2gpa || second.mode() == kBare)) return true;
  if (directory ? !directory_supported(first.mode(), c) : !first_stage_supported(first.mode(), on(tc::kSxl), c))
    return true;
  if (!directory && on(tc::kDefaultProcess)) return true;
  if (!second_stage_supported(second.mode(), gxl, c)) return true;
  if (c.msi_flat && msi.mode() != kMsiOff && msi.mode() != kMsiFlat) return true;
  if (!c.msi_without_second_stage && second.mode() == kBare && c.msi_flat && msi.mode() != kMsiOff) return true;
  if (second.mode() != kBare && (second.address() & 0x3fff) != 0) return true;
  if (!c.amo_hwad && (on(tc::kFirstAd) || on(tc::kSecondAd))) return true;
  if (!(c.mixed_endian && c.big_endian_writable) && on(tc::kBigEndian) != be) return true;
  return gxl ? !on(tc::kSxl) : on(tc::kSxl) && !c.guest_32_writable;
}

bool misconfigured(std::uint64_t ta, std::uint64_t fsc, bool sxl, const RiscvConfig& c) {
  return (ta & (ones(11, 3) | ones(63, 32))) != 0 || (fsc & ones(59, 44)) != 0 ||
         !first_stage_supported(Pointer{fsc}.mode(), sxl, c);
}

void ContextView::store(Context& out, const DeviceContext& dc, std::uint32_t msi_number) {
  out.words = {dc[kTc],     dc[kIohgatp], dc[kFsc],        get(dc[kTa], 31, 12),
               dc[kMsiptp], dc[kMsiMask], dc[kMsiPattern], Pointer{dc[kFsc]}.mode() | put(msi_number, 27, 4)};
  const Pointer second{dc[kIohgatp]};
  out.domain = DomainId(second.mode() == kBare ? 0 : second.gscid());
  const bool plain =
      second.mode() == kBare && Pointer{dc[kFsc]}.mode() == kBare && Pointer{dc[kMsiptp]}.mode() == kMsiOff;
  out.mode = plain ? ContextMode::pass_through : ContextMode::translate;
  out.address_bits = 64;
}

void ContextView::add_process(Context& out, std::uint64_t ta, std::uint64_t fsc) {
  out.words[2] = fsc;
  out.words[3] = get(ta, 31, 12) | put(true, kHasProcess) | put(get(ta, pc::kSupervisor), kSupervisorBit) |
                 put(get(ta, pc::kSum), kSumBit);
  if (Pointer{fsc}.mode() == kBare && ContextView(out).second_stage().mode() == kBare &&
      ContextView(out).msi().mode() == kMsiOff)
    out.mode = ContextMode::pass_through;
}

}  // namespace iommusim::iommu::riscv
