// The slots of a DMA engine as tracks of a trace (models/tlm/tracer.h): a slice per traced DMA, from taking the slot to
// giving it back, and in it where its latency went.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "models/endpoints/dma_request.h"
#include "models/endpoints/latency_stats.h"
#include "models/tlm/tracer.h"

namespace iommusim::ep {

class DmaTracks {
 public:
  /// `engine`: the name of the group of tracks.
  DmaTracks(tlm::Context& context, std::string engine) : context_(context), engine_(std::move(engine)) {}
  bool on() const { return context_.tracer != nullptr; }

  /// A DMA takes a slot. Returns its number in the trace; 0: it is not traced.
  std::uint32_t begin(std::uint32_t slot, const DmaRequest& request);
  /// An MSI or another message does.
  void begin_message(std::uint32_t slot, const char* what);
  /// The DMA in the slot has ended; its times are those of the TLP that finished last.
  void done(std::uint32_t slot, const LatencyStats::Stamps& stamps, const Remapped& remapped);
  /// The slot is free again.
  void end(std::uint32_t slot);

 private:
  struct Slot {
    tlm::Track track;
    base::Time since;
    bool shown = false;
  };
  Slot& at(std::uint32_t slot);
  tlm::Context& context_;
  const std::string engine_;
  std::deque<Slot> slots_;
  std::uint64_t begun_ = 0;
};

}  // namespace iommusim::ep
