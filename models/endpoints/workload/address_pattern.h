// Where in its buffer a stream of DMAs goes: one policy per file in patterns/, chosen by `type:`.
#pragma once

#include <cstdint>
#include <memory>

#include "models/base/random/stream.h"

namespace iommusim::ep {

/// Yields unit numbers; the generator turns them into addresses (unit x unit size). Units are numbered from 0.
class AddressPattern {
 public:
  virtual ~AddressPattern() = default;
  /// A unit below the `units` the pattern was made for.
  virtual std::uint64_t next(base::RandomStream& random) = 0;
};

/// The configuration of a pattern is also its factory.
class AddressPatternConfig {
 public:
  virtual ~AddressPatternConfig() = default;
  static const char* variant_kind() { return "address pattern"; }
  /// `units` is at least 1.
  virtual std::unique_ptr<AddressPattern> make(std::uint64_t units) const = 0;
};

}  // namespace iommusim::ep
