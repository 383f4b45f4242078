// The page-request queue of a VT-d unit (Intel VT-d specification rev. 4.0, sections 7.5 to 7.7 and 11.4.11): a ring of
// 32-byte descriptors in memory, its registers, and its event message. Overflow stops it until software clears PRO.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/vtd/event_message.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

/// Page request descriptor, 32 bytes (section 7.5.1.1). Word 0: type 7:0 (1), PASID present 8, RID 31:16, PASID 51:32,
/// execute 52, privileged 53. Word 1: read 0, write 1, last 2, group 11:3, address 63:12. The rest, private data, is 0.
using PageRequestWords = std::array<std::uint64_t, 4>;
PageRequestWords encode(const PageRequest& p);
PageRequest decode_page_request(const PageRequestWords& w);

class PageRequestQueue {
 public:
  static constexpr unsigned kBytes = 32;

  /// Where the next descriptor goes; nothing, and PRO set, if there is no room. `effects` gets the event then.
  std::optional<Hpa> reserve(Effects& effects);
  /// That descriptor is in memory (or could not be written, which counts as overflow).
  Effects written(bool ok);
  bool overflown() const { return (status_ & page_status::kOverflow) != 0; }

  /// 32-bit word of the registers at reg::kPageHead, by offset.
  std::uint32_t read(std::uint64_t offset) const;
  Effects write(std::uint64_t offset, std::uint32_t value);

 private:
  std::uint32_t mask() const { return (128u << get(address_, 2, 0)) - 1; }
  Effects raise(std::uint32_t status);

  std::uint64_t address_ = 0;
  std::uint32_t head_ = 0, tail_ = 0;  ///< entry indices
  std::uint32_t status_ = 0;
  EventMessage event_;
};

}  // namespace iommusim::iommu::vtd
