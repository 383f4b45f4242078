#include "experiments/runner/worst_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace iommusim::runner {
namespace {

using nlohmann::ordered_json;

struct Named {
  const std::string* function;
  ep::SlowDma dma;
};

ordered_json parts_of(const ep::SlowDma& dma) {
  ordered_json parts = ordered_json::array();
  base::Time before = dma.stamps[tlm::DmaFields::intended];
  for (std::size_t i = 0; i < ep::LatencyStats::part_count; ++i) {
    const base::Time at = i + 1 == ep::LatencyStats::part_count ? dma.done : dma.stamps[i + 1];
    if (at <= before) continue;  // not passed, or passed in no time
    parts.push_back({{"part", ep::LatencyStats::part_name(i)}, {"until_ps", at.ps()}});
    before = at;
  }
  return parts;
}

ordered_json row_of(const Named& named) {
  const ep::SlowDma& d = named.dma;
  return {{"endpoint", *named.function},
          {"direction", d.write ? "write" : "read"},
          {"iova", fmt::format("{:#x}", d.iova.value())},
          {"bytes", d.bytes},
          {"translated", d.remapped.translated},
          {"iotlb_hit", d.remapped.iotlb_hit},
          {"intended_ps", d.stamps[tlm::DmaFields::intended].ps()},
          {"latency_ps", d.latency().ps()},
          {"parts", parts_of(d)}};
}

}  // namespace

std::string worst_json(const platforms::Platform& platform) {
  std::vector<Named> all;
  for (const auto& e : platform.endpoints()) {
    for (const platforms::Endpoint::Function& f : e->functions()) {
      for (const ep::SlowDma& dma : f.dma->slowest().sorted()) all.push_back({&f.topology.name, dma});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Named& a, const Named& b) { return ep::SlowestDmas::slower(a.dma, b.dma); });
  if (all.size() > ep::SlowestDmas::kept) all.resize(ep::SlowestDmas::kept);
  std::string out = "{\"schema\": 1, \"dmas\": [";
  for (std::size_t i = 0; i < all.size(); ++i) out += (i == 0 ? "\n" : ",\n") + row_of(all[i]).dump();
  return out + "\n]}\n";
}

}  // namespace iommusim::runner
