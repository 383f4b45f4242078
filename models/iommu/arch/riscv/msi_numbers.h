// Small numbers for MSI settings of device contexts. Translations depend on them, so they are part of the tag of cached
// ones; devices with the same settings share entries.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <tuple>

namespace iommusim::iommu::riscv {

class MsiNumbers {
 public:
  static constexpr std::uint32_t kMost = (1u << 24) - 1;

  /// The number of a setting, from 1; the same for the same setting, whenever it is asked. Throws std::length_error
  /// after 2^24 - 1 different ones.
  std::uint32_t number(std::uint64_t msiptp, std::uint64_t mask, std::uint64_t pattern) {
    const auto next = static_cast<std::uint32_t>(numbers_.size() + 1);
    const auto [it, is_new] = numbers_.try_emplace(std::tuple(msiptp, mask, pattern), next);
    if (is_new && next > kMost) throw std::length_error("RISC-V IOMMU: too many different MSI settings");
    return it->second;
  }

 private:
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>, std::uint32_t> numbers_;
};

}  // namespace iommusim::iommu::riscv
