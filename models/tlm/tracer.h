// What a run shows of itself on a time line: slices on tracks, and which DMA each belongs to. Models write to it
// through Track and Lanes; who listens (experiments/runner/trace) decides what is kept. Without a tracer in the context
// nothing is done. A tracer only watches: results are the same with and without.
//
// A traced DMA has a number. Whatever is done for it carries that number, and its first request TLP draws its flow: the
// arrows from the engine over wires, lookup, walker and memory back to the engine. What is done for DMAs that are not
// traced is left out; what is done for none (commands, MSIs, driver tasks) is always shown.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "models/tlm/context.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::tlm {

class Tracer {
 public:
  using TrackId = std::uint32_t;
  /// A detail shown with a slice. The key is a literal.
  struct Detail {
    const char* key;
    std::variant<std::uint64_t, std::string> value;
  };
  using Details = std::initializer_list<Detail>;
  /// Which DMA a slice is part of (0: of none), and whether it is on the way of that DMA's flow.
  struct Cause {
    std::uint32_t dma = 0;
    bool flows = false;
  };

  /// A line of the picture, among others of its group ("links", "iommu", "cores", an engine's name).
  virtual TrackId track(const std::string& group, const std::string& name) = 0;
  /// The number of an engine's n-th DMA, which begins now; 0: it is not traced.
  virtual std::uint32_t begin_dma(std::uint64_t n, Time now) = 0;
  /// A slice whose end is not known yet. Slices of a track nest.
  virtual void begin(TrackId track, std::string_view what, Time at, Cause cause, Details details) = 0;
  /// Ends the track's last slice that has not ended.
  virtual void end(TrackId track, Time at, Details details) = 0;
  virtual void slice(TrackId track, std::string_view what, Time start, Time stop, Cause cause, Details details) = 0;

 protected:
  ~Tracer() = default;
};

/// Whether a payload belongs into a trace, and as what.
inline bool traced(const DmaFields& x) {
  return x.trace != 0 || x.message != Message::none || (x.traffic != Traffic::dma && x.traffic != Traffic::walk);
}
inline Tracer::Cause cause_of(const DmaFields& x) { return {x.trace, x.trace != 0 && x.first}; }

/// The track of something that does one thing at a time: a wire, a walker, a core. Callers look at on() first, so that
/// nothing is composed for nobody.
class Track {
 public:
  Track(Context& context, std::string group, std::string name)
      : context_(context), group_(std::move(group)), name_(std::move(name)) {}

  bool on() const { return context_.tracer != nullptr; }
  void begin(std::string_view what, Tracer::Cause cause = {}, Tracer::Details details = {}) {
    ++depth_;
    context_.tracer->begin(id(), what, context_.scheduler.now(), cause, details);
  }
  void end(Tracer::Details details = {}) {
    if (depth_ == 0) return;
    --depth_;
    context_.tracer->end(id(), context_.scheduler.now(), details);
  }
  void slice(std::string_view what, Time start, Time stop, Tracer::Cause cause = {}, Tracer::Details details = {}) {
    context_.tracer->slice(id(), what, start, stop, cause, details);
  }
  /// Slices begun and not ended.
  unsigned depth() const { return depth_; }

 private:
  Tracer::TrackId id() {
    if (!known_) id_ = context_.tracer->track(group_, name_);
    known_ = true;
    return id_;
  }
  Context& context_;
  const std::string group_, name_;
  Tracer::TrackId id_ = 0;
  unsigned depth_ = 0;
  bool known_ = false;
};

/// Of something that does several things at once: as many tracks as overlap, the first for what finds nothing else.
class Lanes {
 public:
  Lanes(Context& context, std::string group, std::string name)
      : context_(context), group_(std::move(group)), name_(std::move(name)) {}

  bool on() const { return context_.tracer != nullptr; }
  /// Precondition: calls come in the order of their starts or of their stops.
  void slice(std::string_view what, Time start, Time stop, Tracer::Cause cause = {}, Tracer::Details details = {}) {
    std::size_t lane = 0;
    while (lane < lanes_.size() && lanes_[lane].busy_until > start) ++lane;
    if (lane == lanes_.size()) {
      const std::string name = lane == 0 ? name_ : name_ + " +" + std::to_string(lane);
      lanes_.push_back({Track(context_, group_, name), Time()});
    }
    lanes_[lane].busy_until = stop;
    lanes_[lane].track.slice(what, start, stop, cause, details);
  }

 private:
  struct Lane {
    Track track;
    Time busy_until;
  };
  Context& context_;
  const std::string group_, name_;
  std::vector<Lane> lanes_;
};

}  // namespace iommusim::tlm
