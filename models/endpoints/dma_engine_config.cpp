#include "models/endpoints/dma_engine_config.h"

#include "models/base/config/fields.h"

namespace iommusim::ep {

const base::Fields<DmaEngineConfig>& DmaEngineConfig::fields() {
  using C = DmaEngineConfig;
  static const auto f =
      base::Fields<C>("dma_engine", "DMA engine of an endpoint: its limits and its fixed costs")
          .field("tags", &C::tags, "Read requests outstanding at most")
          .range(1, 65536)
          .source("PCIe: 32 without extended tags, 256 with, 768 and 15,360 with 10 and 14 bits")
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
                 "From the last completion to the end of a read DMA, pipelined")
          .range("0 ns", "1 ms")
          .field(
              "latency_per_kib", &C::latency_per_kib,
              "Added to completion_latency per 1024 bytes of the DMA (copy inside the device), not shared between DMAs")
          .range("0 ns", "1 ms")
          .source(
              "pcie-bench data set (b2abf2f), LAT_DMA_RD by size: the NFP6000 shows about 0.15 ns/B beyond the link")
          .field("completion_timeout", &C::completion_timeout,
                 "A read request without completion fails after this time; none: it waits for ever")
          .range("0 ns", "64 s")
          .word("none", "0 ns")
          .source("PCIe 5.0 section 7.5.3.16: 50 us to 50 ms unless programmed")
          .field("store_data", &C::store_data,
                 "Bulk DMA carries real bytes; set from memory.store_data by the platform");
  return f;
}

}  // namespace iommusim::ep
