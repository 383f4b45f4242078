// "key=value" and "key value" pairs of log lines.
#pragma once

#include <optional>
#include <string_view>

#include "models/endpoints/trace/fields.h"

namespace iommusim::importer {

/// The text between `key` (with its '=' or trailing blank) and the next blank or comma; empty when the key is absent.
inline std::string_view value_after(std::string_view text, std::string_view key) {
  for (std::size_t from = 0;;) {
    const auto at = text.find(key, from);
    if (at == std::string_view::npos) return {};
    if (at == 0 || text[at - 1] == ' ') {
      auto value = text.substr(at + key.size());
      return value.substr(0, value.find_first_of(" ,"));
    }
    from = at + 1;
  }
}

/// As above, converted: 0x means hexadecimal, else decimal.
inline std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  const auto value = value_after(text, key);
  const bool hex = value.size() > 2 && value[0] == '0' && value[1] == 'x';
  return ep::parse_number(value, hex ? 16 : 10);
}

/// "12.345678" in ns, or nothing. Up to nine fractional digits.
inline std::optional<std::uint64_t> parse_seconds(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 > 9) return std::nullopt;
  const auto seconds = ep::parse_number(text.substr(0, dot), 10);
  auto fraction = ep::parse_number(text.substr(dot + 1), 10);
  if (!seconds || !fraction || *seconds > 8000000000)
    return std::nullopt;  // beyond the year 2223: 64 bits of ns end in 2554
  for (auto digits = text.size() - dot - 1; digits < 9; ++digits) *fraction *= 10;
  return *seconds * 1000000000 + *fraction;
}

}  // namespace iommusim::importer
