// The command (invalidation) queue as hardware: fetches entries from memory in order, carries them out, signals
// completion.
//
// One memory read brings up to `fetch_batch` entries; they are carried out one at a time, each after command_latency
// and, if it drops cache entries, the time of the search. A wait completes when every earlier command has, devices have
// answered the invalidation requests before it, no walk that an invalidation overtook is still in flight, and the
// requests it orders have left; nothing behind it starts before (a fence in every case, which VT-d 4.1 section 6.5.2.8
// allows). An invalidation request waits for one of the 32 tags. What was fetched is dropped when the queue stops or is
// turned off. Leaves out: fetching ahead while commands are carried out, an interrupt's own write among the waits.
#pragma once

#include <array>
#include <cstdint>

#include "models/base/stats/group.h"
#include "models/iommu/api/architecture.h"
#include "models/iommu/core/command_batch.h"
#include "models/iommu/core/command_meter.h"
#include "models/iommu/core/config.h"
#include "models/iommu/core/device_invalidations.h"
#include "models/tlm/context.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/timed_queue.h"
#include "models/tlm/tracer.h"

namespace iommusim::iommu {

class CommandEngine {
 public:
  /// Slot number that marks the engine's accesses among those of the walkers on the same port.
  static constexpr std::uint32_t kSlot = ~std::uint32_t{0};

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void invalidate(const InvalidationScope& scope) = 0;
    /// What the search for a scope's entries takes.
    virtual base::Time invalidation_time(const InvalidationScope& scope) const = 0;
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
  /// Software has written a register: the queue may have been turned off.
  void registers_written();
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
  /// A device has not answered them in time. (It does by itself after command_queue.device_timeout.)
  void invalidation_timed_out(std::uint32_t tags);

  void register_stats(base::Group& group);
  std::array<base::Counter, kCommandForms> commands;  ///< by Command::Form
  base::Counter fetches;
  base::Counter dropped;         ///< entries fetched and not carried out
  base::Histogram latency;       ///< ps: invalidations, from their fetch to their effect
  base::Histogram wait_latency;  ///< ps: waits, from the tail write that submitted them to their end

 private:
  enum class State : std::uint8_t {
    idle,
    fetching,
    decoding,
    searching,  ///< an invalidation, until its entries are found and dropped
    needs_tag,  ///< an invalidation request, while all tags are in use
    draining,   ///< a wait command, until devices have answered and the unit has drained
    signalling,
    signalled
  };
  void next();
  void step(std::uint32_t);
  void execute();
  void invalidate();
  bool request_invalidation();
  void devices_answered();
  void signal();
  void finish_wait(WaitEnd end);
  void done();
  void stop();
  void fetch_failed();
  void draw_command();
  void drop_batch();
  base::Time now() const { return context_.scheduler.now(); }

  tlm::Context& context_;
  const RemappingUnitConfig& config_;
  Architecture& architecture_;
  tlm::InitiatorPort& port_;
  Owner& owner_;
  State state_ = State::idle;
  CommandBatch batch_;
  CommandMeter meter_;
  Command command_;
  Hpa entry_;              ///< where the command being carried out lies
  base::Time fetched_at_;  ///< when the read of the batch went out
  DeviceInvalidations device_invalidations_;
  bool drained_ = false;   ///< a wait command: nothing older is left in the unit
  bool status_ok_ = true;  ///< memory took the status write
  std::uint32_t status_ = 0;
  tlm::TimedQueue<std::uint32_t> steps_;  ///< holds at most one entry: the queue's next step
  tlm::Track track_;
};

}  // namespace iommusim::iommu
