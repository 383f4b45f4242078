#include "models/base/random/math.h"

#include <cstdint>
#include <cstring>

namespace iommusim::base {
namespace {
// ln 2 in two parts: the high one has trailing zero bits, so that multiples of it by an exponent are exact.
constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33, inverse_ln2 = 0x1.71547652b82fep+0;
constexpr double sqrt_half = 0x1.6a09e667f3bcdp-1;

std::uint64_t bits(double x) {
  std::uint64_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
double from_bits(std::uint64_t b) {
  double x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}
}  // namespace

double portable_log(double x) {
  // x = m * 2^e, sqrt(1/2) <= m < sqrt(2); log m = 2 atanh(s) = 2(s + s^3/3 + s^5/5 ...), s = (m-1)/(m+1), |s| < 0.172.
  int e = static_cast<int>(bits(x) >> 52 & 0x7ff) - 1022;
  double m = from_bits((bits(x) & 0xfffffffffffff) | 0x3fe0000000000000);
  if (m < sqrt_half) {
    m *= 2;
    --e;
  }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 0;
  for (int k = 19; k >= 1; k -= 2) series = series * s2 + 1.0 / k;  // 0.172^21/21 < 1e-17
  return e * ln2_high + (2 * s * series + e * ln2_low);
}

double portable_exp(double x) {
  // x = k ln 2 + r, |r| <= ln 2 / 2; Taylor series to r^15/15! < 2e-19.
  const auto k = static_cast<std::int64_t>(x * inverse_ln2 + (x < 0 ? -0.5 : 0.5));
  const double kd = static_cast<double>(k), r = (x - kd * ln2_high) - kd * ln2_low;
  double series = 1;
  for (int i = 15; i >= 1; --i) series = 1 + series * r / i;
  // The scale in two factors: k may lie just outside the exponents a double has.
  const std::int64_t half = k / 2;
  return series * from_bits(static_cast<std::uint64_t>(1023 + half) << 52) *
         from_bits(static_cast<std::uint64_t>(1023 + k - half) << 52);
}

double portable_pow(double x, double y) { return y == 0 ? 1 : portable_exp(y * portable_log(x)); }

}  // namespace iommusim::base
