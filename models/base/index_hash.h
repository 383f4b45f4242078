// How a cache chooses the set of an entry. Sets decide which entries compete, so a hash that differs from the
// hardware's shows conflicts the hardware has not, or hides those it has.
#pragma once

#include <cstdint>

#include "models/base/hash_index.h"

namespace iommusim::base {

enum class IndexHash : std::uint8_t {
  xor_space,  ///< low number bits, exclusive-or a hash of the address space: spaces start at different sets
  low_bits,   ///< low number bits alone: equal addresses of all spaces share a set
  xor_fold,   ///< exclusive-or of the two lowest groups of as many bits as number the sets
  mixed       ///< all bits of number and space, well mixed: no pattern of addresses conflicts more than chance
};

/// The set is this, modulo the number of sets. `number`: page number, or key; `space`: a hash of the address space, 0
/// for keys without one; `bits`: binary digits that number the sets.
constexpr std::uint64_t index_of(IndexHash hash, std::uint64_t number, std::uint64_t space, unsigned bits) {
  switch (hash) {
    case IndexHash::low_bits: return number;
    case IndexHash::xor_fold: return (number ^ number >> bits) & ((std::uint64_t{1} << bits) - 1);
    case IndexHash::mixed: return mix_bits(number ^ mix_bits(space));
    default: return number ^ space;
  }
}

/// Binary digits that number `sets` sets.
constexpr unsigned index_bits(std::uint32_t sets) {
  unsigned bits = 0;
  while (sets > std::uint64_t{1} << bits) ++bits;
  return bits;
}

}  // namespace iommusim::base
