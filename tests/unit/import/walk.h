// Walks a trace in file order and checks what FORMAT.md promises of it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "models/endpoints/trace/reader.h"

namespace iommusim::test {

struct Walk {
  std::uint64_t translated = 0;  ///< accesses that need a mapping
  std::uint64_t outside = 0;     ///< of them, without a live mapping of that physical page and number
  std::uint64_t forbidden = 0;   ///< reads or writes the mapping's permissions do not allow
  std::uint64_t doubled = 0;     ///< pages mapped while mapped
  std::uint64_t seeded_over_traced =
      0;  ///< seeded pages that a traced mapping had held before, while the kernel's log went on
  std::uint64_t reused_before_flush = 0;  ///< pages mapped again before an invalidation covered their unmap
  std::uint64_t crossing_time = 0;        ///< records earlier than the one before
  std::map<char, std::uint64_t> classes;
  std::map<base::Bdf, std::uint64_t> data_bytes;  ///< of data accesses, by requester

  explicit Walk(const std::string& path) {
    // The kernel's log may end before the unit's: what is seeded after its last record is younger, not older.
    std::uint64_t last_kernel = 0, n = 0;
    for_each(path, [&](const ep::TraceRecord& r) {
      ++n;
      if (r.side == ep::TraceSide::kernel) last_kernel = n;
    });
    n = 0;
    std::uint64_t time = 0;
    for_each(path, [&](const ep::TraceRecord& r) {
      if (r.time < time) ++crossing_time;
      time = r.time;
      take(r, ++n < last_kernel);
    });
  }

 private:
  using Page = std::pair<std::uint32_t, std::uint64_t>;
  struct Leaf {
    std::uint64_t frame;
    std::uint32_t mapping;
    std::uint8_t permissions;
  };

  template <class Call>
  static void for_each(const std::string& path, Call call) {
    ep::TraceReader reader;
    reader.open(path);
    ep::TraceRecord record;
    while (reader.next(record)) call(record);
  }
  static std::uint32_t domain(const ep::TraceRecord& r) {
    return r.domain == ep::no_domain ? 0x80000000u | r.requester.value() : r.domain.value();
  }

  void take(const ep::TraceRecord& r, bool kernel_goes_on) {
    const bool seeded = r.flags & ep::trace_flag::seeded;
    const auto first = r.iova.value() >> 12, pages = r.size >> 12;
    switch (r.kind) {
      case ep::TraceKind::map:
        for (std::uint64_t i = 0; i < pages; ++i) {
          const Page page{domain(r), first + i};
          if (!live_.emplace(page, Leaf{(r.paddr.value() >> 12) + i, r.mapping, r.permissions}).second) ++doubled;
          if (seeded && kernel_goes_on && traced_.count(page)) ++seeded_over_traced;
          if (!seeded) traced_.insert(page);
          if (unflushed_.count(page)) ++reused_before_flush;
        }
        break;
      case ep::TraceKind::unmap:
        for (std::uint64_t i = 0; i < pages; ++i) {
          live_.erase({domain(r), first + i});
          if (!seeded) unflushed_.insert({domain(r), first + i});
        }
        break;
      case ep::TraceKind::invalidate: flush(r); break;
      case ep::TraceKind::request:  // the UNMAP request is the invalidation of virtio-iommu
        for (std::uint64_t i = 0; r.request == ep::RequestKind::unmap && i < pages; ++i)
          unflushed_.erase({domain(r), first + i});
        break;
      case ep::TraceKind::access: access(r); break;
      default: break;
    }
  }

  void flush(const ep::TraceRecord& r) {
    using Kind = ep::InvalidateKind;
    if (r.invalidate == Kind::iotlb_global) unflushed_.clear();
    if (r.invalidate != Kind::iotlb_domain && r.invalidate != Kind::iotlb_page) return;
    const std::uint64_t pages = r.invalidate == Kind::iotlb_page ? std::uint64_t{1} << r.mask : ~std::uint64_t{0};
    const std::uint64_t first = r.invalidate == Kind::iotlb_page ? (r.iova.value() >> 12) & ~(pages - 1) : 0;
    auto at = unflushed_.lower_bound({r.domain.value(), first});
    while (at != unflushed_.end() && at->first == r.domain.value() && at->second - first < pages)
      at = unflushed_.erase(at);
  }

  void access(const ep::TraceRecord& r) {
    ++classes[static_cast<char>(r.access)];
    if (r.access == ep::AccessClass::data) data_bytes[r.requester] += r.size;
    if (r.outcome == ep::Outcome::passthrough || r.outcome == ep::Outcome::untranslated) return;
    ++translated;
    const auto leaf = live_.find({domain(r), r.iova.value() >> 12});
    if (leaf == live_.end() || leaf->second.frame != r.paddr.value() >> 12 || leaf->second.mapping != r.mapping) {
      ++outside;
      return;
    }
    if (leaf->second.permissions && !(leaf->second.permissions & (r.write ? 2 : 1))) ++forbidden;
  }

  std::map<Page, Leaf> live_;
  std::set<Page> traced_, unflushed_;
};

}  // namespace iommusim::test
