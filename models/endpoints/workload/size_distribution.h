// How large the DMAs of a stream are: one policy per file in sizes/, chosen by `type:`.
#pragma once

#include <cstdint>
#include <memory>

#include "models/base/random/stream.h"

namespace iommusim::ep {

class SizeDistribution {
 public:
  virtual ~SizeDistribution() = default;
  /// Bytes of a DMA, at least 1. A function of the stream alone, so that offered load can be counted ahead on a copy of
  /// it.
  virtual std::uint32_t draw(base::RandomStream& random) const = 0;
  /// Largest that draw() returns.
  virtual std::uint32_t largest() const = 0;
};

class SizeDistributionConfig {
 public:
  virtual ~SizeDistributionConfig() = default;
  static const char* variant_kind() { return "size distribution"; }
  virtual std::shared_ptr<const SizeDistribution> make() const = 0;
};

}  // namespace iommusim::ep
