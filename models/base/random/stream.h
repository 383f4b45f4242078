// Named, independent, portable random streams: the same (seed, name) gives the same numbers on every machine, and
// adding a stream changes no other (DESIGN section 7).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace iommusim::base {

/// xoshiro256** 1.0 (Blackman and Vigna, public domain algorithm, period 2^256-1), its state the SHA-256 of seed and
/// name.
class RandomStream {
 public:
  using result_type = std::uint64_t;
  RandomStream(std::uint64_t seed, std::string_view name);

  /// 64 uniform bits.
  std::uint64_t next() {
    const std::uint64_t result = rotl(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotl(s_[3], 45);
    return result;
  }
  /// Uniform integer in [0, n), unbiased. Precondition: n > 0.
  std::uint64_t below(std::uint64_t n);
  /// Uniform integer in [lo, hi], both included. Precondition: lo <= hi.
  std::uint64_t between(std::uint64_t lo, std::uint64_t hi);
  /// Uniform real in [0, 1), a multiple of 2^-53.
  double real() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform real in (0, 1], for logarithms.
  double real_positive() { return static_cast<double>((next() >> 11) + 1) * 0x1p-53; }
  /// True with probability p (0..1).
  bool chance(double p) { return real() < p; }

  // For std::shuffle and the like, whose algorithms are NOT portable: prefer below().
  std::uint64_t operator()() { return next(); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

 private:
  static constexpr std::uint64_t rotl(std::uint64_t x, int k) { return x << k | x >> (64 - k); }
  std::array<std::uint64_t, 4> s_;
};

}  // namespace iommusim::base
