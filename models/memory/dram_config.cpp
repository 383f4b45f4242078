#include "models/memory/dram_config.h"

namespace iommusim::mem {

using base::Fields;
using base::Report;

const Fields<DramTiming>& DramTiming::fields() {
  static const Fields<DramTiming> f =
      Fields<DramTiming>("dram_timing", "Command timing of the DRAM devices")
          .field("t_rcd", &DramTiming::t_rcd, "Activate to column command (tRCD)")
          .range("0 ps", "1 us")
          .source("14.16 ns: DDR4-2400T, 17-17-17 (JEDEC JESD79-4, speed bins)")
          .field("t_rp", &DramTiming::t_rp, "Precharge to activate (tRP)")
          .range("0 ps", "1 us")
          .source("14.16 ns: DDR4-2400T, 17-17-17 (JEDEC JESD79-4, speed bins)")
          .field("t_ras", &DramTiming::t_ras, "Activate to precharge (tRAS); with t_rp the row cycle time")
          .range("0 ps", "10 us")
          .source("32 ns: DDR4-2400 (JEDEC JESD79-4, speed bins)")
          .field("t_rtp", &DramTiming::t_rtp, "Column read command to precharge (tRTP)")
          .range("0 ps", "1 us")
          .source("7.5 ns: DDR4 (JEDEC JESD79-4, AC timing)")
          .field("t_wr", &DramTiming::t_wr, "End of a write's slot to precharge: write latency and tWR")
          .range("0 ps", "1 us")
          .source("25 ns: CWL 12 clocks of 0.833 ns and tWR 15 ns, DDR4-2400 (JEDEC JESD79-4)")
          .field("read_to_write", &DramTiming::read_to_write, "Data bus idle between a read and a write after it")
          .range("0 ps", "1 us")
          .source("5.83 ns: CL - CWL + 2 clocks = 7 clocks of 0.833 ns, DDR4-2400T (JEDEC JESD79-4)")
          .field("write_to_read", &DramTiming::write_to_read, "Data bus idle between a write and a read after it")
          .range("0 ps", "1 us")
          .source("17.5 ns: CWL 12 clocks of 0.833 ns and tWTR_L 7.5 ns, DDR4-2400 (JEDEC JESD79-4)")
          .field("t_refi", &DramTiming::t_refi,
                 "Between two refreshes of a channel (tREFI, 7.8 us for DDR4); none leaves refresh out, so that an "
                 "idle access always takes `latency`: published medians do not see the 4.5 % of time it takes")
          .range("0 ps", "1 ms")
          .word("none", "0 ps")
          .field("t_rfc", &DramTiming::t_rfc, "How long a refresh keeps the channel (tRFC)")
          .range("0 ps", "10 us")
          .source("350 ns: 8 Gb devices (JEDEC JESD79-4, refresh parameters by density)")
          .check([](const DramTiming& c, Report& r) {
            if (c.t_refi != Time() && c.t_rfc >= c.t_refi) r.error("t_rfc", "must be less than `t_refi`");
          });
  return f;
}

const Fields<DramScheduler>& DramScheduler::fields() {
  static const Fields<DramScheduler> f =
      Fields<DramScheduler>("dram_scheduler", "Queues of one channel: row hits first, then the oldest that can start")
          .field("reads", &DramScheduler::reads, "Waiting accesses the scheduler chooses among; others wait outside")
          .range(1, 4096)
          .source("64 entries: default of common DRAM simulators for a read queue (32 to 64)")
          .field("bypass_limit", &DramScheduler::bypass_limit,
                 "Younger accesses that may be served before a waiting one: the age cap")
          .range(0, 1000000)
          .source("32: half the queue; no published figure for a product")
          .field("writes", &DramScheduler::writes, "Lines the write buffer holds")
          .range(1, 4096)
          .source("64 entries: default of common DRAM simulators for a write queue (32 to 64)")
          .field("drain_at", &DramScheduler::drain_at, "Lines in the write buffer that start a drain")
          .range(1, 4096)
          .source("three quarters of the buffer; no published figure for a product")
          .field("drain_to", &DramScheduler::drain_to, "Lines left in the write buffer when a drain ends")
          .range(0, 4095)
          .source("a quarter of the buffer; no published figure for a product")
          .check([](const DramScheduler& c, Report& r) {
            if (c.drain_at > c.writes)
              r.error("drain_at", "must not be more than `writes`, " + std::to_string(c.writes));
            if (c.drain_to >= c.drain_at) {
              r.error("drain_to", "must be less than `drain_at`, " + std::to_string(c.drain_at));
            }
          });
  return f;
}

const Fields<DramConfig>& DramConfig::fields() {
  static const Fields<DramConfig> f =
      Fields<DramConfig>("dram", "DRAM: channels of banks, each channel with a scheduler and a write buffer")
          .field("channels", &DramConfig::channels, "Independent channels")
          .range(1, 64)
          .field("interleave", &DramConfig::interleave, "Consecutive bytes on one channel")
          .range("64 B", "1 GiB")
          .power_of_two()
          .field("latency", &DramConfig::latency,
                 "Idle read of one 64-byte line from a closed bank, request to response at the memory port: path, "
                 "controller, t_rcd, column access and burst. A row hit takes t_rcd less, a row conflict t_rp more")
          .range("1 ns", "100 us")
          .source(
              "54 ns over a last-level cache hit: pcie-bench, Haswell, warm against cold 64 B DMA reads; 80-100 ns "
              "core side")
          .field("bandwidth", &DramConfig::bandwidth, "Bandwidth of one channel")
          .range("1 Mb/s", "100 Tb/s")
          .source("DDR4-2400, 64 data bits: 2.4 GT/s x 8 B (JEDEC JESD79-4)")
          .field("banks", &DramConfig::banks, "Banks of one channel, all ranks together")
          .range(1, 1024)
          .power_of_two()
          .source("one dual-rank DDR4 module of x8 devices: 2 x 4 groups x 4 banks (JEDEC JESD79-4)")
          .field("row", &DramConfig::row, "Bytes of one row of one bank, over all devices of a rank")
          .range("64 B", "1 MiB")
          .power_of_two()
          .source("8 x8 devices with a page of 1 KiB (JEDEC JESD79-4)")
          .field("bank_interleave", &DramConfig::bank_interleave, "Consecutive bytes of one channel in one bank")
          .range("64 B", "1 MiB")
          .power_of_two()
          .source("a line, as fits a closed page: neighbours never wait for each other's row cycle")
          .field("page_policy", &DramConfig::page_policy, "What becomes of a row after an access",
                 {{"closed", PagePolicy::closed}, {"open", PagePolicy::open}})
          .source("closed, so that each idle access takes `latency` as the calibration against pcie-bench has it")
          .field("timing", &DramConfig::timing, "Command timing of the devices")
          .field("scheduler", &DramConfig::scheduler, "Queues of one channel")
          .check([](const DramConfig& c, Report& r) {
            if (c.latency < c.timing.t_rcd) {
              r.error("latency", "must not be less than `timing.t_rcd`, " + base::to_text(c.timing.t_rcd));
            }
            if (c.bank_interleave.value() > c.row.value()) {
              r.error("bank_interleave", "must not be more than `row`, " + base::to_text(c.row));
            }
          });
  return f;
}

}  // namespace iommusim::mem
