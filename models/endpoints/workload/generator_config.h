// What a synthetic workload is. Meaning, unit, range and source of each member: fields().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/base/config/variants.h"
#include "models/base/units.h"
#include "models/endpoints/workload/address_pattern.h"
#include "models/endpoints/workload/size_distribution.h"
#include "models/endpoints/workload/workload_config.h"

namespace iommusim::ep {

/// One stream of addresses and sizes; a DMA belongs to one of them, drawn by weight.
struct AddressStreamConfig {
  double weight = 1;
  base::Fraction reads{1.0};
  base::Bytes offset;
  base::Bytes window;  ///< 0: the rest of the buffer
  base::Bytes unit;    ///< 0: the largest DMA rounded up to 64 bytes
  base::Bytes misalignment;
  bool relaxed_ordering = false;
  std::shared_ptr<const AddressPatternConfig> pattern;
  std::shared_ptr<const SizeDistributionConfig> size;

  static const base::Fields<AddressStreamConfig>& fields();
};

enum class Loop : std::uint8_t { closed, open };
enum class Gaps : std::uint8_t { poisson, constant };

struct GeneratorConfig final : WorkloadConfig {
  Loop loop = Loop::closed;
  unsigned window = 1;
  base::OpRate rate{1000000};
  Gaps gaps = Gaps::poisson;
  base::Time start;
  std::uint64_t count = 0;  ///< 0: unbounded
  WriteDone write_done = WriteDone::sent;
  std::vector<AddressStreamConfig> streams;

  static const base::Fields<GeneratorConfig>& fields();
  std::unique_ptr<Workload> make(const WorkloadSite& site) const override;
  std::uint64_t buffer_bytes() const override;
};

}  // namespace iommusim::ep
