// PCI addresses as text: "00:03.0" (bus:device.function, hexadecimal as lspci prints them) and "0000:00:03.0" with a
// segment.
#pragma once

#include <string>
#include <string_view>

#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::base {

constexpr unsigned bus_of(Bdf bdf) { return bdf.value() >> 8; }
constexpr unsigned device_of(Bdf bdf) { return bdf.value() >> 3 & 0x1f; }
constexpr unsigned function_of(Bdf bdf) { return bdf.value() & 7; }

/// PCI segment in bits 31:16, requester ID in bits 15:0.
constexpr SourceId make_source_id(unsigned segment, Bdf bdf) {
  return SourceId((segment & 0xffff) << 16 | std::uint32_t{bdf.value()});
}
constexpr Bdf bdf_of(SourceId id) { return Bdf(static_cast<std::uint16_t>(id.value())); }
constexpr unsigned segment_of(SourceId id) { return id.value() >> 16; }

/// "00:03.0", or "0000:00:03.0" with segment 0. Bus up to ff, device up to 1f, function up to 7.
Parsed<Bdf> parse_bdf(std::string_view text);
/// As parse_bdf, any segment; no segment means 0.
Parsed<SourceId> parse_source_id(std::string_view text);

std::string to_text(Bdf bdf);      ///< "00:03.0"
std::string to_text(SourceId id);  ///< "0000:00:03.0"

}  // namespace iommusim::base
