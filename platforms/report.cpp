#include "platforms/report.h"

#include <fmt/format.h>

#include "models/base/bdf.h"

namespace iommusim::platforms {
namespace {

using base::to_text;

std::string cache_text(const base::CacheConfig& c) {
  if (c.entries == 0) return "none";
  return fmt::format("{} entries, {}", c.entries,
                     c.ways == 0 ? std::string("fully associative") : fmt::format("{} ways", c.ways));
}

std::string iommu_text(const PlatformConfig& c) {
  if (!c.has_iommu()) return "├── iommu: none\n";
  const IommuConfig& i = *c.iommu;
  return fmt::format("├── iommu: {}, {} walkers, {}\n",
                     base::Variants<iommu::ArchitectureConfig>::name_of(*i.architecture), i.unit.walkers,
                     i.unit.service == iommu::Service::in_order ? "in order" : "out of order") +
         fmt::format("│   ├── iotlb: {}\n", cache_text(i.unit.iotlb)) +
         fmt::format("│   ├── context_cache: {}\n", cache_text(i.unit.context_cache)) +
         fmt::format("│   ├── walk_caches: level 1 {}; level 2 {}; level 3 {}; level 4 {}\n",
                     cache_text(i.unit.walk_caches.level1), cache_text(i.unit.walk_caches.level2),
                     cache_text(i.unit.walk_caches.level3), cache_text(i.unit.walk_caches.level4)) +
         fmt::format("│   └── driver: {} levels, pages up to {}, interrupt remapping {}\n", i.driver.levels,
                     to_text(i.driver.max_page), i.driver.interrupt_remapping ? "on" : "off");
}

}  // namespace

std::string platform_text(const PlatformConfig& c) {
  base::Bytes memory;
  for (const mem::MemoryRange& range : c.memory.ranges) memory = memory + range.size;
  std::string text = "platform\n";
  text += fmt::format("├── memory: {}, {} DRAM channels, last-level cache {}\n", to_text(memory),
                      c.memory.dram.channels, c.memory.llc.size.value() == 0 ? "none" : to_text(c.memory.llc.size));
  for (const CoreConfig& core : c.cores) text += fmt::format("├── {}: CPU core\n", core.name);
  text += iommu_text(c);
  text += fmt::format("└── root_complex: {} root ports\n", c.endpoints.size());
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    const EndpointConfig& e = c.endpoints[i];
    text += fmt::format("    {} {}: {}, Gen{} x{}, MPS {}, MRRS {}, {} tags\n",
                        i + 1 == c.endpoints.size() ? "└──" : "├──", e.name, to_text(e.bdf), e.link.generation,
                        e.link.width, to_text(e.link.mps), to_text(e.link.mrrs), e.dma.tags);
  }
  return text;
}

std::string groups_text(const PlatformConfig& c, const std::vector<WorkloadUseConfig>& workloads) {
  std::string text;
  for (std::size_t i = 0; i < c.endpoints.size(); ++i) {
    const EndpointConfig& e = c.endpoints[i];
    std::string use = "idle";
    for (const WorkloadUseConfig& w : workloads) {
      if (w.endpoint != e.name) continue;
      use =
          fmt::format("{}, buffer {} in pages of {}, {}, {}", c.has_iommu() ? host::to_text(w.domain.type) : "no IOMMU",
                      to_text(w.buffer.size), to_text(w.buffer.page_size), w.buffer.mapping,
                      base::Variants<ep::WorkloadConfig>::name_of(*w.traffic));
    }
    // Each endpoint has a root port of its own, which isolates it from all others.
    text += fmt::format("group {}: {} {}: {}\n", i, to_text(e.bdf), e.name, use);
  }
  return text;
}

}  // namespace iommusim::platforms
