#include "models/host/cpu_config.h"

namespace iommusim::host {

using base::Fields;
using base::Time;

const Fields<CpuCoreConfig>& CpuCoreConfig::fields() {
  static const Fields<CpuCoreConfig> f =
      Fields<CpuCoreConfig>("cpu_core", "A core that runs driver tasks")
          .field("task_cost", &CpuCoreConfig::task_cost, "Time to take up a task, besides its traffic")
          .at_most("1 ms")
          .field("access_cost", &CpuCoreConfig::access_cost, "Core time of each memory access, before it is issued")
          .at_most("1 ms")
          .field("mmio_cost", &CpuCoreConfig::mmio_cost, "Core time of each MMIO access, before it is issued")
          .at_most("1 ms")
          .field("interrupt_cost", &CpuCoreConfig::interrupt_cost,
                 "Core time from an interrupt to the task that waits for it")
          .at_most("1 ms")
          .field("poll_interval", &CpuCoreConfig::poll_interval,
                 "Pause between the end of one read of a polled word and the start of the next")
          .range("1 ps", "1 ms")
          .source(
              "one PAUSE instruction: up to 140 cycles on Skylake (Intel 64 and IA-32 Architectures Optimization "
              "Reference "
              "Manual, pause latency in Skylake client microarchitecture), at 3 GHz")
          .field("write_buffers", &CpuCoreConfig::write_buffers,
                 "Memory writes outstanding before the core stalls; 0 means that each write is waited for")
          .at_most(1024)
          .source(
              "line fill buffers of an Intel core from Nehalem to Broadwell (Intel 64 and IA-32 Architectures "
              "Optimization "
              "Reference Manual)")
          .field("wc_buffers", &CpuCoreConfig::wc_buffers,
                 "Lines of write-combining memory collected at once; 0 means that nothing is combined")
          .at_most(1024)
          .source(
              "the line fill buffers again (Intel 64 and IA-32 Architectures Optimization Reference Manual, write "
              "combining)")
          .field("wc_chunk", &CpuCoreConfig::wc_chunk,
                 "A combined line that is not full leaves in requests that do not cross multiples of this")
          .range("1 B", "64 B")
          .source(
              "8-byte partial writes (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, "
              "buffering of write combining memory locations)")
          .check([](const CpuCoreConfig& c, base::Report& r) {
            if ((c.wc_chunk.value() & (c.wc_chunk.value() - 1)) != 0) r.error("wc_chunk", "must be a power of two");
          });
  return f;
}

const Fields<LockConfig>& LockConfig::fields() {
  static const Fields<LockConfig> f =
      Fields<LockConfig>("lock", "Cost of a contended lock")
          .field("handover", &LockConfig::handover, "Time from a release to the next waiting core going on")
          .at_most("1 ms")
          .field("handover_per_spinner", &LockConfig::handover_per_spinner,
                 "Added to it for each core that goes on waiting")
          .at_most("1 ms");
  return f;
}

}  // namespace iommusim::host
