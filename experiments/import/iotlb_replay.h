// Untimed replay of the recorder's IOTLB over a trace: does one simple cache explain every recorded hit and fill?
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/endpoints/trace/header.h"

namespace iommusim::importer {

struct ReplayOptions {
  std::size_t capacity = 1024;   ///< entries of 4 KiB (QEMU VTD_IOTLB_MAX_SIZE)
  unsigned page_mask_bits = 64;  ///< page-number bits an invalidation compares: 8 reproduces QEMU 7.2, 64 the fixed one
};

struct ReplayResult {
  std::uint64_t accesses = 0, exceptions = 0;  ///< exceptions: recorded hit or fill that the cache does not predict
  std::vector<std::uint32_t> resets;           ///< unit-log lines of the fills that emptied the full cache
  std::vector<std::uint32_t> logged;           ///< unit-log lines of the recorder's own reset messages
  std::uint64_t misplaced_resets = 0;  ///< resets logged but not predicted just before, or the reverse (if recorded)
};

/// A set of (requester, page) -> domain, emptied when a fill finds it full: clear first, then insert.
class IotlbReplay {
 public:
  explicit IotlbReplay(ReplayOptions options) : options_(options) {}
  void add(const ep::TraceRecord& record);
  ReplayResult result() const;
  std::size_t size() const { return entries_.size(); }

 private:
  void drop_domain(base::DomainId domain);
  void drop_pages(const ep::TraceRecord& record);

  ReplayOptions options_;
  ReplayResult result_;
  std::unordered_map<std::uint64_t, base::DomainId> entries_;  ///< key: requester << 48 | page
  bool expect_log_ = false;  ///< the last access emptied the cache and no reset message came yet
};

/// Replays the trace at `path` with the mask width its header names.
ReplayResult replay_iotlb(const std::string& path);

}  // namespace iommusim::importer
