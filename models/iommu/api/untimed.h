// A remapping unit without time: runs an architecture's steps against memory at once, with no caches or with unbounded
// ones. It is what conformance vectors and property tests are run on; the timed unit (models/iommu/core) drives the
// same steps.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "models/iommu/api/architecture.h"
#include "models/iommu/api/ats_invalidations.h"
#include "models/iommu/api/driver.h"

namespace iommusim::iommu {

/// Memory reads of one resolution.
struct ReadCount {
  std::array<unsigned, 8> of{};                         ///< by Structure
  std::array<std::array<unsigned, 8>, 4> page_table{};  ///< by stage and level
  unsigned operator[](Structure s) const { return of[static_cast<unsigned>(s)]; }
  unsigned total() const;
};

/// How memory answers an access.
enum class MemoryStatus : std::uint8_t { ok, refused, corrupt };

/// What became of a request.
struct Resolution {
  enum class Outcome : std::uint8_t {
    passed,      ///< not translated: remapping off, pass-through context, or a translated request
    translated,  ///< `output` is where the first byte goes
    interrupt,   ///< remapped to `interrupt`
    stored,      ///< an interrupt for the file in memory at `output`; `interrupt` is the notice to send
    fault
  };
  Outcome outcome = Outcome::fault;
  Hpa output;
  Translation translation;
  InterruptMessage interrupt;
  Fault fault;
  Context context;
  ReadCount reads;
  bool iotlb_hit = false;
};

class UntimedUnit {
 public:
  enum class Caches : std::uint8_t { none, unbounded };

  /// `readable`: addresses for which it is false answer reads with an error; empty: all can be read.
  UntimedUnit(Architecture& architecture, TableMemory& memory, Caches caches = Caches::none,
              std::function<bool(Hpa)> readable = {});

  /// How memory answers an access of so many bytes, instead of `readable`.
  void set_access(std::function<MemoryStatus(Hpa, unsigned bytes, bool write)> access) { access_ = std::move(access); }

  /// Follows a request to its end. Faults are not recorded in the architecture's registers unless record() is called.
  Resolution resolve(const Request& request);
  Effects record(const Resolution& resolution, const Request& request);
  /// Answers a translation request, and records the fault that refused it where software is to see it.
  AtsCompletion translate(const Request& request);
  /// A page request from a device: queued for software or answered.
  void page_request(const PageRequest& request);
  /// A device answers, or fails to answer in time, the invalidation requests of a mask of tags; a fence that waited
  /// goes on. False: the answer was unexpected.
  bool invalidation_completed(SourceId device, bool has_segment, std::uint32_t tags, unsigned count);
  void invalidation_timed_out(std::uint32_t tags);

  /// A register write and what follows at once: flushes, and the queue run until it is empty or stopped.
  Effects write(const RegisterWrite& w);
  void write(const std::vector<RegisterWrite>& writes);
  void invalidate(const InvalidationScope& scope);
  /// Entries of a cache that are held now.
  std::size_t held(CacheKind kind) const;

  /// A message sent to a device; `tag` is that of an invalidation request.
  struct Sent {
    DeviceMessage message;
    std::uint8_t tag = 0;
  };
  std::array<std::uint64_t, kCommandForms> commands{};  ///< executed, by Command::Form
  std::vector<InterruptMessage> interrupts;             ///< the unit's own, oldest first
  std::vector<Sent> messages;                           ///< to devices, oldest first
  bool ordered_reads = false, ordered_writes = false;   ///< what the last wait command that asked for any asked
  bool counts_events = true;                            ///< in the architecture's performance monitor
  bool write_interrupts = false;                        ///< interrupts are written to memory too, which may refuse them

 private:
  using Key = std::tuple<unsigned, unsigned, unsigned, Space, std::uint64_t>;  ///< stage, level, size_log2, space, base
  struct Entry {
    Translation translation;
    std::array<std::uint64_t, 2> words{};
  };
  using Ranges = std::map<Key, Entry>;

  Step run(Walk& walk, ReadCount& reads);
  bool find_context(Walk& walk, std::uint64_t key, std::map<std::uint64_t, Context>& cache, Resolution& out);
  MemoryStatus access(Hpa address, unsigned bytes, bool write) const {
    const unsigned reach = architecture_.physical_address_bits();
    if (reach < 64 && address.value() >> reach != 0) return MemoryStatus::refused;
    return access_ ? access_(address, bytes, write) : MemoryStatus::ok;
  }
  void count(PerformanceEvent event, const Request& request, const Context* context);
  void count_stages(const Resolution& r, const Request& request);
  bool read(const Step& step, StepResult& result) const;
  bool write_bytes(Hpa address, unsigned bytes, const std::uint64_t* words);
  void swap(const Step& step, StepResult& result);
  void execute(const Command& command);
  void end_wait();
  StepResult look_up(const Step& step) const;
  void fill(const Step& step);
  void run_queue();
  void apply(const Effects& effects);
  const Translation* find_translation(Space space, std::uint64_t address) const;
  Ranges& ranges(CacheKind kind) {
    return kind == CacheKind::walk ? walks_ : kind == CacheKind::iotlb ? iotlb_ : entries_;
  }
  const Ranges& ranges(CacheKind kind) const { return const_cast<UntimedUnit*>(this)->ranges(kind); }

  Architecture& architecture_;
  TableMemory& memory_;
  Caches caches_;
  std::function<MemoryStatus(Hpa, unsigned, bool)> access_;
  std::map<std::uint64_t, Context> contexts_, processes_;
  AtsInvalidations device_invalidations_;
  std::optional<Command> waiting_;  ///< a wait command that waits for devices
  Ranges iotlb_, walks_, entries_;
};

}  // namespace iommusim::iommu
