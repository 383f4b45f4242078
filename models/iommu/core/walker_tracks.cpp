#include "models/iommu/core/walker_tracks.h"

#include <fmt/format.h>

#include "models/base/bdf.h"
#include "models/iommu/core/walker_pool.h"

namespace iommusim::iommu {
namespace {

const char* name_of(WalkKind kind) {
  switch (kind) {
    case WalkKind::context: return "context walk";
    case WalkKind::process: return "process walk";
    case WalkKind::page: return "page walk";
    case WalkKind::interrupt: break;
  }
  return "interrupt walk";
}

std::string name_of(const Step& step) {
  static const char* const kStructure[] = {"root entry",  "context entry",   "PASID directory", "PASID entry",
                                           "table entry", "interrupt entry", "MSI table entry", "entry"};
  const char* const what = step.kind == Step::Kind::read    ? "read"
                           : step.kind == Step::Kind::write ? "write"
                                                            : "compare-and-swap";
  if (step.structure != Structure::page_table)
    return fmt::format("{} {}", what, kStructure[static_cast<unsigned>(step.structure)]);
  return fmt::format("{} stage {} level {}", what, step.stage, step.level);
}

const char* result_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::translated: return "translated";
    case Step::Kind::context_found: return "context found";
    case Step::Kind::interrupt_remapped:
    case Step::Kind::interrupt_stored: return "interrupt remapped";
    default: return "fault";
  }
}

}  // namespace

WalkerTracks::WalkerTracks(tlm::Context& context, const std::string& unit, unsigned walkers) : context_(context) {
  for (unsigned i = 0; i < walkers; ++i) tracks_.emplace_back(context, unit, fmt::format("walker {}", i));
}

void WalkerTracks::take(WalkSlot& slot, const Transaction& t) const {
  slot.cause.reset();
  if (context_.tracer == nullptr) return;
  const tlm::DmaExtension& x = tlm::dma(*t.payload);
  if (tlm::traced(x)) slot.cause = tlm::cause_of(x);
}

void WalkerTracks::begin(const WalkSlot& slot) {
  if (!slot.cause) return;
  tlm::Tracer::Cause cause = *slot.cause;
  cause.flows = cause.flows && !slot.waiters.empty();  // a prefetch: nobody waits for it
  tracks_[slot.index].begin(slot.prefetch ? "prefetch walk" : name_of(slot.walk.kind), cause,
                            {{"address", fmt::format("{:#x}", slot.walk.request.address)},
                             {"requester", base::to_text(slot.walk.request.source)}});
}

void WalkerTracks::access(const WalkSlot& slot, tlm::Payload& payload) {
  if (!slot.cause) return;
  tlm::dma(payload).trace = slot.cause->dma;
  tlm::dma(payload).first = slot.cause->flows && !slot.waiters.empty();
  tracks_[slot.index].begin(
      name_of(slot.walk.step), {slot.cause->dma, false},
      {{"address", fmt::format("{:#x}", payload.get_address())}, {"bytes", std::uint64_t{payload.get_data_length()}}});
}

void WalkerTracks::access_done(const WalkSlot& slot) {
  if (slot.cause) tracks_[slot.index].end();
}

void WalkerTracks::join(const WalkSlot& slot, const Transaction& t) {
  if (context_.tracer == nullptr || !tlm::traced(tlm::dma(*t.payload))) return;
  const base::Time now = context_.scheduler.now();
  tracks_[slot.index].slice("joined", now, now, tlm::cause_of(tlm::dma(*t.payload)));
}

void WalkerTracks::end(const WalkSlot& slot) {
  if (slot.cause)
    tracks_[slot.index].end({{"result", result_of(slot.walk.step)},
                             {"reads", std::uint64_t{slot.reads}},
                             {"merged", std::uint64_t{slot.merged}}});
}

}  // namespace iommusim::iommu
