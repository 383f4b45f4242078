// Turns a capture directory (Linux ftrace on one side, QEMU log on the other) into one trace file.
#pragma once

#include <cstdint>
#include <string>

namespace iommusim::importer {

struct ImportOptions {
  /// Look-ahead into the unit's log, in lines: how late after its clock time a page-table clear may be placed.
  unsigned unit_window_lines = 20000;
  /// Look-ahead into the kernel's log, in events: how early before its clock time a mapping may be needed.
  unsigned kernel_window_events = 8192;
  /// Called now and then with the share done (0 to 1); may be empty.
  void (*progress)(double share, void* context) = nullptr;
  void* progress_context = nullptr;
};

/// What the import found out and what it could not settle. All counts are of the whole capture.
struct ImportReport {
  std::string name;
  std::uint64_t records = 0;               ///< records written
  std::uint64_t unknown_kernel_lines = 0;  ///< lines of events this importer has no use for, ignored by name
  std::uint64_t unknown_unit_lines = 0;
  std::uint64_t anchors = 0;   ///< kernel invalidations matched with descriptors the unit took
  double clock_offset_s = 0;   ///< unit clock minus kernel clock used
  std::uint64_t seeded = 0;    ///< mappings outside the kernel's log (older, or made after it ended), from accesses
  std::uint64_t reseeded = 0;  ///< of them, replacements: the physical page of an untraced page changed
  std::uint64_t pulled = 0;    ///< mappings placed earlier than their clock because an access needed them
  std::uint64_t contradictions = 0;  ///< accesses that no placement of the traced mappings explains (seeded as well)
  std::uint64_t permission_mismatches =
      0;  ///< accesses whose leaf entry contradicts the permissions of their traced mapping
  std::uint64_t unattributed_maps = 0;  ///< maps of no known device
  std::uint64_t unattributed_unmaps = 0;
  std::uint64_t guessed_unmaps =
      0;  ///< probe missed, same address live in two domains, no later event tells: likeliest taken
  std::uint64_t assumed_accesses = 0;  ///< accesses whose length or direction is a guess
  std::uint64_t probes = 0;
};

/// Imports the capture in `directory` into the trace file `out_path` (replaced if it exists).
/// Streams: memory holds the live mappings and two bounded windows. Throws base::UserError "file:line: what" for
/// unreadable, truncated, binary or contradictory input; then no output file is left and an existing one is untouched.
ImportReport import_capture(const std::string& directory, const std::string& out_path,
                            const ImportOptions& options = {});

}  // namespace iommusim::importer
