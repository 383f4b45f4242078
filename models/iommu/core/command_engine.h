// The command (invalidation) queue as hardware: fetches entries from memory in order, carries them out, signals
// completion.
//
// One entry is fetched and executed at a time; a wait completes when every earlier command has and no walk that an
// invalidation overtook is still in flight. Leaves out: fetch batches and the search time of large caches, and a status
// write that fails: nothing tells software (the issue on the core's full depth).
#pragma once

#include <array>
#include <cstdint>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/core/config.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::iommu {

class CommandEngine {
 public:
  /// Slot number that marks the engine's accesses among those of the walkers on the same port.
  static constexpr std::uint32_t kSlot = ~std::uint32_t{0};

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void invalidate(const InvalidationScope& scope) = 0;
    virtual void invalidate_device_tlb(const Command& command) = 0;
    /// A wait command begins: true if requests with translations older than it are still inside (walks that an
    /// invalidation overtook, translated requests held by ordering). The owner calls drained() when they are gone.
    virtual bool begin_drain() = 0;
    virtual void apply(const Effects& effects) = 0;
  };

  CommandEngine(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
                Architecture& architecture, tlm::InitiatorPort& port, Owner& owner);
  /// The tail moved or the queue was enabled.
  void kick();
  void drained();
  void response(tlm::Payload& payload);
  bool idle() const { return state_ == State::idle; }

  void register_stats(base::Group& group);
  std::array<base::Counter, kCommandForms> commands;  ///< by Command::Form

 private:
  enum class State : std::uint8_t { idle, fetching, executing, draining, signalling, signalled };
  void fetch();
  void step(std::uint32_t);
  void signal();
  void finish_wait();

  tlm::Context& context_;
  const RemappingUnitConfig& config_;
  Architecture& architecture_;
  tlm::InitiatorPort& port_;
  Owner& owner_;
  State state_ = State::idle;
  Command command_;
  Words words_{};
  tlm::TimedQueue<std::uint32_t> steps_;  ///< holds at most one entry: the queue's next step
};

}  // namespace iommusim::iommu
