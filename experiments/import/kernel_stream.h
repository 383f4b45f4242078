// The kernel's side interpreted: which device and domain each mapping belongs to, which pieces form one DMA mapping.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "experiments/import/alignment.h"
#include "experiments/import/import.h"
#include "experiments/import/kernel_log.h"

namespace iommusim::importer {

/// What a driver asked for: the bytes of a mapping that DMA may touch, and the direction.
struct MappingUse {
  std::uint64_t begin = 0, end = 0;  ///< byte-exact for dma_map_page, whole pieces otherwise
  ep::Direction direction = ep::Direction::bidirectional;
  bool coherent = false;  ///< dma_alloc: a ring or queue, not a buffer
  bool known = false;     ///< a driver's call was seen
};

/// One thing the kernel did that is to be placed between the unit's records.
struct KernelItem {
  bool flush = false;      ///< a submission: no record of its own, the unit's descriptor is the record
  ep::TraceRecord record;  ///< time is on the unit's clock, ns since 1970; origin on the kernel's
  MappingUse use;          ///< map
};

/// Streams the items in the order of the log. Attribution: the latest open DMA-API probe of the same CPU, task and
/// interrupt level; without one (VFIO, direct mappings) the attach of the same task before, or else after; unmaps whose
/// probe was missed by the table of live mappings.
class KernelStream {
 public:
  /// `next_mapping` numbers mappings; shared with whoever seeds older ones.
  KernelStream(const Capture& capture, const Alignment& alignment, std::uint32_t& next_mapping, ImportReport& report);
  bool next(KernelItem& item);
  double share() const { return log_.lines().share(); }

 private:
  using Context = std::tuple<std::uint32_t, std::uint32_t, char>;  ///< CPU, PID, interrupt level
  struct OpenCall {
    KernelKind kind;
    base::Bdf requester;
    std::uint32_t mapping = 0;
    std::uint64_t size = 0, offset = 0, iova = 0;
    ep::Direction direction = ep::Direction::bidirectional;
  };
  struct Live {
    std::uint64_t end;
    std::uint32_t mapping, pid;
    base::Bdf requester;
  };
  using LiveKey = std::pair<std::uint32_t, std::uint64_t>;  ///< domain (or requester, marked, when unknown), IOVA

  bool peek_fill();
  void take(const KernelEvent& event);
  void take_map(const KernelEvent& event);
  void take_unmap(const KernelEvent& event);
  void take_attach(const KernelEvent& event);
  void take_submit(const KernelEvent& event);
  void finish_mark(const KernelEvent& event);
  bool owner_of_bare_map(const KernelEvent& event, base::Bdf& requester);
  bool owner_of_unmap(const KernelEvent& event, base::Bdf& requester);
  bool owner_by_future(const KernelEvent& event, std::set<base::Bdf> candidates, base::Bdf& requester);
  void push_type(const KernelEvent& event, base::Bdf requester, ep::DomainType type, bool assumed);
  KernelItem item(const KernelEvent& event, ep::TraceKind kind) const;
  std::uint32_t key_of(base::Bdf requester, std::uint64_t unit_time) const;

  const Capture& capture_;
  const Alignment& alignment_;
  std::uint32_t& next_mapping_;
  ImportReport& report_;
  KernelLog log_;
  std::deque<KernelEvent> ahead_;
  std::deque<KernelItem> out_;
  bool log_done_ = false;
  std::map<Context, OpenCall> calls_, releases_;
  std::map<std::uint32_t, base::Bdf> attached_;  ///< by task
  std::map<LiveKey, Live> live_;
  std::vector<bool> change_used_;
  std::map<std::pair<base::Bdf, std::size_t>, bool> change_used_by_;
  std::uint32_t mark_ = 0;
  bool after_context_ = false;  ///< the last submission was a context-cache invalidation
};

}  // namespace iommusim::importer
