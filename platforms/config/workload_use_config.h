// What an endpoint is used for: its IOMMU domain, its buffer in memory, and the traffic it makes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/config/config.h"
#include "models/endpoints/workload/workload_config.h"
#include "models/host/domain.h"
#include "models/memory/frame_allocator.h"

namespace iommusim::platforms {

struct PlatformConfig;

struct DomainConfig {
  host::DomainType type = host::DomainType::dma;
  static const base::Fields<DomainConfig>& fields();
};

/// Memory that the endpoint reads and writes, and how it gets mapped.
struct BufferConfig {
  base::Bytes size{4ull << 20};
  base::Bytes page_size{4096};  ///< 4 KiB, 2 MiB or 1 GiB
  mem::Placement placement = mem::Placement::contiguous;
  bool warm = false;                  ///< a core has read it: it is in the last-level cache of its node
  std::string mapping = "premapped";  ///< of host::BufferPolicies
  std::string peer;                   ///< endpoint whose memory it is; empty: main memory
  unsigned node = 0;                  ///< of memory.nodes: whose memory it is
  std::string core;                   ///< of the platform; empty: its first
  static const base::Fields<BufferConfig>& fields();
};

/// One entry of the `workloads` section of a file.
struct WorkloadUseConfig {
  std::string endpoint;
  DomainConfig domain;
  BufferConfig buffer;
  std::shared_ptr<const ep::WorkloadConfig> traffic;
  static const base::Fields<WorkloadUseConfig>& fields();
};

/// The core that runs a workload's driver: the one named, the first for an empty name; nothing if there is none.
std::optional<std::size_t> core_index(const PlatformConfig& platform, const std::string& name);

/// Reports every reference from workloads to a platform that does not hold: unknown endpoints and cores, memory that
/// is too small. Paths of the errors start with "workloads[i]".
void check_workloads(const std::vector<WorkloadUseConfig>& workloads, const PlatformConfig& platform,
                     base::Report& report);

}  // namespace iommusim::platforms
