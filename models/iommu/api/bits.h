// Bit fields of 64-bit words, numbered as specifications number them (63 is the most significant).
#pragma once

#include <array>
#include <cstdint>

namespace iommusim::iommu::bits {

using Pair = std::array<std::uint64_t, 2>;  ///< 128 bits, low word first

/// A field of ones in bits high..low.
constexpr std::uint64_t ones(unsigned high, unsigned low) {
  return (high - low == 63 ? ~std::uint64_t{0} : (std::uint64_t{1} << (high - low + 1)) - 1) << low;
}
constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
/// The field of a word, shifted down.
constexpr std::uint64_t get(std::uint64_t word, unsigned high, unsigned low) { return (word & ones(high, low)) >> low; }
constexpr bool get(std::uint64_t word, unsigned n) { return (word >> n & 1) != 0; }
/// A value in its field; what does not fit is cut off.
constexpr std::uint64_t put(std::uint64_t value, unsigned high, unsigned low) { return value << low & ones(high, low); }
constexpr std::uint64_t put(bool value, unsigned n) { return value ? bit(n) : 0; }
/// The bits at and above a width of 1 to 64 bits.
constexpr std::uint64_t above(unsigned width) { return width >= 64 ? 0 : ~std::uint64_t{0} << width; }

}  // namespace iommusim::iommu::bits
