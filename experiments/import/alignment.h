// How the two logs of a capture lie against each other: which descriptor is the kernel's first, and how far the clocks
// differ.
#pragma once

#include <map>
#include <vector>

#include "experiments/import/capture.h"

namespace iommusim::importer {

struct Alignment {
  std::uint64_t first_anchor = 0;  ///< index, among the unit's anchor descriptors, of the kernel's first submission
  std::uint64_t anchors = 0;       ///< submissions matched
  std::uint64_t unit_start = 0;    ///< ns since 1970 of the unit log's first line of interest
  std::int64_t offset = 0;         ///< ns: unit clock (since 1970) minus kernel clock
  /// Domain of each requester by its translated accesses, with the time of the first access under it.
  std::map<base::Bdf, std::vector<std::pair<std::uint64_t, base::DomainId>>> domains;
  /// Domain of functions that made no translated access, from the invalidations their owner submitted.
  std::map<base::Bdf, base::DomainId> guessed;

  /// The domain of `requester` for a mapping made at kernel time `time`: that of its next access, else of its last.
  base::DomainId domain_at(base::Bdf requester, std::uint64_t unit_time) const;
};

/// Reads both logs once, in step. The kernel's submissions (without interrupt-entry ones) are a contiguous run of the
/// unit's descriptors (without waits and interrupt-entry ones): the run near the marks that fits, and fits the clocks
/// best, is taken. Throws base::UserError when none fits.
Alignment align_logs(const Capture& capture);

}  // namespace iommusim::importer
