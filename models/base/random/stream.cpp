#include "models/base/random/stream.h"

#include <string>

#include "models/base/sha256.h"
#include "models/base/stats/metrics.h"

namespace iommusim::base {

RandomStream::RandomStream(std::uint64_t seed, std::string_view name) {
  const auto digest = sha256("iommusim stream " + std::to_string(seed) + " " + std::string(name));
  for (std::size_t i = 0; i < 4; ++i) {
    s_[i] = 0;
    for (std::size_t j = 0; j < 8; ++j) s_[i] = s_[i] << 8 | digest[8 * i + j];
  }
  if ((s_[0] | s_[1] | s_[2] | s_[3]) == 0) s_[0] = 1;  // the one state the generator cannot leave
}

// Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019: reject the few products that make it
// unequal.
std::uint64_t RandomStream::below(std::uint64_t n) {
  u128 product = static_cast<u128>(next()) * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t reject = (0 - n) % n;
    while (static_cast<std::uint64_t>(product) < reject) product = static_cast<u128>(next()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t RandomStream::between(std::uint64_t lo, std::uint64_t hi) {
  const std::uint64_t span = hi - lo;
  return span == max() ? next() : lo + below(span + 1);
}

}  // namespace iommusim::base
