// The one interface of replacement policies. A policy sees set and way numbers only; the container (set_assoc.h) knows
// the keys. One policy is one source file of this folder, registered by name: fifo, lru, random, srrip, tree_plru.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/base/registry.h"

namespace iommusim::base {

/// Ways a fill may use, bit w for way w; all_ways means no restriction and is the only mask allowed above 64 ways.
using WayMask = std::uint64_t;
inline constexpr WayMask all_ways = ~WayMask{0};

/// Geometry and seed of a policy. `seed` and `name` choose the random stream of the random policy.
struct PolicyShape {
  std::uint32_t sets = 1;
  std::uint32_t ways = 1;
  std::uint64_t seed = 0;
  std::string name;
};

class Replacement {
 public:
  virtual ~Replacement() = default;
  static const char* registry_kind() { return "replacement policy"; }

  virtual void on_fill(std::uint32_t set, std::uint32_t way) = 0;
  virtual void on_hit(std::uint32_t set, std::uint32_t way) = 0;
  virtual void on_invalidate(std::uint32_t set, std::uint32_t way) = 0;
  /// A way of `set` to replace, among `allowed`. Called only when every allowed way holds an entry and at least one is
  /// allowed.
  virtual std::uint32_t victim(std::uint32_t set, WayMask allowed) = 0;
};

using ReplacementRegistry = Registry<Replacement, const PolicyShape&>;

}  // namespace iommusim::base
