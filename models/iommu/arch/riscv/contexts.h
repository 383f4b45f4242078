// Device and process contexts: bit layouts and configuration checks (RISC-V IOMMU specification 1.0, sections 3.1
// and 3.2), and what the unit keeps of them in iommu::Context.
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/request.h"
#include "models/iommu/arch/riscv/bits.h"
#include "models/iommu/arch/riscv/config.h"

namespace iommusim::iommu::riscv {

/// Translation control: bits of DC.tc.
namespace tc {
constexpr unsigned kValid = 0, kEnableAts = 1, kEnablePri = 2, kT2gpa = 3, kNoFaults = 4, kProcessTable = 5;
constexpr unsigned kResponsePasid = 6, kSecondAd = 7, kFirstAd = 8, kDefaultProcess = 9, kBigEndian = 10, kSxl = 11;
}  // namespace tc
/// Bits of PC.ta.
namespace pc {
constexpr unsigned kValid = 0, kSupervisor = 1, kSum = 2;
}

constexpr std::uint64_t page_address(std::uint64_t ppn_field_in_10) { return get(ppn_field_in_10, 53, 10) << 12; }

/// A pointer with a mode: iohgatp, iosatp, pdtp, msiptp. MODE 63:60, GSCID 59:44 (iohgatp only), PPN 43:0.
struct Pointer {
  std::uint64_t word = 0;
  unsigned mode() const { return static_cast<unsigned>(get(word, 63, 60)); }
  std::uint64_t address() const { return get(word, 43, 0) << 12; }
  std::uint32_t gscid() const { return static_cast<std::uint32_t>(get(word, 59, 44)); }
};
constexpr std::uint64_t make_pointer(unsigned mode, std::uint64_t address, std::uint32_t gscid = 0) {
  return put(mode, 63, 60) | put(gscid, 59, 44) | put(address >> 12, 43, 0);
}

/// Modes of iosatp and iohgatp (8: Sv32 or Sv39, by SXL or GXL), of pdtp, and of msiptp.
enum : unsigned { kBare = 0, kMode8 = 8, kSv48 = 9, kSv57 = 10 };
enum : unsigned { kPd8 = 1, kPd17 = 2, kPd20 = 3 };
enum : unsigned { kMsiOff = 0, kMsiFlat = 1 };

/// A non-leaf directory entry, of devices or processes: V 0, PPN 53:10.
constexpr bool directory_reserved(std::uint64_t entry) { return (entry & (ones(9, 1) | ones(63, 54))) != 0; }

/// A device context as read: the doublewords tc, iohgatp, ta, fsc, msiptp, msi_addr_mask, msi_addr_pattern, reserved.
using DeviceContext = std::array<std::uint64_t, 8>;
enum DcWord : unsigned { kTc, kIohgatp, kTa, kFsc, kMsiptp, kMsiMask, kMsiPattern, kDcReserved };

/// True if the checks of section 3.1.4 fail. `fctl`: current value of the register.
bool misconfigured(const DeviceContext& dc, const RiscvConfig& config, std::uint32_t fctl);
/// The same for a process context (ta, fsc), section 3.2.4.
bool misconfigured(std::uint64_t ta, std::uint64_t fsc, bool sxl, const RiscvConfig& config);
/// Widest process_id of a pdtp mode, in bits.
constexpr unsigned process_bits(unsigned pdtp_mode) {
  return pdtp_mode == kPd8 ? 8 : pdtp_mode == kPd17 ? 17 : pdtp_mode == kPd20 ? 20 : 0;
}

/// The view of an iommu::Context: words tc, iohgatp, first-stage pointer, PSCID and flags, msiptp, mask, pattern, mode
/// of DC.fsc with the number of the MSI settings.
class ContextView {
 public:
  explicit ContextView(const Context& c) : c_(c) {}
  /// `msi_number`: of its MSI settings, 0 if it has none.
  static void store(Context& out, const DeviceContext& dc, std::uint32_t msi_number);
  /// Adds a process context; the first-stage pointer is its own from then on.
  static void add_process(Context& out, std::uint64_t ta, std::uint64_t fsc);

  bool control(unsigned tc_bit) const { return get(c_.words[0], tc_bit); }
  Pointer second_stage() const { return {c_.words[1]}; }
  /// DC.fsc: process directory or first stage; after add_process() the process's first stage.
  Pointer first_pointer() const { return {c_.words[2]}; }
  bool has_process() const { return get(c_.words[3], kHasProcess); }
  bool supervisor() const { return get(c_.words[3], kSupervisorBit); }
  bool sum() const { return get(c_.words[3], kSumBit); }
  /// Mode of DC.fsc, whatever process was added.
  unsigned directory_mode() const { return static_cast<unsigned>(get(c_.words[7], 3, 0)); }
  std::uint32_t msi_number() const { return static_cast<std::uint32_t>(get(c_.words[7], 27, 4)); }
  std::uint32_t pscid() const { return static_cast<std::uint32_t>(get(c_.words[3], 19, 0)); }
  Pointer msi() const { return {c_.words[4]}; }
  std::uint64_t msi_mask() const { return c_.words[5]; }
  std::uint64_t msi_pattern() const { return c_.words[6]; }

  /// iosatp of an untranslated or translation request: Bare where no process applies.
  Pointer first_stage() const { return control(tc::kProcessTable) && !has_process() ? Pointer{} : first_pointer(); }
  /// True if `gpa` lies in a virtual interrupt file (section 3.1.3.6).
  bool interrupt_file(std::uint64_t gpa) const {
    return msi().mode() != kMsiOff && ((gpa >> 12 ^ msi_pattern()) & ~msi_mask()) == 0;
  }

 private:
  enum : unsigned { kHasProcess = 20, kSupervisorBit = 21, kSumBit = 22 };
  const Context& c_;
};

}  // namespace iommusim::iommu::riscv
