// What an NVMe controller's accesses are for, from the recorder's pci_nvme_* lines: length, direction and command of
// each.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "experiments/import/unit_log.h"

namespace iommusim::importer {

/// Follows queues and commands of all controllers of a capture. Lines name no controller: with several, the adjacent
/// translated access tells. DMA that is not translated (unit off, pass-through) leaves no access lines; it is derived
/// from the commands, with flag `derived`, except shadow doorbells, of which nothing is logged then. Sources: NVMe base
/// specification 2.0, sections 3.3 (queues, 64-byte and 16-byte entries) and 4.1.1 (PRP lists).
class NvmeDecoder {
 public:
  explicit NvmeDecoder(const std::vector<base::Bdf>& controllers);

  bool is_controller(base::Bdf requester) const { return controllers_.count(requester) != 0; }
  /// Completes a translated access of a controller: class, direction, size, flags, command.
  void classify(ep::TraceRecord& r);
  /// Takes a line of a device; appends derived accesses, doorbells and interrupts to `out`. `physical` is the outcome
  /// untranslated accesses have at present.
  void take(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out);

 private:
  struct Ring {
    std::uint64_t base = 0;
    std::uint32_t entries = 0, next = 0, completion = 0;
  };
  struct Segment {
    std::uint64_t begin, end;
    std::set<std::uint64_t> seen;  ///< addresses already accessed: a repeat is a probe
  };
  struct Command {
    std::uint32_t io = 0, queue = 0, cid = 0;
    bool fetched = false, translated = false, write = false, configures_shadow = false;
    std::vector<Segment> segments;
    std::uint64_t list_begin = 0, list_end = 0;
  };
  struct Controller {
    base::Bdf requester;
    std::map<std::uint32_t, Ring> submission, completion;
    std::uint64_t shadow = 0, event_index = 0;
    Command command;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<std::uint32_t, bool>>
        inflight;  ///< (CQ, CID) -> I/O id, translated
    std::uint32_t last_completed = 0;
  };

  void adopt_admin_queues(Controller& controller, std::uint64_t address);
  void begin_command(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out);
  void finish_command(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out);
  void derive(const UnitEvent& event, ep::Outcome outcome, ep::AccessClass access, bool write, std::uint64_t address,
              std::uint64_t bytes, std::uint32_t io, std::vector<ep::TraceRecord>& out) const;
  bool classify_ring(Controller& c, ep::TraceRecord& r);
  bool classify_data(Command& command, ep::TraceRecord& r);

  std::map<base::Bdf, Controller> controllers_;
  Controller* active_ = nullptr;  ///< whose command the lines speak of
  std::uint64_t admin_submission_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unclaimed_;  ///< admin queue pairs set, controller not yet known
  std::deque<std::pair<std::uint32_t, std::uint32_t>> completed_;   ///< (CQ, CID) enqueued, entry not yet written
  std::uint32_t next_io_ = 1;
};

}  // namespace iommusim::importer
