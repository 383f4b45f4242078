#include "experiments/runner/latency_csv.h"

#include <sstream>

namespace iommusim::runner {
namespace {

void add_rows(std::string& out, const std::string& prefix, const base::Histogram& histogram) {
  std::ostringstream text;
  histogram.write_csv(text);
  std::istringstream rows(text.str());
  std::string row;
  std::getline(rows, row);  // its own header
  while (std::getline(rows, row)) out += prefix + row + "\n";
}

}  // namespace

std::string latency_csv(const platforms::Platform& platform) {
  std::string out = "endpoint,direction,low_ps,high_ps,count,cumulative\n";
  for (const auto& e : platform.endpoints()) {
    for (const platforms::Endpoint::Function& f : e->functions()) {
      const ep::DmaEngineStats& stats = f.dma->counters();
      add_rows(out, f.topology.name + ",read,", stats.read_latency.total());
      add_rows(out, f.topology.name + ",write,", stats.write_latency.total());
    }
  }
  return out;
}

}  // namespace iommusim::runner
