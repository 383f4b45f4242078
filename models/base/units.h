// Quantities with units: what configuration files say ("450 ns", "2 MiB", "100 Gb/s") and the exact integers models
// compute with. Text becomes an integer of the base unit exactly or not at all: "0.3 ps" is an error, never a rounding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "models/base/types.h"

namespace iommusim::base {

/// A whole number of some unit: adds to its own kind, scales by integers, divides to a ratio.
template <class Tag>
class Quantity : public Strong<Tag, std::uint64_t> {
 public:
  using Strong<Tag, std::uint64_t>::Strong;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value() + b.value()); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value() - b.value()); }
  friend constexpr Quantity operator*(Quantity a, std::uint64_t n) { return Quantity(a.value() * n); }
  friend constexpr Quantity operator/(Quantity a, std::uint64_t n) { return Quantity(a.value() / n); }
  friend constexpr std::uint64_t operator/(Quantity a, Quantity b) { return a.value() / b.value(); }
  friend constexpr Quantity operator%(Quantity a, Quantity b) { return Quantity(a.value() % b.value()); }
};

using Bytes = Quantity<struct BytesTag>;                ///< a size in bytes: "64 B", "4 KiB", "2 MiB", "1 GiB", "1 TiB"
using Frequency = Quantity<struct FrequencyTag>;        ///< in hertz: "1.2 GHz"
using TransferRate = Quantity<struct TransferRateTag>;  ///< transfers/s of one lane: "16 GT/s"
using OpRate = Quantity<struct OpRateTag>;              ///< operations/s: "2.5 M/s", "800 k/s", "100 /s"

/// A share of a whole, 0 to 1; written "12.5 %" or 0.125.
class Fraction {
 public:
  constexpr Fraction() = default;
  constexpr explicit Fraction(double value) : value_(value) {}
  constexpr double value() const { return value_; }
  friend constexpr bool operator==(Fraction a, Fraction b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Fraction a, Fraction b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(Fraction a, Fraction b) { return a.value_ < b.value_; }

 private:
  double value_ = 0;
};

/// Picoseconds per unit (byte, beat, symbol) as an exact reduced ratio: PCIe Gen6 x16 is 125/16 ps per byte, 128b/130b
/// encoding makes others longer fractions still. `den` is never 0.
struct PsRatio {
  std::uint64_t num = 0;
  std::uint64_t den = 1;
  /// num/den in lowest terms. Precondition: den > 0.
  static PsRatio of(std::uint64_t num, std::uint64_t den);
  /// floor(units * num / den) and what is left over, in units of 1/den ps.
  std::pair<Time, std::uint64_t> floor(std::uint64_t units) const;
  /// ceil(units * num / den)
  Time ceil(std::uint64_t units) const;
  friend bool operator==(PsRatio a, PsRatio b) { return a.num == b.num && a.den == b.den; }
};

/// The clock of a serialiser: each take() is a whole number of picoseconds, and the sum over all takes never strays a
/// full picosecond from the exact value, because the remainder is carried (DESIGN section 3.1).
class PsAccumulator {
 public:
  explicit PsAccumulator(PsRatio per_unit) : per_unit_(per_unit) {}
  /// Time that `units` more units occupy the serialiser.
  Time take(std::uint64_t units) {
    if (units <= small_) {
      const std::uint64_t total = units * per_unit_.num + carry_;
      carry_ = total % per_unit_.den;
      return Time::ps(total / per_unit_.den);
    }
    return take_wide(units);
  }
  /// Forgets the remainder: for an idle gap after which the next unit starts on a picosecond edge anyway.
  void restart() { carry_ = 0; }
  PsRatio per_unit() const { return per_unit_; }

 private:
  Time take_wide(std::uint64_t units);
  PsRatio per_unit_;
  std::uint64_t carry_ = 0;  // in 1/den ps
  std::uint64_t small_ = per_unit_.num == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << 62) / per_unit_.num;
};

/// A data rate in bits per second: "100 Gb/s", "25.6 GB/s", "12 GiB/s". Zero means nothing moves and is rejected by
/// fields.
class Bandwidth {
 public:
  constexpr Bandwidth() = default;
  static constexpr Bandwidth bits_per_second(std::uint64_t n) { return Bandwidth(n); }
  constexpr std::uint64_t bits_per_second() const { return bps_; }
  /// Exact picoseconds per byte. Precondition: not zero.
  PsRatio per_byte() const { return PsRatio::of(8000000000000, bps_); }
  friend constexpr bool operator==(Bandwidth a, Bandwidth b) { return a.bps_ == b.bps_; }
  friend constexpr bool operator!=(Bandwidth a, Bandwidth b) { return a.bps_ != b.bps_; }
  friend constexpr bool operator<(Bandwidth a, Bandwidth b) { return a.bps_ < b.bps_; }

 private:
  constexpr explicit Bandwidth(std::uint64_t n) : bps_(n) {}
  std::uint64_t bps_ = 0;
};

/// A period, rounded to the nearest picosecond. Precondition: not zero.
Time period(Frequency f);

/// A value, or the reason why the text is none (a sentence without final full stop, with a correct example).
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string error;
  explicit operator bool() const { return value.has_value(); }
};

/// Text to quantity; a number without unit is an error that shows the number with one.
Parsed<Time> parse_time(std::string_view text);
Parsed<Bytes> parse_bytes(std::string_view text);
Parsed<Bandwidth> parse_bandwidth(std::string_view text);
Parsed<Frequency> parse_frequency(std::string_view text);
Parsed<TransferRate> parse_transfer_rate(std::string_view text);
Parsed<OpRate> parse_op_rate(std::string_view text);
/// "12.5 %" or "0.125"; outside 0..1 is an error.
Parsed<Fraction> parse_fraction(std::string_view text);

/// Quantity to text that parses back to the same value: the largest unit in which it needs no more than three decimals.
std::string to_text(Time value);
std::string to_text(Bytes value);
std::string to_text(Bandwidth value);
std::string to_text(Frequency value);
std::string to_text(TransferRate value);
std::string to_text(OpRate value);
std::string to_text(Fraction value);

namespace literals {
using ull = unsigned long long;
constexpr Time operator""_ps(ull n) { return Time::ps(n); }
constexpr Time operator""_ns(ull n) { return Time::ns(n); }
constexpr Time operator""_us(ull n) { return Time::us(n); }
constexpr Time operator""_ms(ull n) { return Time::ms(n); }
constexpr Bytes operator""_B(ull n) { return Bytes(n); }
constexpr Bytes operator""_KiB(ull n) { return Bytes(n << 10); }
constexpr Bytes operator""_MiB(ull n) { return Bytes(n << 20); }
constexpr Bytes operator""_GiB(ull n) { return Bytes(n << 30); }
constexpr Bytes operator""_TiB(ull n) { return Bytes(n << 40); }
constexpr Bandwidth operator""_Mbps(ull n) { return Bandwidth::bits_per_second(n * 1000000); }
constexpr Bandwidth operator""_Gbps(ull n) { return Bandwidth::bits_per_second(n * 1000000000); }
constexpr Bandwidth operator""_GBps(ull n) { return Bandwidth::bits_per_second(n * 8000000000); }
constexpr Frequency operator""_MHz(ull n) { return Frequency(n * 1000000); }
constexpr Frequency operator""_GHz(ull n) { return Frequency(n * 1000000000); }
constexpr TransferRate operator""_GTps(ull n) { return TransferRate(n * 1000000000); }
}  // namespace literals

}  // namespace iommusim::base

namespace std {
template <class Tag>
struct hash<iommusim::base::Quantity<Tag>> {
  size_t operator()(iommusim::base::Quantity<Tag> v) const { return hash<uint64_t>()(v.value()); }
};
}  // namespace std
