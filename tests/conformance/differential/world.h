// Devices, memory and software around a timed remapping unit of the core, for random tests: many requests in flight
// while tables, contexts and command queue change, memory that answers table reads out of order, each request compared
// with the model as it leaves the unit.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/simulation.h"
#include "models/tlm/timed_queue.h"
#include "tests/conformance/differential/software.h"

namespace iommusim::test::differential {

class World : public tlm::Module,
              private tlm::InitiatorPort::Owner,
              private tlm::TargetPort::Owner,
              private UnitObserver {
 public:
  World(::sc_core::sc_module_name name, tlm::Context& context, const Variant& variant,
        const RemappingUnitConfig& config, std::uint64_t seed);

  /// Boots, then issues `requests` requests among random changes, and stops when all have been answered. Ends early at
  /// the first thing wrong.
  void run(RequestNumber requests);

  /// What was wrong, with what led to it; empty if nothing was.
  const std::string& wrong() const { return wrong_; }
  RemappingUnit& unit() { return *unit_; }
  std::uint64_t translated = 0, faults = 0, passed = 0;
  std::uint64_t compared = 0;       ///< with the untimed unit, bit for bit
  std::uint64_t seen_old = 0;       ///< requests that were answered by a state already changed
  std::uint64_t overtaken = 0;      ///< requests that left while a change they may be affected by was under way
  std::uint64_t invalidations = 0;  ///< submissions waited for

 private:
  struct Inside {
    Operation access;
    base::Time arrived;
    bool left = false;
  };
  struct Access {
    tlm::Payload* payload = nullptr;
    bool read_already = false;  ///< when it came: what it brings may be old by the time it arrives
  };
  struct Note {
    base::Time at;
    RequestNumber next;
    Operation operation;
    std::string text;  ///< instead of an operation
  };
  using Key = std::tuple<std::uint32_t, std::uint64_t, bool, std::uint16_t>;
  static Key key(const Request& r, std::uint16_t reason) {
    return {r.source.value(), r.address, r.needed.write, reason};
  }

  // What software and devices do: one step after the other, at random distances.
  void step(int);
  void issue();
  void send(const Operation& access);
  void use(const Operation& unmap);
  void change(const Operation& op);
  std::size_t inside() const { return inside_.size(); }
  void submit();
  void toggle();
  void write_registers(const std::vector<RegisterWrite>& writes);

  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void fault(const FaultEvent& event) override {
    fault_kinds_[key(event.request, event.fault.reason)] = event.fault.kind;
  }
  void memory_done(Access access);
  void transfer(tlm::Payload& payload);
  void status_written(Hpa address);

  void left(const tlm::DmaExtension& x, const Answer& got);
  void note(const Operation* op, std::string text);
  void fail(const std::string& what, const Operation* access = nullptr, const tlm::DmaExtension* x = nullptr);
  bool concerns(const Note& note, const Operation& access) const;

  base::RandomStream random_;
  Generator generator_;
  Memory contents_;
  Software software_;
  std::unique_ptr<RemappingUnit> unit_;
  std::unique_ptr<UntimedUnit> untimed_;  ///< over the same registers and tables
  std::deque<std::unique_ptr<tlm::InitiatorPort>> devices_;
  tlm::InitiatorPort registers_;
  tlm::TargetPort data_, tables_;
  tlm::TimedQueue<Access> memory_;
  tlm::TimedQueue<int> steps_;

  RequestNumber wanted_ = 0, next_ = 0, oldest_ = 0;
  std::deque<Inside> inside_;  ///< from number oldest_ on
  std::size_t most_inside_;
  std::deque<Software::Submission> submissions_;
  std::map<Key, FaultKind> fault_kinds_;  ///< a response tells the reason only
  unsigned register_writes_ = 0;          ///< under way
  bool toggling_ = false;
  std::optional<Operation> planned_;  ///< an unmap of what devices have just been made to use
  std::optional<Operation> gone_;     ///< the last one carried out
  base::Time last_left_;              ///< when a request left last
  std::deque<Note> notes_;
  std::string wrong_;
};

/// The parameters of a unit that matter here, in one line.
std::string to_text(const RemappingUnitConfig& c);
/// Small caches of any shape and policy, few walkers, either service, from the seed.
RemappingUnitConfig random_unit(std::uint64_t seed);

}  // namespace iommusim::test::differential
