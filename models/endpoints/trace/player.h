// Replays a recorded trace on the simulated machine: driver work on a core, DMAs and interrupts by the endpoints that
// made them.
//
// Records are read ahead up to a window and start when what they depend on is done. The driver's records run in order,
// one at a time, as tasks of one core. An access waits for its mapping; an unmap for all earlier accesses to the
// mapping; a map for the wait descriptor before it. Within an NVMe command: doorbell, submission entry, PRP list, data,
// completion entry, interrupt; accesses of no command go in file order per requester. Domains, addresses and
// invalidations: see ReplayDomain. Left out: contents (no byte of the recording's memory is known), the time between
// dependent events in pace `fastest`.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/base/stats/group.h"
#include "models/endpoints/dma_engine.h"
#include "models/endpoints/trace/player_config.h"
#include "models/endpoints/trace/reader.h"
#include "models/endpoints/trace/replay_mappings.h"
#include "models/host/cpu_core.h"
#include "models/host/iommu_driver.h"
#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/module.h"
#include "models/tlm/timer.h"

namespace iommusim::ep {

class TracePlayer : public tlm::Module {
 public:
  /// What it plays on. `engine` answers null for a requester that is no endpoint of the platform.
  struct Machine {
    host::CpuCore* core = nullptr;
    host::IommuDriver* driver = nullptr;  ///< null: no remapping unit on the path
    iommu::RemappingUnit* unit = nullptr;
    std::function<DmaEngine*(base::Bdf requester)> engine;
    base::Hpa memory_end;                                    ///< first address beyond all DRAM
    DmaEngine* chipset = nullptr;                            ///< sends interrupts whose requester was not recorded
    std::function<base::Hpa(base::Bdf requester)> doorbell;  ///< address of its doorbell register
  };
  /// Told of every record when it and all before it are done, in file order. Fields the replay determines (an access's
  /// outcome) hold what happened, not what was recorded.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void replayed(const TraceRecord& record) = 0;
  };

  /// Opens the trace. Throws base::UserError for a file that is none, or whose devices the machine lacks.
  TracePlayer(::sc_core::sc_module_name name, tlm::Context& context, const TracePlayerConfig& config, Machine machine);

  const TraceHeader& header() const { return reader_.header(); }
  void observe(Observer* observer) { observer_ = observer; }
  /// Attaches the devices as at the trace's begin and starts. After the platform has booted.
  void start();
  /// Called once when the last record is done.
  void on_finished(tlm::Delegate<void()> call) { on_finished_ = call; }
  bool finished() const { return finished_; }
  /// Reads no further; what was read goes on.
  void stop_issuing() { ended_ = true; }
  bool quiescent() const { return !started_ || items_.empty(); }
  std::string holding() const;
  /// Throws what reading the trace threw during the run; returns if nothing.
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  std::uint64_t accesses_done() const { return accesses_.value(); }

 private:
  /// A record on its way. Items stay in file order; each kind has one place that starts it.
  struct Item {
    TraceRecord record;
    std::uint64_t sequence = 0;  ///< place in file order, made ones included
    base::Time due;
    enum class Role : std::uint8_t { note, driver, device } role = Role::note;
    bool synthetic = false;  ///< made by the player: not reported
    bool started = false;
    bool done = false;
    std::uint8_t stage = 0;               ///< device: place within its command
    std::vector<std::uint32_t> mappings;  ///< driver: whose accesses must be done; map, access: the one concerned
    base::Iova iova;                      ///< device: address in the replay
    std::uint64_t drops = 0;              ///< access: times the IOTLB had emptied itself when it was done
  };
  struct Device {
    DmaEngine* engine = nullptr;
    host::DmaDomain* domain = nullptr;  ///< replay under another domain type
    std::deque<Item*> waiting;
    unsigned plain_open = 0;       ///< started accesses of no command
    std::uint32_t message_io = 0;  ///< command whose interrupt comes next
    std::unordered_map<std::uint64_t, base::Iova>
        premapped;  ///< physical page to address, where the recording had no mapping
  };
  static constexpr unsigned kStages = 6;
  using Stages = std::array<std::uint16_t, kStages>;  ///< open items of a command by stage

  // reading (player.cpp)
  void pump();
  void read_ahead();
  void prepare(const TraceRecord& record);
  void retire();
  void finish();
  base::UserError located(const TraceRecord& record, const std::string& what) const;
  void compare_drops(const Item& item);
  Item& add(const TraceRecord& record, Item::Role role);
  void add_synthetic_translation(bool on);
  Device& device(base::Bdf requester);
  void check_devices();
  void attach_devices();

  // what each kind becomes (player_records.cpp)
  void prepare_map(const TraceRecord& record);
  void prepare_unmap(const TraceRecord& record);
  void prepare_access(const TraceRecord& record);
  void prepare_interrupt(const TraceRecord& record);
  void add_device_item(Item& item, Device& device, unsigned stage);
  void issue_group(std::uint32_t number);
  base::Iova placed(const TraceRecord& record, Device& device, Item& item);
  bool own_addresses() const;  ///< the replay gives mappings addresses of its own
  bool as_recorded() const { return machine_.driver != nullptr && config_.domain == ReplayDomain::recorded; }

  // driver work (player_driver.cpp)
  void start_driver();
  bool driver_ready(const Item& item) const;
  static bool is_barrier(const TraceRecord& record);
  void run_driver(Item& item);
  void task(Item& item, host::CpuCore& core);
  void seed(Item& item);
  void invalidate(const TraceRecord& record, host::CpuCore& core);
  void driver_done(Item& item);
  host::DmaDomain& recorded_domain(const TraceRecord& record);
  host::DmaDomain& domain_of_type(base::DomainId id, DomainType type);
  host::DmaDomain& attached_domain(const TraceRecord& record);
  std::uint64_t space(const TraceRecord& record) const;

  // device work (player_device.cpp)
  void start_devices();
  bool device_ready(const Device& device, const Item& item, bool first_plain) const;
  void run_device(Device& device, Item& item);
  void device_done(const DmaResult& result);
  void judge(Item& item, const DmaResult& result);

  void wake_at(base::Time at);
  void add_metrics();

  const TracePlayerConfig config_;
  const Machine machine_;
  TraceReader reader_;
  Observer* observer_ = nullptr;
  tlm::Delegate<void()> on_finished_;
  tlm::Timer pump_;
  std::exception_ptr failure_;
  bool started_ = false, ended_ = false, finished_ = false, pumping_ = false;
  bool translation_ = true;         ///< as of the last record read
  bool unit_translates_ = true;     ///< as of the last record done
  bool closing_ = false;            ///< the last record is done; the unit still works on its queue
  std::uint32_t made_up_ = 0xfff0;  ///< next identifier for a domain whose recorded one is not known, downward
  bool driver_busy_ = false;
  base::Time begin_;
  std::deque<Item> items_;  ///< read and not retired, file order; addresses stay valid
  std::uint64_t next_sequence_ = 0;
  std::deque<Item*> driver_items_;
  std::deque<std::uint64_t> barriers_;  ///< sequence numbers of driver items, not done, that later accesses wait for
  std::map<base::Bdf, Device> devices_;
  std::unordered_map<std::uint32_t, Stages> commands_;
  ReplayMappings mappings_;
  std::deque<std::uint32_t> open_groups_;  ///< own addresses: mappings whose pieces may not all have been read
  std::map<std::uint64_t, host::DmaDomain*> domains_;
  std::map<std::tuple<base::Bdf, std::uint64_t, std::uint32_t>, iommu::InterruptMessage>
      messages_;  ///< recorded to replayed
  // Full IOTLBs that emptied themselves, against the recording's (pace serial).
  std::uint64_t drops_noted_ = 0;
  std::uint32_t drop_line_ = 0;  ///< log line of the access at which it last happened; 0: the recording has said so too

  base::Counter records_, accesses_, refused_, outcome_differs_, reset_differs_, maps_, unmaps_, invalidations_,
      interrupts_, premapped_pages_, unattributed_;
  base::Histogram lag_;
};

}  // namespace iommusim::ep
