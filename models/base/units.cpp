#include "models/base/units.h"

#include <charconv>
#include <numeric>
#include <vector>

#include "models/base/text.h"

namespace iommusim::base {
namespace {

__extension__ typedef unsigned __int128 u128;

struct Unit {
  const char* name;
  std::uint64_t factor;  // in base units
  bool print = true;     // used by to_text
};
/// A spelling that people write, and what it should have been; `ambiguous` says why it is refused.
struct Misspelt {
  const char* written;
  const char* meant;
  const char* ambiguous = "";
};
struct Kind {
  const char* what;         // "a time"
  const char* example;      // of a whole quantity
  const char* bare;         // unit proposed for a bare number
  const char* base;         // plural name of the base unit
  std::vector<Unit> units;  // ascending
  std::vector<Misspelt> misspelt;
  unsigned decimals;  // most decimals to_text prints
};

constexpr std::uint64_t K = 1000, M = K * K, G = M * K, T = G * K;

const Kind& time_kind() {
  static const Kind kind{"a time",
                         "450 ns",
                         "ns",
                         "picoseconds",
                         {{"ps", 1}, {"ns", K}, {"us", M}, {"ms", G}, {"s", T}},
                         {{"sec", "s"},
                          {"nsec", "ns"},
                          {"usec", "us"},
                          {"msec", "ms"},
                          {"\xc2\xb5s", "us"},
                          {"\xce\xbcs", "us"},
                          {"NS", "ns"},
                          {"cycles", "ns", "cycles of which clock? "}},
                         3};
  return kind;
}
const Kind& bytes_kind() {
  static const char* const two = "it could mean a power of 1000 or of 1024. ";
  static const Kind kind{"a size",
                         "4 KiB",
                         "B",
                         "bytes",
                         {{"B", 1},
                          {"KiB", 1ull << 10},
                          {"MiB", 1ull << 20},
                          {"GiB", 1ull << 30},
                          {"TiB", 1ull << 40},
                          {"PiB", 1ull << 50}},
                         {{"KB", "KiB", two},
                          {"kB", "KiB", two},
                          {"MB", "MiB", two},
                          {"GB", "GiB", two},
                          {"TB", "TiB", two},
                          {"K", "KiB", two},
                          {"k", "KiB", two},
                          {"M", "MiB", two},
                          {"G", "GiB", two},
                          {"T", "TiB", two},
                          {"b", "B", "b is a bit. "},
                          {"bytes", "B"},
                          {"byte", "B"}},
                         0};
  return kind;
}
const Kind& bandwidth_kind() {
  static const Kind kind{"a data rate",
                         "100 Gb/s",
                         "Gb/s",
                         "bits per second",
                         {{"b/s", 1},
                          {"B/s", 8, false},
                          {"kb/s", K},
                          {"kB/s", 8 * K, false},
                          {"KiB/s", 8ull << 10, false},
                          {"Mb/s", M},
                          {"MB/s", 8 * M, false},
                          {"MiB/s", 8ull << 20, false},
                          {"Gb/s", G},
                          {"GB/s", 8 * G, false},
                          {"GiB/s", 8ull << 30, false},
                          {"Tb/s", T},
                          {"TB/s", 8 * T, false},
                          {"TiB/s", 8ull << 40, false}},
                         {{"Gbps", "Gb/s"},
                          {"Mbps", "Mb/s"},
                          {"kbps", "kb/s"},
                          {"Tbps", "Tb/s"},
                          {"GBps", "GB/s"},
                          {"MBps", "MB/s"},
                          {"Gbit/s", "Gb/s"},
                          {"Mbit/s", "Mb/s"},
                          {"KB/s", "kB/s"},
                          {"Kb/s", "kb/s"},
                          {"G", "Gb/s"},
                          {"Gb", "Gb/s"},
                          {"GB", "GB/s"},
                          {"MB", "MB/s"},
                          {"GT/s", "Gb/s", "transfers count one lane before encoding, not data. "}},
                         3};
  return kind;
}
const Kind& frequency_kind() {
  static const Kind kind{
      "a frequency",
      "1.2 GHz",
      "GHz",
      "hertz",
      {{"Hz", 1}, {"kHz", K}, {"MHz", M}, {"GHz", G}, {"THz", T}},
      {{"G", "GHz"}, {"M", "MHz"}, {"Ghz", "GHz"}, {"Mhz", "MHz"}, {"KHz", "kHz"}, {"ghz", "GHz"}, {"mhz", "MHz"}},
      3};
  return kind;
}
const Kind& transfer_kind() {
  static const Kind kind{
      "a transfer rate",
      "16 GT/s",
      "GT/s",
      "transfers per second",
      {{"T/s", 1, false}, {"kT/s", K, false}, {"MT/s", M}, {"GT/s", G}},
      {{"GTps", "GT/s"}, {"GTS", "GT/s"}, {"GT", "GT/s"}, {"MT", "MT/s"}, {"Gb/s", "GT/s"}, {"G", "GT/s"}},
      3};
  return kind;
}
const Kind& op_kind() {
  static const Kind kind{"an operation rate",
                         "2.5 M/s",
                         "M/s",
                         "operations per second",
                         {{"/s", 1}, {"k/s", K}, {"M/s", M}, {"G/s", G}},
                         {{"K/s", "k/s"},
                          {"Hz", "/s"},
                          {"kHz", "k/s"},
                          {"MHz", "M/s"},
                          {"M", "M/s"},
                          {"k", "k/s"},
                          {"IOPS", "/s"},
                          {"kIOPS", "k/s"},
                          {"MIOPS", "M/s"},
                          {"Mops/s", "M/s"},
                          {"ops/s", "/s"},
                          {"pps", "/s"},
                          {"Mpps", "M/s"}},
                         3};
  return kind;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}
bool digit(char c) { return c >= '0' && c <= '9'; }

/// An unsigned decimal without exponent: value = mantissa / 10^decimals.
struct Decimal {
  u128 mantissa = 0;
  unsigned decimals = 0;
  std::string_view text, rest;
  std::string error;
};
Decimal parse_decimal(std::string_view text) {
  Decimal d;
  std::size_t i = 0;
  bool point = false;
  unsigned digits = 0;
  for (; i < text.size() && (digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    if (++digits > 30) return d.error = "has too many digits", d;
    d.mantissa = d.mantissa * 10 + static_cast<unsigned>(text[i] - '0');
    d.decimals += point;
  }
  d.text = text.substr(0, i);
  d.rest = trim(text.substr(i));
  if (digits == 0 || text[0] == '.' || text[i - 1] == '.') return d.error = "does not start with a number", d;
  if (d.text.size() > 1 && text[0] == '0' && text[1] != '.') return d.error = "has a leading zero", d;
  return d;
}

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

Parsed<std::uint64_t> parse(std::string_view whole, const Kind& kind) {
  const std::string_view text = trim(whole);
  const std::string example = "write it as in '" + std::string(kind.example) + "'";
  if (text.empty()) return {{}, std::string(kind.what) + " is missing: " + example};
  if (text[0] == '-') return {{}, quote(text) + " is negative"};
  const Decimal d = parse_decimal(text);
  if (!d.error.empty()) return {{}, quote(text) + " " + d.error + ": " + example};
  const std::string number(d.text);
  if (d.rest.empty())
    return {{}, quote(text) + " has no unit: " + kind.what + " is written " + quote(number + " " + kind.bare)};
  for (const Unit& unit : kind.units) {
    if (d.rest != unit.name) continue;
    u128 power = 1;
    for (unsigned i = 0; i < d.decimals; ++i) power *= 10;
    if (d.mantissa > ~u128{0} / unit.factor) return {{}, quote(text) + " is too large"};
    const u128 scaled = d.mantissa * unit.factor;
    if (scaled % power != 0) return {{}, quote(text) + " is not a whole number of " + kind.base};
    if (scaled / power > ~std::uint64_t{0}) return {{}, quote(text) + " is too large"};
    return {static_cast<std::uint64_t>(scaled / power), ""};
  }
  for (const Misspelt& m : kind.misspelt)
    if (d.rest == m.written)
      return {{},
              quote(d.rest) + " is not a unit of " + kind.what + (m.ambiguous[0] ? ": " : ". ") + m.ambiguous +
                  "Did you mean " + quote(number + " " + m.meant) + "?"};
  std::vector<std::string> names;
  for (const Unit& unit : kind.units) names.emplace_back(unit.name);
  return {{}, quote(d.rest) + " is not a unit of " + kind.what + " (" + join(names) + "): " + example};
}

std::string format(std::uint64_t value, const Kind& kind) {
  std::uint64_t steps = 1;
  for (unsigned i = 0; i < kind.decimals; ++i) steps *= 10;
  const Unit* best = nullptr;
  for (const Unit& unit : kind.units)
    if (unit.print && (!best || (value >= unit.factor &&
                                 value % (unit.factor % steps == 0 ? unit.factor / steps : unit.factor) == 0)))
      best = &unit;
  std::string text = std::to_string(value / best->factor);
  if (std::uint64_t rest = value % best->factor; rest != 0) {
    text += '.';
    for (std::uint64_t unit = best->factor / 10; rest != 0; unit /= 10) {
      text += static_cast<char>('0' + rest / unit);
      rest %= unit;
    }
  }
  return text + " " + best->name;
}

template <class Q>
Parsed<Q> wrap(const Parsed<std::uint64_t>& p) {
  return p ? Parsed<Q>{Q(*p.value), ""} : Parsed<Q>{{}, p.error};
}

}  // namespace

PsRatio PsRatio::of(std::uint64_t num, std::uint64_t den) {
  const std::uint64_t g = std::gcd(num, den);
  return {num / g, den / g};
}
std::pair<Time, std::uint64_t> PsRatio::floor(std::uint64_t units) const {
  const u128 total = static_cast<u128>(units) * num;
  return {Time::ps(static_cast<std::uint64_t>(total / den)), static_cast<std::uint64_t>(total % den)};
}
Time PsRatio::ceil(std::uint64_t units) const {
  const auto [whole, rest] = floor(units);
  return rest == 0 ? whole : whole + Time::ps(1);
}
Time PsAccumulator::take_wide(std::uint64_t units) {
  const u128 total = static_cast<u128>(units) * per_unit_.num + carry_;
  carry_ = static_cast<std::uint64_t>(total % per_unit_.den);
  return Time::ps(static_cast<std::uint64_t>(total / per_unit_.den));
}
Time period(Frequency f) { return Time::ps((T + f.value() / 2) / f.value()); }

Parsed<Time> parse_time(std::string_view text) {
  const auto p = parse(text, time_kind());
  return p ? Parsed<Time>{Time::ps(*p.value), ""} : Parsed<Time>{{}, p.error};
}
Parsed<Bytes> parse_bytes(std::string_view text) { return wrap<Bytes>(parse(text, bytes_kind())); }
Parsed<Bandwidth> parse_bandwidth(std::string_view text) {
  const auto p = parse(text, bandwidth_kind());
  if (!p) return {{}, p.error};
  if (*p.value == 0) return {{}, "a data rate must be above zero"};
  return {Bandwidth::bits_per_second(*p.value), ""};
}
Parsed<Frequency> parse_frequency(std::string_view text) { return wrap<Frequency>(parse(text, frequency_kind())); }
Parsed<TransferRate> parse_transfer_rate(std::string_view text) {
  return wrap<TransferRate>(parse(text, transfer_kind()));
}
Parsed<OpRate> parse_op_rate(std::string_view text) { return wrap<OpRate>(parse(text, op_kind())); }

Parsed<Fraction> parse_fraction(std::string_view whole) {
  const std::string_view text = trim(whole);
  const Decimal d = parse_decimal(text);
  if (!text.empty() && text[0] == '-') return {{}, quote(text) + " is negative"};
  // An exponent is what to_text(double) prints for tiny shares.
  const bool percent = d.rest == "%";
  std::string number(percent ? std::string(d.text) + "e-2" : std::string(text));
  double value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (!d.error.empty() || result.ec != std::errc() || result.ptr != number.data() + number.size())
    return {{}, quote(text) + " is not a fraction: write it as '12.5 %' or 0.125"};
  if (value > 1)
    return {{},
            quote(text) + " is above 1" +
                (percent ? " (100 %)" : ": write a percentage as '" + std::string(d.text) + " %'")};
  return {Fraction(value), ""};
}

std::string to_text(Time value) { return value == Time() ? "0 ns" : format(value.ps(), time_kind()); }
std::string to_text(Bytes value) { return format(value.value(), bytes_kind()); }
std::string to_text(Bandwidth value) { return format(value.bits_per_second(), bandwidth_kind()); }
std::string to_text(Frequency value) { return format(value.value(), frequency_kind()); }
std::string to_text(TransferRate value) { return format(value.value(), transfer_kind()); }
std::string to_text(OpRate value) { return format(value.value(), op_kind()); }
std::string to_text(Fraction value) { return to_text(value.value()); }

}  // namespace iommusim::base
