// The command (invalidation) queue as hardware: fetches entries from memory in order, carries them out, signals
// completion.
//
// One entry is fetched and executed at a time; a wait completes when every earlier command has, devices have answered
// the invalidation requests before it, and no walk that an invalidation overtook is still in flight. An invalidation
// request waits for one of the 32 tags. Leaves out: fetch batches and the search time of large caches.
#pragma once

#include <array>
#include <cstdint>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/api/ats_invalidations.h"
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
    /// Sends a message to a device; `tag` is that of an invalidation request. False if there is nobody to take it: no
    /// answer will come.
    virtual bool send(const DeviceMessage& message, std::uint8_t tag) = 0;
    /// A wait command begins: true if requests with translations older than it are still inside (walks that an
    /// invalidation overtook, translated requests held by ordering, those under way that `wait` orders). The owner
    /// calls drained() when they are gone.
    virtual bool begin_drain(const Command& wait) = 0;
    /// A wait command has ended.
    virtual void waited(const Command& /*wait*/, WaitEnd /*end*/) {}
    virtual void apply(const Effects& effects) = 0;
  };

  CommandEngine(tlm::Context& context, const std::string& name, const RemappingUnitConfig& config,
                Architecture& architecture, tlm::InitiatorPort& port, Owner& owner);
  /// The tail moved or the queue was enabled.
  void kick();
  void drained();
  void response(tlm::Payload& payload);
  bool idle() const { return state_ == State::idle; }
  /// Nothing goes on until a device has answered an invalidation request, or the time for it is over.
  bool waits_for_devices() const {
    return state_ == State::needs_tag ||
           (state_ == State::draining && drained_ && device_invalidations_.outstanding() != 0);
  }
  /// A device has answered the invalidation requests of a mask of tags, with one of `count` messages for each. False:
  /// unexpected, and ignored.
  bool invalidation_completed(SourceId device, bool has_segment, std::uint32_t tags, unsigned count);
  /// A device has not answered them in time.
  void invalidation_timed_out(std::uint32_t tags);

  void register_stats(base::Group& group);
  std::array<base::Counter, kCommandForms> commands;  ///< by Command::Form

 private:
  enum class State : std::uint8_t {
    idle,
    fetching,
    executing,
    needs_tag,  ///< an invalidation request, while all tags are in use
    draining,   ///< a wait command, until devices have answered and the unit has drained
    signalling,
    signalled
  };
  void fetch();
  void fetch_failed();
  void step(std::uint32_t);
  bool request_invalidation();
  void devices_answered();
  void signal();
  void finish_wait(WaitEnd end);

  tlm::Context& context_;
  const RemappingUnitConfig& config_;
  Architecture& architecture_;
  tlm::InitiatorPort& port_;
  Owner& owner_;
  State state_ = State::idle;
  Command command_;
  AtsInvalidations device_invalidations_;
  bool drained_ = false;   ///< a wait command: nothing older is left in the unit
  bool status_ok_ = true;  ///< memory took the status write
  Words words_{};
  tlm::TimedQueue<std::uint32_t> steps_;  ///< holds at most one entry: the queue's next step
};

}  // namespace iommusim::iommu
