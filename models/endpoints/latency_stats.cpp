#include "models/endpoints/latency_stats.h"

namespace iommusim::ep {

namespace {

struct PartText {
  const char* name;
  const char* description;
};
constexpr PartText parts[] = {
    {"issue_wait", "from the intended time until the request that finished last left the engine"},
    {"link_wait", "until its first byte was on the wire"},
    {"link_up", "wire, root port and host bridge, until it was at the remapping unit"},
    {"unit_wait", "until it held the lookup port"},
    {"lookup", "until hit or miss was known"},
    {"walk_wait", "until it held a walker"},
    {"walk", "until its translation was known"},
    {"unit_out", "until it left the remapping unit"},
    {"to_memory", "until it was at the memory system"},
    {"memory", "until its last byte was read or written"},
    {"from_memory", "until the first completion byte was on the wire"},
    {"link_down", "until the last completion was at the engine, or the write's visibility was known"},
    {"engine", "until the engine had finished the DMA"},
};
static_assert(sizeof parts / sizeof *parts == LatencyStats::part_count);

}  // namespace

const char* LatencyStats::part_name(std::size_t part) { return parts[part].name; }

bool LatencyStats::add(const Stamps& stamps, base::Time done) {
  base::Time before = stamps[tlm::DmaFields::intended], sum;
  const base::Time whole = done - before;
  for (std::size_t i = 0; i < part_count; ++i) {
    const bool engine = i + 1 == part_count;
    base::Time at = engine ? done : stamps[i + 1];
    if (at == base::Time()) at = before;
    if (at < before) return false;
    parts_[i].add(at - before);
    sum += at - before;
    before = at;
  }
  total_.add(whole);
  return sum == whole;
}

void LatencyStats::add_metrics(base::Group& group) {
  group.add("latency", total_, "ps", "time of a DMA, from its intended start until it was done");
  base::Group& breakdown = group.group("breakdown");
  for (std::size_t i = 0; i < part_count; ++i) breakdown.add(parts[i].name, parts_[i], "ps", parts[i].description);
}

}  // namespace iommusim::ep
