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
#include "models/iommu/api/driver.h"

namespace iommusim::iommu {

/// Memory reads of one resolution.
struct ReadCount {
  std::array<unsigned, 8> of{};                         ///< by Structure
  std::array<std::array<unsigned, 8>, 4> page_table{};  ///< by stage and level
  unsigned operator[](Structure s) const { return of[static_cast<unsigned>(s)]; }
  unsigned total() const;
};

/// What became of a request.
struct Resolution {
  enum class Outcome : std::uint8_t {
    passed,      ///< not translated: remapping off, pass-through context, or a translated request
    translated,  ///< `output` is where the first byte goes
    interrupt,   ///< remapped to `interrupt`
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

  /// Follows a request to its end. Faults are not recorded in the architecture's registers unless record() is called.
  Resolution resolve(const Request& request);
  Effects record(const Resolution& resolution, const Request& request);

  /// A register write and what follows at once: flushes, and the queue run until it is empty or stopped.
  Effects write(const RegisterWrite& w);
  void write(const std::vector<RegisterWrite>& writes);
  void invalidate(const InvalidationScope& scope);
  /// Entries of a cache that are held now.
  std::size_t held(CacheKind kind) const;

  std::array<std::uint64_t, 9> commands{};   ///< executed, by Command::Form
  std::vector<InterruptMessage> interrupts;  ///< the unit's own, oldest first

 private:
  using Key = std::tuple<unsigned, unsigned, unsigned, Space, std::uint64_t>;  ///< stage, level, size_log2, space, base
  struct Entry {
    Translation translation;
    std::array<std::uint64_t, 2> words{};
  };
  using Ranges = std::map<Key, Entry>;

  Step run(Walk& walk, ReadCount& reads);
  bool read(const Step& step, StepResult& result) const;
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
  std::function<bool(Hpa)> readable_;
  std::map<std::uint64_t, Context> contexts_;
  Ranges iotlb_, walks_, entries_;
};

}  // namespace iommusim::iommu
