// Bit layouts of the structures that scalable mode adds: root and context entries, PASID directory and table entries,
// first-stage paging entries. Section numbers: Intel VT-d specification, rev. 4.0. Builder and walker share these and
// nothing else. decode(encode(x)) == x.
#pragma once

#include <array>
#include <cstdint>

#include "models/base/types.h"
#include "models/iommu/arch/vtd/bits.h"
#include "models/iommu/arch/vtd/config.h"

namespace iommusim::iommu::vtd {

/// One half of a scalable-mode root entry (section 9.2): P 0, context-table pointer 63:12. The low word is for devices
/// 0 to 15 of the bus, the high word for 16 to 31.
struct RootHalf {
  bool present = false;
  Hpa context_table;  ///< 4 KiB aligned
};
std::uint64_t encode(const RootHalf& e);
RootHalf decode_root_half(std::uint64_t w);
bool reserved_set_root_half(std::uint64_t w, unsigned host_address_bits);
/// Which half, and which of its 128 context entries, a source's are.
constexpr unsigned root_half_of(std::uint32_t source) { return source >> 7 & 1; }
constexpr std::uint64_t context_index_of(std::uint32_t source) { return source & 0x7f; }

/// Scalable-mode context entry, 32 bytes (section 9.4).
/// Low: P 0, FPD 1, DTE 2, PASIDE 3, PRE 4, PDTS 11:9, PASID directory pointer 63:12. Second word: RID_PASID 19:0,
/// RID_PRIV 20. The rest is reserved.
struct ScalableContext {
  static constexpr unsigned kBytes = 32;
  bool present = false;
  bool fault_disable = false;
  bool device_tlb = false;          ///< DTE
  bool pasid_enable = false;        ///< PASIDE
  bool page_requests = false;       ///< PRE
  std::uint8_t directory_size = 0;  ///< PDTS: 2^(PDTS + 7) directory entries
  Hpa directory;
  std::uint32_t rid_pasid = 0;
  bool rid_privileged = false;
  /// PASIDs below 2^this have a directory entry.
  unsigned pasid_bits() const { return directory_size + 13u; }
};
using ContextWords = std::array<std::uint64_t, 4>;
ContextWords encode(const ScalableContext& e);
/// The first two words decide.
ScalableContext decode_scalable_context(std::uint64_t low, std::uint64_t high);
bool reserved_set_scalable_context(const ContextWords& w, const VtdConfig& config);

/// PASID directory entry (section 9.5): P 0, FPD 1, PASID table pointer 63:12. PASID 19:6 selects it.
struct PasidDirectoryEntry {
  bool present = false;
  bool fault_disable = false;
  Hpa table;
};
std::uint64_t encode(const PasidDirectoryEntry& e);
PasidDirectoryEntry decode_directory(std::uint64_t w);
bool reserved_set_directory(std::uint64_t w, unsigned host_address_bits);
constexpr std::uint64_t directory_index_of(std::uint32_t pasid) { return pasid >> 6; }
constexpr std::uint64_t pasid_index_of(std::uint32_t pasid) { return pasid & 0x3f; }

/// PASID granular translation type (section 9.6, PGTT).
enum class Granular : std::uint8_t { none = 0, first = 1, second = 2, nested = 3, pass_through = 4 };

/// PASID table entry, 64 bytes (section 9.6). Word 0: P 0, FPD 1, AW 4:2, PGTT 8:6, SSADE 9, second-stage pointer
/// 63:12. Word 1: DID 15:0, PWSNP 23, PGSNP 24. Word 2: SRE 0, ERE 1, FSPM 3:2, WPE 4, NXE 5, SMEP 6, EAFE 7,
/// first-stage pointer 63:12. The rest is reserved, memory types (ECAP.MTS) included.
struct PasidEntry {
  static constexpr unsigned kBytes = 64;
  bool present = false;
  bool fault_disable = false;
  std::uint8_t width = 2;  ///< AW, as in ContextEntry
  Granular type = Granular::none;
  bool second_dirty = false;  ///< SSADE
  Hpa second;
  std::uint16_t domain = 0;
  bool walk_snoop = false;         ///< PWSNP
  bool page_snoop = false;         ///< PGSNP
  bool supervisor = false;         ///< SRE
  bool execute = false;            ///< ERE
  std::uint8_t paging_mode = 0;    ///< FSPM: 0 for 4 levels, 1 for 5
  bool write_protect = false;      ///< WPE
  bool no_execute = false;         ///< NXE
  bool no_user_execute = false;    ///< SMEP
  bool extended_accessed = false;  ///< EAFE
  std::uint64_t first = 0;         ///< guest-physical where nested
  bool uses_first() const { return type == Granular::first || type == Granular::nested; }
  bool uses_second() const { return type == Granular::second || type == Granular::nested; }
  unsigned first_levels() const { return paging_mode + 4u; }
};
using PasidWords = std::array<std::uint64_t, 8>;
PasidWords encode(const PasidEntry& e);
/// Its first three words decide.
PasidEntry decode_pasid(std::uint64_t w0, std::uint64_t w1, std::uint64_t w2);
bool reserved_set_pasid(const PasidWords& w, const VtdConfig& config);
/// True if a present entry asks for what the unit does not have.
bool unsupported(const PasidEntry& e, const VtdConfig& config);

/// First-stage paging entry (section 9.7): P 0, R/W 1, U/S 2, A 5, D 6, PS 7, G 8, EA 10, address 51:12, XD 63. PWT,
/// PCD and PAT are ignored by this model.
struct FirstEntry {
  bool present = false;
  bool write = false;
  bool user = false;
  bool accessed = false;
  bool dirty = false;
  bool page_size = false;  ///< at levels 2 and 3: maps a page instead of pointing to a table
  bool global = false;
  bool extended_accessed = false;
  bool execute_disable = false;
  std::uint64_t address = 0;  ///< guest-physical where nested
};
namespace first_bits {
constexpr unsigned kAccessed = 5, kDirty = 6, kExtendedAccessed = 10;
}
std::uint64_t encode(const FirstEntry& e);
FirstEntry decode_first(std::uint64_t w);
/// `no_execute`: NXE of the PASID entry, without which XD is reserved.
bool reserved_set_first(std::uint64_t w, unsigned level, bool no_execute, const VtdConfig& config);

}  // namespace iommusim::iommu::vtd
