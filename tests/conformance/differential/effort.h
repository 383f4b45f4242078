// How much the random tests do, and from which seed: both can be set from outside.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace iommusim::test::differential {

/// `usual`, or 20 times as much where IOMMUSIM_LONG is set.
inline std::uint64_t effort(std::uint64_t usual) {
  return std::getenv("IOMMUSIM_LONG") != nullptr ? 20 * usual : usual;
}
/// The seed of IOMMUSIM_SEED, for doing again what has failed, or nothing (0).
inline std::uint64_t seed_asked_for() {
  const char* const text = std::getenv("IOMMUSIM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
}

}  // namespace iommusim::test::differential
