// What a file says about DRAM: geometry, timing and the controller's queues. All nodes have the same.
#pragma once

#include "models/base/config/config.h"

namespace iommusim::mem {

using base::Bandwidth;
using base::Bytes;
using base::Time;

/// What becomes of a row after an access. closed: it is precharged at once unless an access that waits wants it. open:
/// it stays until another row of its bank is wanted.
enum class PagePolicy : std::uint8_t { closed, open };

/// Command timing of the DRAM devices (JEDEC JESD79-4 names), in time, not in clocks.
struct DramTiming {
  Time t_rcd = Time::ps(14160);          ///< activate to column command
  Time t_rp = Time::ps(14160);           ///< precharge to activate
  Time t_ras = Time::ns(32);             ///< activate to precharge
  Time t_rtp = Time::ps(7500);           ///< column read to precharge
  Time t_wr = Time::ns(25);              ///< end of a write's slot to precharge: write latency and tWR
  Time read_to_write = Time::ps(5830);   ///< idle slot time between a read and a write after it
  Time write_to_read = Time::ps(17500);  ///< idle slot time between a write and a read after it
  Time t_refi;                           ///< between refreshes; 0: none
  Time t_rfc = Time::ns(350);            ///< a refresh keeps the channel for so long
  static const base::Fields<DramTiming>& fields();
};

/// Queues of one channel.
struct DramScheduler {
  unsigned reads = 64;         ///< accesses the scheduler chooses among; older ones first in, the rest wait outside
  unsigned bypass_limit = 32;  ///< younger accesses that may be served before a waiting one
  unsigned writes = 64;        ///< lines the write buffer holds
  unsigned drain_at = 48;      ///< lines in the write buffer that start a drain
  unsigned drain_to = 16;      ///< lines left when a drain ends
  static const base::Fields<DramScheduler>& fields();
};

struct DramConfig {
  unsigned channels = 4;
  Bytes interleave{256};        ///< consecutive bytes on one channel
  Time latency = Time::ns(84);  ///< of an idle read of one line, bank closed, from request to response at the port
  Bandwidth bandwidth = Bandwidth::bits_per_second(153600000000);  ///< of one channel
  unsigned banks = 32;                                             ///< of one channel, all ranks
  Bytes row{8192};                                                 ///< of one bank, over all devices of a rank
  Bytes bank_interleave{64};                                       ///< consecutive bytes of a channel in one bank
  PagePolicy page_policy = PagePolicy::closed;
  DramTiming timing;
  DramScheduler scheduler;
  static const base::Fields<DramConfig>& fields();
};

}  // namespace iommusim::mem
