#include "experiments/import/alignment.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>

#include "experiments/import/kernel_log.h"
#include "experiments/import/unit_log.h"
#include "models/base/error.h"

namespace iommusim::importer {
namespace {

constexpr std::uint64_t reach = 256;  // anchors around the first mark among which the run may begin

/// What one pass over the unit's log finds, and then its anchors again one by one.
struct UnitSurvey {
  std::optional<std::uint64_t> start, first_mark;
  std::uint64_t before_mark = 0;  ///< anchors before the first mark
};

void note_domain(Alignment& result, base::Bdf requester, std::uint64_t time, std::uint64_t domain) {
  auto& list = result.domains[requester];
  const base::DomainId id(static_cast<std::uint32_t>(domain));
  if (list.empty() || list.back().second != id) list.emplace_back(time, id);
}

UnitSurvey survey(const std::string& path, Alignment& result) {
  UnitSurvey found;
  UnitLog log(path);
  UnitEvent event;
  std::map<std::uint64_t, std::uint64_t> virtio_domain;
  while (log.next(event)) {
    if (!found.start) found.start = event.time;
    if (event.kind == UnitKind::mark && !found.first_mark) found.first_mark = event.time;
    if (event.kind == UnitKind::descriptor && !found.first_mark && is_anchor({event.a, event.b})) ++found.before_mark;
    if (event.kind == UnitKind::hit || event.kind == UnitKind::fill)
      note_domain(result, base::Bdf(static_cast<std::uint16_t>(event.a)), event.time, event.d);
    if (event.kind == UnitKind::virtio_attach) virtio_domain[event.b] = event.a;
    if (event.kind == UnitKind::virtio_translated)
      note_domain(result, base::Bdf(static_cast<std::uint16_t>(event.c)), event.time, virtio_domain[event.c]);
  }
  if (!found.start)
    throw base::UserError(path + ":" + std::to_string(log.lines().line()) + ": no event of an IOMMU in the whole log");
  if (!found.first_mark)
    throw base::UserError(path + ":" + std::to_string(log.lines().line()) +
                          ": no mark (pci_cfg_write mch 00:00.0 @0x3c)");
  return found;
}

/// The unit's anchors as a sliding window.
class AnchorWindow {
 public:
  explicit AnchorWindow(const std::string& path) : log_(path) {}
  struct Anchor {
    Descriptor descriptor;
    std::uint64_t time;
  };
  /// The anchor of that index, or nullptr past the end. Indices may go back by the window's width.
  const Anchor* at(std::uint64_t index) {
    UnitEvent event;
    while (first_ + anchors_.size() <= index) {
      if (!log_.next(event)) return nullptr;
      if (event.kind != UnitKind::descriptor || !is_anchor({event.a, event.b})) continue;
      anchors_.push_back({{event.a, event.b}, event.time});
      if (anchors_.size() > 2 * reach + 2) {
        anchors_.pop_front();
        ++first_;
      }
    }
    return &anchors_[index - first_];
  }

 private:
  UnitLog log_;
  std::deque<Anchor> anchors_;
  std::uint64_t first_ = 0;
};

struct Candidate {
  std::uint64_t begin;
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = std::numeric_limits<std::int64_t>::min();
};

/// Learns the domain of a function from "attach, unmap, page-selective invalidation" by one task.
class Guess {
 public:
  void add(const KernelEvent& event, const Capture& capture, Alignment& result) {
    if (event.kind == KernelKind::attach) attached_[event.pid] = capture.requester(event.device);
    if (event.kind == KernelKind::unmap && attached_.count(event.pid)) unmapped_ = event.pid;
    if (event.kind != KernelKind::submit || event.pid != unmapped_) return;
    ep::TraceRecord record;
    decode_descriptor(event.descriptor, record);
    if (record.invalidate == ep::InvalidateKind::iotlb_page) result.guessed[attached_[event.pid]] = record.domain;
  }

 private:
  std::map<std::uint32_t, base::Bdf> attached_;
  std::uint32_t unmapped_ = 0;
};

}  // namespace

base::DomainId Alignment::domain_at(base::Bdf requester, std::uint64_t unit_time) const {
  const auto found = domains.find(requester);
  if (found == domains.end()) {
    const auto guess = guessed.find(requester);
    return guess == guessed.end() ? ep::no_domain : guess->second;
  }
  const auto& list = found->second;
  for (std::size_t i = 0; i + 1 < list.size(); ++i)
    if (unit_time < list[i + 1].first) return list[i].second;
  return list.back().second;
}

Alignment align_logs(const Capture& capture) {
  Alignment result;
  const auto unit = survey(capture.unit_log, result);
  result.unit_start = *unit.start;

  std::vector<Candidate> candidates;
  const auto low = unit.before_mark > reach ? unit.before_mark - reach : 0;
  for (auto begin = low; begin <= unit.before_mark + reach; ++begin) candidates.push_back({begin});
  AnchorWindow window(capture.unit_log);
  KernelLog kernel(capture.kernel_log);
  KernelEvent event;
  std::optional<std::uint64_t> first_mark;
  std::uint64_t count = 0;
  Guess guess;
  while (kernel.next(event)) {
    guess.add(event, capture, result);
    if (event.kind == KernelKind::mark && !first_mark) first_mark = event.time;
    if (event.kind != KernelKind::submit || !is_anchor(event.descriptor)) continue;
    auto fits = [&](Candidate& candidate) {
      const auto* anchor = window.at(candidate.begin + count);
      if (!anchor || !(anchor->descriptor == event.descriptor)) return false;
      const auto difference = static_cast<std::int64_t>(anchor->time - event.time);
      candidate.least = std::min(candidate.least, difference);
      candidate.most = std::max(candidate.most, difference);
      return true;
    };
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), [&](Candidate& c) { return !fits(c); }),
                     candidates.end());
    if (candidates.empty())
      throw base::UserError(capture.kernel_log + ":" + std::to_string(event.line) + ": this is the " +
                            std::to_string(count + 1) +
                            ". submission, and no run of the unit's descriptors near the first mark fits up to here: "
                            "the two logs are not of one capture");
    ++count;
  }
  if (!first_mark)
    throw base::UserError(capture.kernel_log + ":" + std::to_string(kernel.lines().line()) +
                          ": no mark (tracing_mark_write: MARK n ...)");
  result.anchors = count;
  if (count == 0) {
    result.offset = static_cast<std::int64_t>(*unit.first_mark - *first_mark);
    result.first_anchor = unit.before_mark;
    return result;
  }
  const auto best = std::min_element(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.most - a.least < b.most - b.least;
  });
  // A submission is logged before the unit takes it, so the smallest difference is the nearest to that of the clocks.
  result.offset = best->least;
  result.first_anchor = best->begin;
  return result;
}

}  // namespace iommusim::importer
