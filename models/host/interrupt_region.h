// Where message-signalled interrupts end: the target of the memory writes that devices' MSIs are after remapping, and
// of the remapping unit's own. Each (address, data) that a core expects has a receiver.
//
// Messages have the x86 form (Intel SDM volume 3, section 11.11): address 0xFEExxxxx with the core's APIC ID in bits
// 19:12, vector in bits 7:0 of the data, fixed delivery, edge triggered. Left out: lowest-priority and logical
// delivery, priorities between vectors, more than 255 cores (they need remapped x2APIC destinations).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "models/base/config/fields.h"
#include "models/base/stats/histogram.h"
#include "models/base/stats/metrics.h"
#include "models/host/cpu_core.h"
#include "models/iommu/api/walk.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/module.h"
#include "models/tlm/ports.h"

namespace iommusim::host {

struct InterruptRegionConfig {
  base::Time latency;  ///< from the write's arrival to the core
  static const base::Fields<InterruptRegionConfig>& fields();
};

class InterruptRegion : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  static constexpr std::uint64_t kBase = 0xfee00000;  ///< the range MSIs are written to on x86
  static constexpr std::uint64_t kBytes = 0x100000;
  /// Device vectors as Linux hands them out: above those of the legacy interrupts, below the kernel's own
  /// (irq_vectors.h).
  static constexpr unsigned kFirstVector = 0x30;
  static constexpr unsigned kLastVector = 0xeb;

  /// Called at delivery, in the scheduler's context: may submit tasks, not wait.
  using Handler = std::function<void(Time)>;

  InterruptRegion(::sc_core::sc_module_name name, tlm::Context& context, const InterruptRegionConfig& config);

  tlm::TargetPort port;

  /// Takes the core's next free vector: the message that, written to the region, raises it on the core and calls
  /// `handler`. Throws base::UserError when the core has no vector left.
  iommu::InterruptMessage connect(CpuCore& core, Handler handler = {});
  static unsigned vector(iommu::InterruptMessage message) { return message.data & 0xff; }

  /// How often the message has been delivered, and when last (zero if never).
  std::uint64_t delivered(iommu::InterruptMessage message) const;
  Time last_delivery(iommu::InterruptMessage message) const;
  std::uint64_t delivered() const { return delivered_.value(); }
  /// Messages that nobody expects.
  std::uint64_t spurious() const { return spurious_.value(); }

 private:
  struct Receiver {
    CpuCore* core = nullptr;
    Handler handler;
    std::uint64_t count = 0;
    Time last;
  };
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void deliver(tlm::Payload* payload);
  const Receiver* find(iommu::InterruptMessage message) const;

  const InterruptRegionConfig config_;
  tlm::DelayLine<tlm::Payload*> arrived_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, Receiver> receivers_;
  std::map<unsigned, unsigned> next_vector_;  // by core number
  base::Counter delivered_, spurious_, refused_;
  base::Histogram latency_;
};

}  // namespace iommusim::host
