// What a CPU core costs, besides the memory and MMIO traffic of the tasks it runs.
#pragma once

#include <cstdint>

#include "models/base/config/fields.h"
#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::host {

struct CpuCoreConfig {
  base::Time task_cost;                           ///< taking up a task
  base::Time access_cost;                         ///< each memory access, before it is issued
  base::Time mmio_cost;                           ///< each MMIO access, before it is issued
  base::Time interrupt_cost;                      ///< entering a task woken by an interrupt
  base::Time poll_interval = base::Time::ns(47);  ///< from one look at a polled word to the next
  std::uint32_t write_buffers = 10;               ///< memory writes outstanding at most; 0: each is waited for
  std::uint32_t wc_buffers = 10;                  ///< lines being combined at most; 0: nothing is
  base::Bytes wc_chunk{8};                        ///< a line not full is written in pieces of this at most
  static const base::Fields<CpuCoreConfig>& fields();
};

/// What handing a lock from one core to the next costs: cache-line transfers that grow with the number of spinning
/// cores.
struct LockConfig {
  base::Time handover;              ///< from a release to the next owner going on, when cores wait
  base::Time handover_per_spinner;  ///< added for each core still waiting then
  static const base::Fields<LockConfig>& fields();
};

}  // namespace iommusim::host
