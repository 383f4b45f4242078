#include "models/endpoints/workload/generator_config.h"

#include <algorithm>

#include "models/endpoints/workload/generator.h"

namespace iommusim::ep {

const base::Fields<AddressStreamConfig>& AddressStreamConfig::fields() {
  using C = AddressStreamConfig;
  static const auto f =
      base::Fields<C>("address_stream", "Addresses and sizes of some of a generator's DMAs")
          .field("weight", &C::weight, "Share of the DMAs, relative to the other streams")
          .range(0.0, 1e9)
          .field("reads", &C::reads, "Fraction of reads; the rest are writes")
          .field("offset", &C::offset, "Where the window starts in the buffer")
          .field("window", &C::window, "Bytes the stream addresses; rest: from the offset to the end of the buffer")
          .word("rest", "0 B")
          .field("unit", &C::unit,
                 "Distance of possible start addresses; auto: the largest DMA, rounded up to 64 bytes")
          .word("auto", "0 B")
          .field("misalignment", &C::misalignment, "Added to every start address")
          .at_most("4095 B")
          .field("relaxed_ordering", &C::relaxed_ordering, "Sets the relaxed-ordering attribute")
          .variant("pattern", &C::pattern, "Order of the addresses")
          .required()
          .variant("size", &C::size, "Size of the DMAs")
          .required();
  return f;
}

const base::Fields<GeneratorConfig>& GeneratorConfig::fields() {
  using C = GeneratorConfig;
  static const auto f =
      base::Fields<C>("generator", "Synthetic DMAs: a closed loop with a window, or an open loop at a rate")
          .field("loop", &C::loop,
                 "closed: a DMA starts when another ends; open: DMAs arrive by the clock, whatever the device does",
                 {{"closed", Loop::closed}, {"open", Loop::open}})
          .field("window", &C::window, "Closed loop: DMAs in progress")
          .range(1, 65536)
          .field("rate", &C::rate, "Open loop: DMAs per second")
          .range("1 /s", "10 G/s")
          .field("gaps", &C::gaps, "Open loop: times between arrivals",
                 {{"poisson", Gaps::poisson}, {"constant", Gaps::constant}})
          .field("start", &C::start, "When the first DMA may start")
          .field("count", &C::count, "DMAs in all; unbounded: until the run stops issuing")
          .word("unbounded", 0)
          .field("write_done", &C::write_done,
                 "Closed loop: a write makes room for the next when sent, or when visible in memory",
                 {{"sent", WriteDone::sent}, {"visible", WriteDone::visible}})
          .list("streams", &C::streams, "Address streams")
          .items_between(1, 4096)
          .required()
          .check([](const C& c, base::Report& r) {
            double sum = 0;
            for (const AddressStreamConfig& s : c.streams) sum += s.weight;
            if (!(sum > 0)) r.error("streams", "all weights are zero: give one stream a weight above 0");
          });
  return f;
}

std::unique_ptr<Workload> GeneratorConfig::make(const WorkloadSite& site) const {
  return std::make_unique<Generator>(*this, site);
}

std::uint64_t GeneratorConfig::buffer_bytes() const {
  std::uint64_t needed = 0;
  for (const AddressStreamConfig& s : streams) {
    const std::uint64_t least = s.misalignment.value() + s.size->make()->largest();
    needed = std::max(needed, s.offset.value() + std::max(s.window.value(), least));
  }
  return needed;
}

namespace {
const base::Variants<WorkloadConfig>::Entry<GeneratorConfig> entry("generator", "synthetic DMAs");
}

}  // namespace iommusim::ep
