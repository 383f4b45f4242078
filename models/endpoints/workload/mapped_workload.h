// A workload whose buffers the driver maps before each DMA and unmaps after it: it stands between a workload, whose
// addresses are offsets in the buffer, and the engine, and asks a host::BufferPolicy.
//
// Mapping runs ahead of the engine by at most as many DMAs as the engine has slots: a driver that fills a ring. A DMA
// keeps its intended time, so that its latency includes the wait for its mapping; one being mapped counts as in
// progress in a closed loop, whose window makes room when the DMA is done, not when it is unmapped (the unmapping is
// ahead of the next mapping in the queue of the core). What an open loop offers meanwhile stays a count in the
// workload. A write is done when visible, whatever the workload asked for: a driver unmaps a buffer once a message from
// the device, which pushes the posted write ahead, says that it is full.
//
// Left out: that message (an interrupt or a completion entry), the doorbell that tells the device of its buffers.
#pragma once

#include <memory>

#include "models/endpoints/dma_engine.h"
#include "models/endpoints/workload.h"
#include "models/host/buffer_policy.h"
#include "models/tlm/ring.h"
#include "models/tlm/slot_pool.h"

namespace iommusim::ep {

class MappedWorkload final : public Workload {
 public:
  /// For `engine` to be driven by, directly or through another decorator. The inner workload's addresses are offsets
  /// in the policy's buffer.
  MappedWorkload(const tlm::Scheduler& scheduler, std::unique_ptr<Workload> inner,
                 std::unique_ptr<host::BufferPolicy> policy, DmaEngine& engine)
      : inner_(std::move(inner)),
        policy_(std::move(policy)),
        engine_(engine),
        ahead_(scheduler, engine.config().dmas) {}

  Next next(base::Time now) override;
  /// The inner workload gets the address that the DMA was mapped to.
  void done(const DmaResult& result, base::Time now) override;
  Offered offered(base::Time now) const override { return inner_->offered(now); }
  bool open_loop() const override { return inner_->open_loop(); }

  /// After the engine's stop_issuing(): what is mapped and was not taken is unmapped, never to be issued.
  void stop();

 private:
  void map(const DmaRequest& dma);
  void mapped(std::uint32_t index, base::Iova iova);

  std::unique_ptr<Workload> inner_;
  std::unique_ptr<host::BufferPolicy> policy_;
  DmaEngine& engine_;
  tlm::SlotPool<DmaRequest> ahead_;  // being mapped, or mapped and not taken
  tlm::Ring<std::uint32_t> ready_;   // of these, the mapped ones
  bool asking_ = false;              // the engine is in next(): it needs no wake-up
  bool stopped_ = false;
};

}  // namespace iommusim::ep
