#include "models/endpoints/dma_engine_config.h"

#include <string>

#include "models/base/config/fields.h"
#include "models/pcie/function_config.h"

namespace iommusim::ep {

const base::Fields<DmaEngineConfig>& DmaEngineConfig::fields() {
  using C = DmaEngineConfig;
  static const auto f =
      base::Fields<C>("dma_engine", "DMA engine of an endpoint: its limits and its fixed costs")
          .field("tags", &C::tags, "Read requests outstanding at most; all: what tag_bits give")
          .range(1, 15360)
          .word("all", 0)
          .field("tag_bits", &C::tag_bits, "Width of its tags, 5, 8, 10 or 14 bits: 32, 256, 768 or 15,360 of them")
          .range(5, 14)
          .source("PCIe 5.0 section 2.2.6.2; 14 bits: PCIe 6.0 section 2.2.6.2")
          .field("posted_window", &C::posted_window,
                 "Write requests sent and not yet visible at most: stands for the sender's posted credits")
          .range(1, 65536)
          .field("dmas", &C::dmas, "DMAs in progress at most, waiting ones included")
          .range(1, 65536)
          .field("issue_latency", &C::issue_latency, "From taking a DMA to its first request, pipelined")
          .range("0 ns", "1 ms")
          .field("read_interval", &C::read_interval, "Shortest time between a read request and the next request")
          .range("0 ns", "1 ms")
          .field("write_interval", &C::write_interval, "Shortest time between a write request and the next request")
          .range("0 ns", "1 ms")
          .field("completion_latency", &C::completion_latency,
                 "From the last completion, copied, to the end of a read DMA, pipelined")
          .range("0 ns", "1 ms")
          .field("latency_per_kib", &C::latency_per_kib,
                 "Copying 1024 bytes into the device: each completion TLP once it is there, those of one DMA one after "
                 "the other, those of different DMAs side by side")
          .range("0 ns", "1 ms")
          .source(
              "pcie-bench data set (b2abf2f), LAT_DMA_RD by size: the NFP6000 takes about 0.28 ns/B, twice its link")
          .field("copy_unit", &C::copy_unit,
                 "What a completion brings is copied in pieces of this size, the last one in full")
          .range("1 B", "4 KiB")
          .power_of_two()
          .field("completion_timeout", &C::completion_timeout,
                 "A read request without completion fails after this time; none: it waits for ever")
          .range("0 ns", "64 s")
          .word("none", "0 ns")
          .source("PCIe 5.0 section 7.5.3.16: 50 us to 50 ms unless programmed")
          .field("store_data", &C::store_data,
                 "Bulk DMA carries real bytes; set from memory.store_data by the platform")
          .check([](const C& c, base::Report& r) {
            if (!pcie::is_tag_bits(c.tag_bits)) {
              r.error("tag_bits", "must be 5, 8, 10 or 14");
            } else if (c.tags > pcie::usable_tags(c.tag_bits)) {
              r.error("tags", "is more than tags of " + std::to_string(c.tag_bits) + " bits give, " +
                                  std::to_string(pcie::usable_tags(c.tag_bits)) +
                                  ": set tag_bits to 10 or 14, or less here");
            }
          });
  return f;
}

}  // namespace iommusim::ep
