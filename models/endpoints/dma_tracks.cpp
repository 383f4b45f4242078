#include "models/endpoints/dma_tracks.h"

#include <fmt/format.h>

#include <algorithm>

namespace iommusim::ep {

DmaTracks::Slot& DmaTracks::at(std::uint32_t slot) {
  while (slots_.size() <= slot)
    slots_.push_back({tlm::Track(context_, engine_, fmt::format("slot {}", slots_.size())), {}});
  return slots_[slot];
}

std::uint32_t DmaTracks::begin(std::uint32_t slot, const DmaRequest& request) {
  const std::uint32_t number = context_.tracer->begin_dma(begun_++, context_.scheduler.now());
  Slot& s = at(slot);
  s.shown = number != 0;
  if (!s.shown) return 0;
  s.since = context_.scheduler.now();
  s.track.begin(fmt::format("{} {}", request.write ? "write" : "read", request.bytes), {number, true},
                {{"iova", fmt::format("{:#x}", request.iova.value())},
                 {"bytes", std::uint64_t{request.bytes}},
                 {"intended_ps", request.intended.ps()}});
  return number;
}

void DmaTracks::begin_message(std::uint32_t slot, const char* what) {
  Slot& s = at(slot);
  s.shown = true;
  s.track.begin(what);
}

void DmaTracks::done(std::uint32_t slot, const LatencyStats::Stamps& stamps, const Remapped& remapped) {
  Slot& s = at(slot);
  if (!s.shown) return;
  base::Time before = stamps[tlm::DmaFields::intended];
  for (std::size_t i = 0; i < LatencyStats::part_count; ++i) {
    const bool engine = i + 1 == LatencyStats::part_count;
    const base::Time until = engine ? context_.scheduler.now() : stamps[i + 1];
    if (until <= before) continue;  // not passed, or passed in no time
    // An open-loop workload may have wanted it before there was a slot.
    if (until > s.since) s.track.slice(LatencyStats::part_name(i), std::max(before, s.since), until);
    before = until;
  }
  s.track.end({{"translated", std::uint64_t{remapped.translated}},
               {"iotlb_hit", std::uint64_t{remapped.iotlb_hit}},
               {"fault_reason", std::uint64_t{remapped.fault_reason}}});
}

// Of what done() was not called for.
void DmaTracks::end(std::uint32_t slot) {
  Slot& s = at(slot);
  if (s.shown) s.track.end();
  s.shown = false;
}

}  // namespace iommusim::ep
