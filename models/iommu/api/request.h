// What a remapping unit is asked, and what it answers: the request of one TLP, the cached device context, the
// translation.
#pragma once

#include <array>
#include <cstdint>

#include "models/base/types.h"

namespace iommusim::iommu {

using base::DomainId;
using base::Gpa;
using base::Hpa;
using base::Iova;
using base::Pasid;
using base::SourceId;

using base::AddressType;

/// Access rights, as a bit set: what a request needs, what a mapping grants.
struct Rights {
  bool read = false;
  bool write = false;
  bool execute = false;
  friend constexpr bool operator==(Rights a, Rights b) {
    return a.read == b.read && a.write == b.write && a.execute == b.execute;
  }
  /// True if these rights include all of `needed`.
  constexpr bool cover(Rights needed) const {
    return (read || !needed.read) && (write || !needed.write) && (execute || !needed.execute);
  }
};
constexpr Rights kRead{true, false, false};
constexpr Rights kWrite{false, true, false};
constexpr Rights kReadWrite{true, true, false};

/// One request TLP as it reaches the remapping unit.
struct Request {
  SourceId source;
  Pasid pasid;
  bool has_pasid = false;
  bool privileged = false;
  AddressType at = AddressType::untranslated;
  Rights needed;
  std::uint64_t address = 0;  ///< byte address as on the wire
  std::uint32_t bytes = 0;    ///< 0 for a zero-length read; the TLP crosses no 4 KiB boundary
  std::uint32_t data = 0;     ///< the first four bytes of an interrupt request's payload, else 0
  bool cxl = false;           ///< translation requests: from a CXL device of type 1 or 2
  bool debug = false;         ///< asked by software through the unit's debug registers: no transaction follows
};

/// What kind of handling an architecture gives an address (DESIGN section 5).
enum class RequestClass : std::uint8_t { ordinary, interrupt, translated, ats_request, message };

/// What a device (and process) context says to do with ordinary requests.
enum class ContextMode : std::uint8_t { translate, pass_through, blocked };

/// A device context, with what a process context adds to it, as the caches hold it: decoded once from tables in memory.
/// `words` belong to the architecture.
struct Context {
  DomainId domain;
  ContextMode mode = ContextMode::blocked;
  std::uint8_t address_bits = 64;  ///< pass-through: a request at or above 2^address_bits faults
  std::array<std::uint64_t, 8> words{};
};

/// A finished translation of the naturally aligned range [base, base + 2^size_log2): one IOTLB entry's contents.
struct Translation {
  Hpa output;                   ///< where the range starts; aligned to 2^size_log2
  std::uint8_t size_log2 = 12;  ///< any power of two
  Rights rights;
  bool global = false;           ///< matches every address space of its domain
  bool interrupt = false;        ///< leads to an interrupt file: a message-signalled interrupt
  std::uint8_t memory_type = 0;  ///< the architecture's encoding (RISC-V PBMT, VT-d PAT); 0: memory decides
  /// Where an address inside the range goes.
  constexpr std::uint64_t apply(std::uint64_t address) const {
    return output.value() | (address & ((std::uint64_t{1} << size_log2) - 1));
  }
};

/// Why a request was refused, for statistics and the endpoint's status; the number recorded for software is the
/// architecture's.
enum class FaultKind : std::uint8_t {
  none,
  not_present,       ///< no mapping
  permission,        ///< mapping lacks the right asked for
  reserved_bits,     ///< a structure has reserved bits set
  address_width,     ///< address beyond what the context or the unit supports
  context_absent,    ///< no root, device or process context for the source
  context_invalid,   ///< such a context with an unsupported or inconsistent setting
  structure_access,  ///< a table read got an error from memory
  interrupt,         ///< interrupt remapping refused the request
  blocked            ///< refused by policy: blocked domain, request kind not allowed
};

/// A fault: neutral kind, the architecture's reason code, and whether software sees a record.
struct Fault {
  FaultKind kind = FaultKind::none;
  std::uint16_t reason = 0;  ///< the architecture's own number (VT-d fault reason, RISC-V cause, SMMU event)
  bool recorded = true;      ///< false where the context disables fault processing (VT-d FPD, RISC-V DTF)
  std::uint64_t detail = 0;  ///< second address of the record, as the architecture encodes it (RISC-V iotval2)
};

}  // namespace iommusim::iommu
