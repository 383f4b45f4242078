// Which addresses lead where: named, typed ranges that do not overlap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::interconnect {

using base::Bytes;
using base::Hpa;

/// What answers in a range.
enum class RangeKind : std::uint8_t { dram, bar, ecam, registers, interrupt };
const char* to_text(RangeKind kind);

struct AddressRange {
  std::string name;  ///< "dram", "nic0 BAR 0"
  RangeKind kind = RangeKind::dram;
  Hpa base;
  Bytes size;           ///< not zero; base + size does not wrap
  unsigned target = 0;  ///< number of the output it leads to, for a Router

  Hpa last() const { return base + (size.value() - 1); }
  bool contains(Hpa at) const { return at >= base && at - base < size.value(); }
};

class AddressMap {
 public:
  /// Throws base::UserError for an empty or wrapping range, and for an overlap, naming both ranges.
  void add(AddressRange range);
  /// The range that holds all of [at, at + bytes), or null. `bytes` of 0 counts as 1.
  const AddressRange* find(Hpa at, std::uint64_t bytes = 1) const;
  /// Ascending by address.
  const std::vector<AddressRange>& ranges() const { return ranges_; }
  /// A line per range: first and last address, size, kind, name.
  std::string to_text() const;

 private:
  std::vector<AddressRange> ranges_;  // ascending
};

}  // namespace iommusim::interconnect
