#include "experiments/import/iotlb_replay.h"

#include "models/endpoints/trace/reader.h"

namespace iommusim::importer {
namespace {

constexpr unsigned page_bits = 12;
constexpr std::uint64_t page_number_mask = (std::uint64_t{1} << 48) - 1;

std::uint64_t key_of(const ep::TraceRecord& r) {
  return std::uint64_t{r.requester.value()} << 48 | (r.iova.value() >> page_bits & page_number_mask);
}

}  // namespace

void IotlbReplay::drop_domain(base::DomainId domain) {
  for (auto at = entries_.begin(); at != entries_.end();)
    at = at->second == domain ? entries_.erase(at) : std::next(at);
}

void IotlbReplay::drop_pages(const ep::TraceRecord& r) {
  const std::uint64_t width =
      options_.page_mask_bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << options_.page_mask_bits) - 1;
  const std::uint64_t compared = ~((std::uint64_t{1} << r.mask) - 1) & width & page_number_mask;
  const std::uint64_t page = r.iova.value() >> page_bits;
  for (auto at = entries_.begin(); at != entries_.end();)
    at = at->second == r.domain && ((at->first ^ page) & compared) == 0 ? entries_.erase(at) : std::next(at);
}

void IotlbReplay::add(const ep::TraceRecord& r) {
  if (r.kind == ep::TraceKind::iotlb_reset) {
    result_.logged.push_back(r.line);
    if (!expect_log_) ++result_.misplaced_resets;
    expect_log_ = false;
    return;
  }
  if (r.kind == ep::TraceKind::invalidate) {
    if (r.invalidate == ep::InvalidateKind::iotlb_global) entries_.clear();
    if (r.invalidate == ep::InvalidateKind::iotlb_domain) drop_domain(r.domain);
    if (r.invalidate == ep::InvalidateKind::iotlb_page) drop_pages(r);
    return;
  }
  if (r.kind != ep::TraceKind::access || (r.outcome != ep::Outcome::hit && r.outcome != ep::Outcome::fill)) return;
  if (expect_log_) ++result_.misplaced_resets;
  expect_log_ = false;
  ++result_.accesses;
  const auto key = key_of(r);
  const bool held = entries_.count(key) != 0;
  if (held != (r.outcome == ep::Outcome::hit)) ++result_.exceptions;
  if (r.outcome != ep::Outcome::fill) return;
  if (entries_.size() >= options_.capacity) {
    entries_.clear();
    result_.resets.push_back(r.line);
    expect_log_ = true;
  }
  entries_[key] = r.domain;
}

ReplayResult IotlbReplay::result() const {
  ReplayResult result = result_;
  if (expect_log_) ++result.misplaced_resets;
  return result;
}

ReplayResult replay_iotlb(const std::string& path) {
  ep::TraceReader reader;
  reader.open(path);
  ReplayOptions options;
  options.page_mask_bits = reader.header().page_mask_bits;
  IotlbReplay replay(options);
  ep::TraceRecord record;
  while (reader.next(record)) replay.add(record);
  auto result = replay.result();
  if (!reader.header().resets_recorded) result.misplaced_resets = 0;
  return result;
}

}  // namespace iommusim::importer
