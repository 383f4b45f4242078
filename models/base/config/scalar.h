// Scalars of configuration files: one strict codec per C++ type, text to value and back.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>

#include "models/base/bdf.h"
#include "models/base/config/node.h"
#include "models/base/text.h"
#include "models/base/units.h"

namespace iommusim::base {

/// What the reader, the dump, the schema and the manual know of a scalar type.
struct ScalarCodec {
  enum class Json { boolean, natural, integer, number, string };
  const char* name;     ///< "time", "size", "integer" ...
  const char* example;  ///< a correct one: "450 ns"
  Json json;
  const char* pattern;  ///< regular expression of the JSON Schema for strings; may be empty
  /// Reads `node` (a scalar) into *out; returns "" or what is wrong.
  std::string (*read)(const Node& node, void* out);
  std::string (*write)(const void* value);  ///< YAML text
  bool (*less)(const void* a, const void* b);
  std::shared_ptr<void> (*make)();
  std::uint64_t (*count)(const void* value);  ///< integers and sizes, for power_of_two(); else null
};

/// Reads that need more than the text: how it was quoted decides between string and number.
std::string read_bool(const Node& node, bool& out);
std::string read_integer(const Node& node, std::int64_t lowest, std::uint64_t highest, bool& negative,
                         std::uint64_t& magnitude);
std::string read_double(const Node& node, double& out);
std::string read_string(const Node& node, std::string& out);
std::string read_bdf(const Node& node, Bdf& out);
std::string read_source_id(const Node& node, SourceId& out);
/// "0x1000", 4096 or a size ("4 GiB").
std::string read_address(const Node& node, std::uint64_t& out);
std::string write_string(const std::string& value);  ///< quoted when a reader could take it for something else
std::string write_hex(std::uint64_t value);

template <class V, class Enable = void>
struct Scalar;  // specialised below; a type without specialisation cannot be a field

#define IOMMUSIM_QUANTITY_SCALAR(TYPE, PARSE, NAME, EXAMPLE, PATTERN)                 \
  template <>                                                                         \
  struct Scalar<TYPE> {                                                               \
    static constexpr const char *name = NAME, *example = EXAMPLE, *pattern = PATTERN; \
    static constexpr auto json = ScalarCodec::Json::string;                           \
    static std::string read(const Node& n, TYPE& out) {                               \
      const auto parsed = PARSE(n.text);                                              \
      if (parsed) out = *parsed.value;                                                \
      return parsed.error;                                                            \
    }                                                                                 \
    static std::string write(const TYPE& v) { return to_text(v); }                    \
  };
// Patterns of a quantity: digits as parse_*() takes them, then the unit.
#define IOMMUSIM_DECIMAL "^(0|[1-9][0-9]*)(\\.[0-9]+)? *"
IOMMUSIM_QUANTITY_SCALAR(Time, parse_time, "time", "450 ns", IOMMUSIM_DECIMAL "(ps|ns|us|ms|s)$")
IOMMUSIM_QUANTITY_SCALAR(Bytes, parse_bytes, "size", "4 KiB", IOMMUSIM_DECIMAL "([KMGTP]i)?B$")
IOMMUSIM_QUANTITY_SCALAR(Bandwidth, parse_bandwidth, "data rate", "100 Gb/s",
                         IOMMUSIM_DECIMAL "([kMGT]?[bB]|[KMGT]iB)/s$")
IOMMUSIM_QUANTITY_SCALAR(Frequency, parse_frequency, "frequency", "1.2 GHz", IOMMUSIM_DECIMAL "[kMGT]?Hz$")
IOMMUSIM_QUANTITY_SCALAR(TransferRate, parse_transfer_rate, "transfer rate", "16 GT/s", IOMMUSIM_DECIMAL "[kMG]?T/s$")
IOMMUSIM_QUANTITY_SCALAR(OpRate, parse_op_rate, "operation rate", "2.5 M/s", IOMMUSIM_DECIMAL "[kMG]?/s$")
IOMMUSIM_QUANTITY_SCALAR(Fraction, parse_fraction, "fraction", "12.5 %", IOMMUSIM_DECIMAL "%$")
#undef IOMMUSIM_QUANTITY_SCALAR

#define IOMMUSIM_PLAIN_SCALAR(TYPE, READ, WRITE, NAME, EXAMPLE, PATTERN, JSON)        \
  template <>                                                                         \
  struct Scalar<TYPE> {                                                               \
    static constexpr const char *name = NAME, *example = EXAMPLE, *pattern = PATTERN; \
    static constexpr auto json = ScalarCodec::Json::JSON;                             \
    static std::string read(const Node& n, TYPE& out) { return READ(n, out); }        \
    static std::string write(const TYPE& v) { return WRITE; }                         \
  };
IOMMUSIM_PLAIN_SCALAR(bool, read_bool, v ? "true" : "false", "boolean", "true", "", boolean)
IOMMUSIM_PLAIN_SCALAR(double, read_double, to_text(v), "number", "0.5", "", number)
IOMMUSIM_PLAIN_SCALAR(std::string, read_string, write_string(v), "text", "nic0", "", string)
IOMMUSIM_PLAIN_SCALAR(Bdf, read_bdf, '"' + to_text(v) + '"', "BDF", "\"00:03.0\"",
                      "^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$", string)
IOMMUSIM_PLAIN_SCALAR(SourceId, read_source_id, '"' + to_text(v) + '"', "BDF with segment", "\"0000:00:03.0\"",
                      "^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]$", string)
#undef IOMMUSIM_PLAIN_SCALAR

template <class V>
struct Scalar<V, std::enable_if_t<std::is_integral_v<V> && !std::is_same_v<V, bool>>> {
  static constexpr const char *name = "integer", *example = "16", *pattern = "";
  static constexpr auto json = std::is_unsigned_v<V> ? ScalarCodec::Json::natural : ScalarCodec::Json::integer;
  static std::string read(const Node& n, V& out) {
    bool negative = false;
    std::uint64_t magnitude = 0;
    std::string error = read_integer(n, static_cast<std::int64_t>(std::numeric_limits<V>::min()),
                                     static_cast<std::uint64_t>(std::numeric_limits<V>::max()), negative, magnitude);
    if (error.empty()) out = static_cast<V>(negative ? ~magnitude + 1 : magnitude);
    return error;
  }
  static std::string write(const V& v) { return std::to_string(v); }
};

template <class Tag>
struct Scalar<Address<Tag>> {
  static constexpr const char *name = "address", *example = "0x100000000",
                              *pattern = "^0x[0-9a-fA-F]+$|" IOMMUSIM_DECIMAL "([KMGTP]i)?B$";
  static constexpr auto json = ScalarCodec::Json::string;
  static std::string read(const Node& n, Address<Tag>& out) {
    std::uint64_t value = 0;
    std::string error = read_address(n, value);
    if (error.empty()) out = Address<Tag>(value);
    return error;
  }
  static std::string write(const Address<Tag>& v) { return write_hex(v.value()); }
};

/// Other strong integers: PASID, domain.
template <class V>
struct Scalar<V, std::enable_if_t<std::is_same_v<V, Pasid> || std::is_same_v<V, DomainId>>> : Scalar<std::uint32_t> {
  static std::string read(const Node& n, V& out) {
    std::uint32_t value = 0;
    std::string error = Scalar<std::uint32_t>::read(n, value);
    if (error.empty()) out = V(value);
    return error;
  }
  static std::string write(const V& v) { return std::to_string(v.value()); }
};

template <class V>
const ScalarCodec& scalar_codec() {
  std::uint64_t (*count)(const void*) = nullptr;
  if constexpr (std::is_integral_v<V>)
    count = [](const void* v) { return static_cast<std::uint64_t>(*static_cast<const V*>(v)); };
  if constexpr (std::is_same_v<V, Bytes>) count = [](const void* v) { return static_cast<const Bytes*>(v)->value(); };
  static const ScalarCodec codec{
      Scalar<V>::name,
      Scalar<V>::example,
      Scalar<V>::json,
      Scalar<V>::pattern,
      [](const Node& n, void* out) { return Scalar<V>::read(n, *static_cast<V*>(out)); },
      [](const void* v) { return Scalar<V>::write(*static_cast<const V*>(v)); },
      [](const void* a, const void* b) { return *static_cast<const V*>(a) < *static_cast<const V*>(b); },
      []() -> std::shared_ptr<void> { return std::make_shared<V>(); },
      count};
  return codec;
}

#undef IOMMUSIM_DECIMAL

}  // namespace iommusim::base
