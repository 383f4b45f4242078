// Synthetic workload: where DMAs go (address streams), how large they are, and when they start (closed or open loop).
//
// Three random streams of its own, named after the endpoint: arrival gaps; the mix (which address stream, size,
// direction); addresses. The first two do not depend on what the device does, so the offered load can be counted ahead
// on copies of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/base/random/distributions.h"
#include "models/base/random/stream.h"
#include "models/endpoints/workload/generator_config.h"

namespace iommusim::ep {

class Generator final : public Workload {
 public:
  /// Errors: base::UserError if a stream's window does not fit into the site's buffer or not one DMA into its window.
  Generator(const GeneratorConfig& config, const WorkloadSite& site);

  Next next(base::Time now) override;
  void done(const DmaResult& result, base::Time now) override;
  Offered offered(base::Time now) const override;
  bool open_loop() const override { return loop_ == Loop::open; }

 private:
  /// Arrival times of an open loop. Copyable.
  class Arrivals {
   public:
    Arrivals(const GeneratorConfig& config, const WorkloadSite& site);
    base::Time next() const { return at_; }
    void advance();

   private:
    base::RandomStream random_;
    Gaps gaps_;
    std::uint64_t rate_;
    double mean_;          // ps
    double fraction_ = 0;  // of a picosecond not yet in at_
    std::uint64_t index_ = 0;
    base::Time start_, at_;
  };
  struct Draw {
    std::size_t stream;
    std::uint32_t bytes;
    bool write;
  };
  struct Stream {
    double reads;
    std::uint64_t first, unit;
    bool relaxed_ordering;
    std::unique_ptr<AddressPattern> pattern;
    std::shared_ptr<const SizeDistribution> size;
  };
  Stream make_stream(const AddressStreamConfig& config, const WorkloadSite& site, std::size_t index) const;
  Draw draw(base::RandomStream& mix) const;

  const Loop loop_;
  const unsigned window_;
  const base::Time start_;
  const std::uint64_t count_;
  const WriteDone write_done_;
  std::vector<Stream> streams_;
  base::Discrete choose_;
  Arrivals arrivals_;
  base::RandomStream mix_, addresses_;
  std::uint64_t in_progress_ = 0;
  Offered taken_;
};

}  // namespace iommusim::ep
