// DMA engine: cuts DMAs into request TLPs, keeps as many outstanding as its tags and posted window allow, and puts the
// completions together again. What drives it is a Workload it pulls from, or a device model that submits DMAs.
//
// A DMA waits for a slot, then `issue_latency`, then its TLPs leave one after another: a read takes a tag, a write
// takes room in the posted window, and each keeps the issue port busy for its interval. TLPs leave in the order of
// their DMAs: one that waits for a tag holds back those behind it, as one request queue does. The engine copies what
// each completion TLP brings into the device, for one DMA one TLP after the other; a read DMA is done
// `completion_latency` after the last is there and copied. A posted write is done for its requester when sent (PCIe 5.0
// section 2.4), for statistics when visible. A completion time-out frees the DMA but not
// the tag, which a late completion may still carry (section 2.8).
//
// Attached to a function of a pcie::Device it obeys that function's control registers: sizes, ordering and tag width;
// while Bus Master Enable is off memory requests and MSIs wait and messages pass (section 7.5.1.1.3); MSIs wait while
// MSI-X is masked (section 7.7.2.2; they are not merged per vector). A function-level reset ends every DMA with a
// status of its own; late completions are dropped, and until then keep their tags (section 6.6.2 leaves it to software
// to wait for them, as a tag used again could take the wrong one). A change of the tag width takes effect when no read
// is outstanding. Left out: the device TLB, several request queues, re-ordering of completions, retry of failed
// requests.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "models/base/stats/group.h"
#include "models/endpoints/dma_engine_config.h"
#include "models/endpoints/dma_request.h"
#include "models/endpoints/dma_tracks.h"
#include "models/endpoints/latency_stats.h"
#include "models/endpoints/slowest_dmas.h"
#include "models/endpoints/tag_table.h"
#include "models/endpoints/workload.h"
#include "models/pcie/function.h"
#include "models/pcie/messages.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/delegate.h"
#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/slot_pool.h"
#include "models/tlm/timed_queue.h"
#include "models/tlm/timer.h"

namespace iommusim::ep {

/// What the engine is on the bus.
struct BusIdentity {
  base::SourceId requester;
  base::Bytes mps{256};
  base::Bytes mrrs{512};
};

struct DmaEngineStats {
  base::Counter reads, writes;                                     ///< DMAs ended well; writes when visible
  base::Counter read_bytes, write_bytes;                           ///< their payload
  base::Counter read_requests, write_requests;                     ///< TLPs sent
  base::Counter failed_unsupported, failed_abort, failed_timeout;  ///< DMAs by their first bad status
  base::Counter dropped_writes;    ///< write DMAs of which the remapping unit dropped a part; no device can see it
  base::Counter reset;             ///< DMAs and messages ended by a function-level reset
  base::Counter late_completions;  ///< of requests given up, dropped
  base::Counter unexpected_completions;      ///< with a tag that is not outstanding, dropped
  base::Counter messages;                    ///< MSIs sent
  base::Counter device_messages;             ///< other messages sent
  base::Counter tag_stalls, posted_stalls;   ///< TLPs that had to wait for a tag, for the posted window
  base::Counter bus_master_stalls;           ///< TLPs that had to wait for Bus Master Enable
  base::Occupancy posted;                    ///< write TLPs sent and not yet visible
  LatencyStats read_latency, write_latency;  ///< of DMAs ended well
  base::Histogram first_data;                ///< of reads: from the intended start to the first completion TLP
};

class DmaEngine : public tlm::Module,
                  public pcie::FunctionListener,
                  public pcie::MessageSink,
                  private tlm::InitiatorPort::Owner {
 public:
  using Done = tlm::Delegate<void(const DmaResult&)>;

  DmaEngine(::sc_core::sc_module_name name, tlm::Context& context, const DmaEngineConfig& config,
            const BusIdentity& bus);

  tlm::InitiatorPort port;  ///< toward the link

  /// The workload to pull from, from the start of simulation or of this call; it outlives the engine's last use. At
  /// most one.
  void drive(Workload& workload);
  /// Starts a DMA now or as soon as a slot is free, before any the workload offers. `done` may be empty. Legal from any
  /// context, `done` included. Precondition: bytes >= 1, intended not after now.
  void submit(const DmaRequest& request, Done done = {});
  /// Posts a 4-byte memory write of `data` (PCIe 5.0 section 6.1.4), behind the writes submitted before it.
  /// `done` may be empty; it is called when the message has been delivered, with request.user as given.
  void send_msi(std::uint64_t address, std::uint32_t data, std::uint64_t user = 0, Done done = {});
  /// Sends a message behind the writes submitted before it.
  void send_message(const pcie::MessageTlp& message);
  /// A message has come. An engine without a device TLB holds no translations: it answers an invalidate request at
  /// once, behind the writes submitted before it (PCIe 6.0 section 10.3.2); others need no answer.
  void message(const tlm::Payload& payload) override;
  /// The workload that answered `wait` has something now.
  void wake() { work_.arm(now()); }

  /// Nothing more is taken from the workload; what was taken or submitted goes on (the drain of a run).
  void stop_issuing() { stopped_ = true; }
  /// Ends all DMAs with CompletionStatus::function_reset (posted writes already told as sent go on) and forgets
  /// messages. What was sent comes back and is dropped.
  void reset();
  void controls_changed(const pcie::RequesterControls& controls) override;
  void function_reset() override { reset(); }

  /// Nothing submitted, in progress or on its way.
  bool quiescent() const {
    return submitted_.empty() && pending_msis_.empty() && slots_.in_use() == 0 && tags_.in_use() == 0 && posted_ == 0;
  }
  /// What is still held, for the error of a drain that does not end; empty if quiescent.
  std::string holding() const;

  base::SourceId requester() const { return bus_.requester; }
  const DmaEngineConfig& config() const { return config_; }
  const DmaEngineStats& counters() const { return stats_; }
  /// Those of the window that ended well and took longest.
  const SlowestDmas& slowest() const { return slowest_; }

 private:
  enum class Kind : std::uint8_t { dma, msi, message };
  struct Submitted {
    DmaRequest request;
    Done done;
    Kind kind = Kind::dma;
    std::uint32_t msi_data = 0;
  };
  enum class State : std::uint8_t { free, issuing, ready, waiting, ending };
  struct Slot {
    DmaRequest request;
    Done done;
    tlm::CompletionStatus status;
    State state = State::free;
    Kind kind;
    bool from_workload;
    bool refused;             // a write of which the remapping unit dropped a part: the device does not know
    bool told;                // the requester knows
    bool answered;            // its last TLP came back: `stamps` are its own
    bool abandoned;           // by a reset: told, and released when nothing refers to it any more
    std::uint32_t sent;       // bytes in TLPs so far
    std::uint32_t in_flight;  // TLPs
    std::uint32_t trace;      // number in a trace; 0: not traced
    base::Time issued;
    base::Time copied;                      // until then the copying of what has come goes on
    base::Time first_data;                  // the first completion TLP of any of its requests; zero: nobody tells
    Remapped remapped;                      // of the first TLP
    LatencyStats::Stamps stamps;            // of the TLP that finished last
    std::array<unsigned char, 4> msi_data;  // of an MSI
  };

  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void extended_phase(tlm::InitiatorPort& port, tlm::Payload& payload, const ::tlm::tlm_phase& phase) override;

  // taking DMAs
  void work();
  bool refill();
  void admit(const Submitted& what, bool from_workload);
  void ready(std::uint32_t slot);
  // sending TLPs
  bool issue();
  bool send_next(std::uint32_t index, Slot& slot);
  void send_tlp(std::uint32_t index, Slot& slot, std::uint32_t bytes, std::uint32_t tag);
  void count_posted();
  void send_message_of(std::uint32_t index, Slot& slot);
  void post_message(const pcie::MessageTlp& message, std::uint32_t dma);
  void let_messages_pass();
  void let_submitted_messages_pass();
  // ending them
  void copy(Slot& slot, std::uint32_t bytes);
  void finished(std::uint32_t index, const tlm::DmaExtension* ext, tlm::CompletionStatus status);
  void end(std::uint32_t index);
  void tell(Slot& slot);
  void release(std::uint32_t index);
  void abandon(std::uint32_t index);
  void give_up_tags();
  void reset_submitted(tlm::Ring<Submitted>& submitted);
  void set_tag_width();
  void count(const Slot& slot);
  // time-outs
  void link_tag(std::uint32_t tag);
  void unlink_tag(std::uint32_t tag);
  void check_timeouts();
  void add_metrics();

  static constexpr std::uint32_t no_tag = TagTable::none;
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

  const DmaEngineConfig config_;
  BusIdentity bus_;
  pcie::RequesterControls controls_;
  Workload* workload_ = nullptr;
  bool stopped_ = false;
  bool working_ = false;
  bool stalled_ = false;    // the TLP at the head has been counted as waiting
  bool new_width_ = false;  // the tags' width changes when none is in use
  base::Time port_free_;    // the issue port; Time::max() while bus mastering is off
  base::Time port_free_then_;
  std::uint32_t posted_ = 0;  // write TLPs in flight
  tlm::Ring<Submitted> submitted_;
  tlm::Ring<pcie::MessageTlp> messages_;  // contents of the messages in submitted_, slots and ready_, in order
  tlm::Ring<Submitted> pending_msis_;     // masked
  tlm::SlotPool<Slot> slots_;
  std::uint32_t slots_made_ = 0;  // slots below have been in use
  TagTable tags_;
  std::uint32_t oldest_ = no_tag, newest_ = no_tag;
  tlm::Ring<std::uint32_t> ready_;  // slots with TLPs to send
  tlm::DelayLine<std::uint32_t> issue_line_;
  tlm::Timer work_;
  tlm::TimedQueue<std::uint32_t> ending_;
  tlm::Timer timeout_;
  DmaEngineStats stats_;
  SlowestDmas slowest_;
  DmaTracks tracks_;
  Workload::Offered offered_before_;  // the window's start
};

}  // namespace iommusim::ep
