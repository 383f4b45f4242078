// Puts the kernel's items between the unit's records: one order for both logs.
#pragma once

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "experiments/import/live_map.h"
#include "experiments/import/unit_stream.h"
#include "models/endpoints/trace/writer.h"

namespace iommusim::importer {

/// The unit's file order is the backbone and is never changed. A kernel item goes
///  - before the descriptor of the submission that follows it in the kernel's log (anchors), and after that of the one
///  before;
///  - a map before the first access that reaches its physical page, an unmap after the last access to its pages;
///  - within these bounds, by the clock.
/// An access that no mapping explains gets a seeded one: it was made before the trace began.
class Merger {
 public:
  Merger(const Capture& capture, const Alignment& alignment, const ImportOptions& options, ep::TraceWriter& out,
         ImportReport& report);
  void run();

 private:
  struct Upcoming {
    UnitItem item;
    std::uint64_t anchors_before;
  };

  bool fill_unit();
  void fill_kernel();
  void place_by_clock(std::uint64_t unit_time);
  void place_up_to_flush(std::uint64_t flush);
  bool must_wait(const KernelItem& item) const;
  void place_request(const UnitItem& request);
  void place_for_access(const UnitItem& access, std::uint32_t domain);
  bool pull(const UnitItem& access, std::uint32_t domain);
  void seed(const UnitItem& access, std::uint32_t domain, const LiveMap::Piece* wrong);
  void complete_access(UnitItem& access);
  void guess_use(ep::TraceRecord& record, const LiveMap::Piece& piece, std::uint8_t permissions) const;
  void emit_front();
  void emit(KernelItem& item);
  void emit_removed(const std::vector<LiveMap::Piece>& pieces, const ep::TraceRecord& at);
  void write(ep::TraceRecord record);
  static std::uint32_t key_of(const ep::TraceRecord& record);

  struct PageKey {
    std::uint32_t domain;
    std::uint64_t page;
    PageKey(std::uint32_t domain_key, std::uint64_t iova) : domain(domain_key), page(iova >> 12) {}
    bool operator==(const PageKey& other) const { return domain == other.domain && page == other.page; }
  };
  struct PageHash {
    std::size_t operator()(const PageKey& key) const {
      return std::hash<std::uint64_t>()((key.page ^ std::uint64_t{key.domain} << 40) * 0x9e3779b97f4a7c15u);
    }
  };

  const Capture& capture_;
  const Alignment& alignment_;
  const ImportOptions& options_;
  ep::TraceWriter& out_;
  ImportReport& report_;
  std::uint32_t next_mapping_ = 1;
  UnitStream units_;
  KernelStream kernel_;
  std::deque<Upcoming> ahead_;
  std::deque<KernelItem> pending_;
  std::unordered_map<PageKey, std::deque<std::uint64_t>, PageHash>
      upcoming_;  ///< anchors before each coming access of a page
  LiveMap live_;
  std::unordered_set<PageKey, PageHash> gone_;  ///< pages unmapped lately, to tell contradictions from older mappings
  std::deque<PageKey> gone_order_;
  bool unit_done_ = false, kernel_done_ = false;
  std::uint64_t anchors_read_ = 0, flushes_placed_ = 0;
  std::uint64_t now_ = 0;  ///< ns since the trace's start: time of the unit record being placed
  std::uint64_t last_time_ = 0;
  std::uint32_t unit_line_ = 0;  ///< of the unit record being placed
};

}  // namespace iommusim::importer
