#include "models/base/bdf.h"

#include <cstdio>

namespace iommusim::base {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
/// `digits` hexadecimal digits at the front of `text`, removed; -1 when they are not there.
int take_hex(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return -1;
  for (std::size_t i = 0; i < digits; ++i) {
    const int d = hex(text[i]);
    if (d < 0) return -1;
    value = value * 16 + d;
  }
  text.remove_prefix(digits);
  return value;
}
bool take_char(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Parsed<SourceId> parse_source_id(std::string_view text) {
  const std::string whole = "'" + std::string(text) + "'";
  const std::string wrong =
      whole + " is not a PCI address: write bus:device.function in hexadecimal, as in \"00:03.0\" or \"0000:00:03.0\"";
  int segment = 0;
  if (text.size() > 4 && text[4] == ':') {
    segment = take_hex(text, 4);
    take_char(text, ':');
  }
  const int bus = take_hex(text, 2);
  const bool colon = take_char(text, ':');
  const int device = take_hex(text, 2);
  const bool point = take_char(text, '.');
  const int function = take_hex(text, 1);
  if (segment < 0 || bus < 0 || !colon || device < 0 || !point || function < 0 || !text.empty()) return {{}, wrong};
  if (device > 0x1f) return {{}, whole + " has a device number above 1f"};
  if (function > 7) return {{}, whole + " has a function number above 7"};
  return {
      make_source_id(static_cast<unsigned>(segment), make_bdf(static_cast<unsigned>(bus), static_cast<unsigned>(device),
                                                              static_cast<unsigned>(function))),
      ""};
}

Parsed<Bdf> parse_bdf(std::string_view text) {
  const auto id = parse_source_id(text);
  if (!id) return {{}, id.error};
  if (segment_of(*id.value) != 0) return {{}, "'" + std::string(text) + "' is in another PCI segment than 0000"};
  return {bdf_of(*id.value), ""};
}

std::string to_text(Bdf bdf) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%02x:%02x.%x", bus_of(bdf), device_of(bdf), function_of(bdf));
  return buffer;
}
std::string to_text(SourceId id) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%04x:", segment_of(id));
  return buffer + to_text(bdf_of(id));
}

}  // namespace iommusim::base
