// Where DMAs come from: the engine pulls them, one at a time, whenever it has room. Pulling bounds every queue: a
// workload that is behind keeps its backlog as a count of arrivals, not as objects.
#pragma once

#include <cstdint>
#include <string>

#include "models/base/types.h"
#include "models/endpoints/dma_request.h"

namespace iommusim::ep {

class DmaEngine;

class Workload {
 public:
  virtual ~Workload() = default;

  /// Answer to `next`. After `at` the engine asks again at that time; after `wait`, at the next completion or
  /// DmaEngine::wake().
  struct Next {
    enum class Kind : std::uint8_t { dma, at, wait, finished } kind = Kind::wait;
    DmaRequest dma;
    base::Time at;
    static Next take(const DmaRequest& dma) { return {Kind::dma, dma, {}}; }
    static Next later(base::Time at) { return {Kind::at, {}, at}; }
    static Next wait() { return {}; }
    static Next finished() { return {Kind::finished, {}, {}}; }
  };
  /// The next DMA to start now, or when to ask again. Its `intended` time is not after `now`.
  virtual Next next(base::Time now) = 0;
  /// A DMA taken from `next` has ended, with whatever status.
  virtual void done(const DmaResult& result, base::Time now) = 0;

  /// DMAs that wanted to start in [from, to), whether or not the engine has taken them yet: the offered load.
  struct Offered {
    std::uint64_t dmas = 0;
    std::uint64_t bytes = 0;
  };
  /// What was offered until `now`, since the start, including arrivals nobody has pulled. Closed loops offer what they
  /// issue.
  virtual Offered offered(base::Time now) const = 0;
  /// True if DMAs arrive by the clock, whatever the engine does (open loop).
  virtual bool open_loop() const { return false; }
};

}  // namespace iommusim::ep
