#include "models/base/config/scalar.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace iommusim::base {
namespace {

/// Long texts are shortened in messages.
std::string quote(const std::string& text) {
  return "'" + (text.size() > 60 ? text.substr(0, 57) + "..." : text) + "'";
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}
bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}
std::string without(std::string text, char c) {
  text.erase(std::remove(text.begin(), text.end(), c), text.end());
  return text;
}

/// What some YAML reader would take for a boolean, a null, a number or a date when not quoted.
bool ambiguous(const std::string& text) {
  static const char* const words[] = {"",   "~",   "null", "true", "false", "yes", "no",
                                      "on", "off", "y",    "n",    ".inf",  ".nan"};
  constexpr std::size_t longest = 5;
  const std::string small = text.size() <= longest ? lower(text) : "-";
  for (const char* word : words)
    if (small == word) return true;
  const std::size_t first = text[0] == '+' || text[0] == '-' ? 1 : 0;
  return first < text.size() && (std::isdigit(static_cast<unsigned char>(text[first])) || text[first] == '.') &&
         text.find_first_not_of("0123456789_:.eExXoabcdfABCDF+-", first) == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}
bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// Complaints common to all numbers; "" when the text is none of the known oddities.
std::string odd_number(const Node& node, const char* what) {
  const std::string& text = node.text;
  if (node.style == Node::Style::quoted) return quote(text) + " is in quotes: " + what + " is written without";
  if (text[0] == '+') return "write " + quote(text.substr(1)) + " without the plus sign";
  if (text.find('_') != std::string::npos && all_digits(without(text, '_')))
    return "digits cannot be grouped: write " + without(text, '_') + " instead of " + quote(text);
  if (text.find(':') != std::string::npos && all_digits(without(text, ':')))
    return quote(text) + " is a base-60 number to some YAML readers: write " + what + " in decimal";
  if (text.find(',') != std::string::npos && all_digits(without(text, ',')))
    return "digits cannot be grouped: write " + without(text, ',') + " instead of " + quote(text);
  const std::size_t sign = text[0] == '-' ? 1 : 0;
  if (text.size() > sign + 1 && text[sign] == '0' && std::isdigit(static_cast<unsigned char>(text[sign + 1]))) {
    const std::size_t digit = std::min(text.find_first_not_of('0', sign), text.size() - 1);
    return quote(text) + " has a leading zero: write " + (sign ? "-" : "") +
           text.substr(text[digit] == '.' ? digit - 1 : digit) +
           (all_digits(text.substr(sign)) ? " (it is octal to some YAML readers)" : "");
  }
  return "";
}

}  // namespace

std::string read_bool(const Node& node, bool& out) {
  const std::string text = lower(node.text);
  if (node.style == Node::Style::quoted && (text == "true" || text == "false"))
    return quote(node.text) + " is in quotes: a boolean is written without";
  if (node.text == "true" || node.text == "false") {
    out = node.text == "true";
    return "";
  }
  for (const char* yes : {"yes", "on", "y", "1", "true", "enable", "enabled"})
    if (text == yes) return quote(node.text) + " is not a boolean. Did you mean true?";
  for (const char* no : {"no", "off", "n", "0", "false", "disable", "disabled", "none"})
    if (text == no) return quote(node.text) + " is not a boolean. Did you mean false?";
  return quote(node.text) + " is not a boolean: write true or false";
}

std::string read_integer(const Node& node, std::int64_t lowest, std::uint64_t highest, bool& negative,
                         std::uint64_t& magnitude) {
  const std::string& text = node.text;
  if (text.empty()) return "is empty: write an integer such as 16";
  if (std::string error = odd_number(node, "an integer"); !error.empty()) return error;
  negative = text[0] == '-';
  std::string_view digits(text);
  if (negative) digits.remove_prefix(1);
  const bool hex = digits.size() > 2 && digits[0] == '0' && digits[1] == 'x';
  if (hex) digits.remove_prefix(2);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, hex ? 16 : 10);
  const bool whole = result.ptr == digits.data() + digits.size() && !digits.empty();
  if (result.ec == std::errc::invalid_argument || !whole) {
    double real = 0;
    const auto as_real = std::from_chars(text.data(), text.data() + text.size(), real);
    if (as_real.ec == std::errc() && as_real.ptr == text.data() + text.size() && real >= -9e15 && real <= 9e15 &&
        real == static_cast<double>(static_cast<std::int64_t>(real)))
      return quote(text) + " is not an integer. Did you mean " + std::to_string(static_cast<std::int64_t>(real)) + "?";
    return quote(text) + " is not an integer: write one such as 16";
  }
  // -2^63 has no positive counterpart: compare magnitudes.
  const std::uint64_t deepest = lowest < 0 ? ~static_cast<std::uint64_t>(lowest) + 1 : 0;
  if (result.ec == std::errc::result_out_of_range || magnitude > (negative ? deepest : highest))
    return negative && lowest == 0 && magnitude != 0
               ? quote(text) + " is negative"
               : quote(text) + " is out of range (" + std::to_string(lowest) + " to " + std::to_string(highest) + ")";
  return "";
}

std::string read_double(const Node& node, double& out) {
  const std::string& text = node.text;
  if (text.empty()) return "is empty: write a number such as 0.5";
  if (std::string error = odd_number(node, "a number"); !error.empty()) return error;
  const std::size_t first = text[0] == '-' ? 1 : 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  if (first >= text.size() || !std::isdigit(static_cast<unsigned char>(text[first])) ||
      result.ptr != text.data() + text.size() || result.ec == std::errc::invalid_argument)
    return quote(text) + " is not a number: write one such as 0.5";
  if (result.ec != std::errc()) return quote(text) + " is out of range";
  return "";
}

std::string read_string(const Node& node, std::string& out) {
  if (has_control(node.text)) return quote(node.text) + " holds control characters";
  if (node.style == Node::Style::plain && ambiguous(node.text))
    return quote(node.text) + " is not a text to every YAML reader: write it in quotes";
  out = node.text;
  return "";
}

std::string read_bdf(const Node& node, Bdf& out) {
  const auto parsed = parse_bdf(node.text);
  if (!parsed) return parsed.error;
  if (node.style == Node::Style::plain)
    return "a PCI address is written in quotes: \"" + node.text +
           "\" (without, it is a base-60 number to some YAML readers)";
  out = *parsed.value;
  return "";
}
std::string read_source_id(const Node& node, SourceId& out) {
  const auto parsed = parse_source_id(node.text);
  if (!parsed) return parsed.error;
  if (node.style == Node::Style::plain)
    return "a PCI address is written in quotes: \"" + node.text +
           "\" (without, it is a base-60 number to some YAML readers)";
  out = *parsed.value;
  return "";
}

std::string read_address(const Node& node, std::uint64_t& out) {
  const std::string& text = node.text;
  const bool hex = text.size() > 2 && text[0] == '0' && text[1] == 'x';
  if (hex || (!text.empty() && text.find_first_not_of("0123456789_+-:,.eE") == std::string::npos)) {
    Node plain = node;
    plain.style = Node::Style::plain;
    bool negative = false;
    return read_integer(plain, 0, ~std::uint64_t{0}, negative, out);
  }
  const auto size = parse_bytes(text);
  if (!size) return quote(text) + " is not an address: write it as 0x100000000 or '4 GiB'";
  out = size.value->value();
  return "";
}

std::string write_string(const std::string& value) {
  const bool plain =
      !value.empty() && !ambiguous(value) && (std::isalpha(static_cast<unsigned char>(value[0])) || value[0] == '_') &&
      std::all_of(value.begin(), value.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' || c == '-';
      });
  if (plain) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string write_hex(std::uint64_t value) {
  char buffer[16];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, 16);
  return "0x" + std::string(buffer, result.ptr);
}

}  // namespace iommusim::base
