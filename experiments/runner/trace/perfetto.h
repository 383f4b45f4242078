// A run as tracks for ui.perfetto.dev: trace.json, in the Trace Event Format (JSON; "X" slices, "B"/"E" pairs, "C"
// counters, flows of version 2: bind_id, flow_in, flow_out). Events go to the stream as they come, so that a trace
// takes no memory. What the tracks show is the models' to say (models/tlm/tracer.h).
//
// Timestamps are microseconds with six digits behind the point, picoseconds exactly; Perfetto rounds them to
// nanoseconds.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "experiments/runner/trace/trace_config.h"
#include "models/base/stats/group.h"
#include "models/tlm/tracer.h"

namespace iommusim::runner {

class Perfetto final : public tlm::Tracer {
 public:
  using Time = base::Time;
  /// `window`: when the measurement window begins. `out` outlives the trace.
  Perfetto(const PerfettoConfig& config, Time window, std::ostream& out);

  TrackId track(const std::string& group, const std::string& name) override;
  std::uint32_t begin_dma(std::uint64_t n, Time now) override;
  void begin(TrackId track, std::string_view what, Time at, Cause cause, Details details) override;
  void end(TrackId track, Time at, Details details) override;
  void slice(TrackId track, std::string_view what, Time start, Time stop, Cause cause, Details details) override;

  /// The queues whose lengths become counters: every occupancy of the tree.
  void watch(const base::Group& root);
  /// When levels() wants to be called next; Time::max(): never.
  Time next_look() const { return open(next_look_) ? next_look_ : Time::max(); }
  /// The lengths of queues now; those that have changed are written.
  void levels(Time now);
  /// Ends what has not ended, and the file. Whether all was written is the stream's state.
  void finish(Time now);

 private:
  struct Line {
    std::string group, name;
    unsigned process = 0;    // 0: nothing on it yet, and it is not in the file
    std::deque<bool> shown;  // of slices begun and not ended, outermost first
  };
  struct Queue {
    std::string path;
    const base::Occupancy* level;
    std::uint64_t last = ~std::uint64_t{0};
  };
  bool open(Time at) const { return at >= from_ && at < to_ && traced_ < config_.dmas; }
  unsigned process(const std::string& name);
  void event(const char* phase, unsigned process, std::uint64_t thread, Time at);
  void event(const char* phase, TrackId track, Time at);
  void name(std::string_view what, Cause cause, Details details);
  void details(Details details, std::uint32_t dma);
  void close();

  const PerfettoConfig config_;
  const Time from_, to_;
  std::ostream& out_;
  fmt::memory_buffer text_;
  bool first_ = true;
  std::map<std::string, unsigned> processes_;
  std::map<std::pair<std::string, std::string>, TrackId> names_;
  std::vector<Line> tracks_;
  std::vector<Queue> queues_;
  std::uint64_t traced_ = 0;
  std::uint32_t fresh_ = 0;  // DMA whose flow has not begun
  Time next_look_;
};

}  // namespace iommusim::runner
