// Streams the records of a trace file in bounded memory. The input is untrusted: every defect is a positioned error.
#pragma once

#include <memory>
#include <string>

#include "models/endpoints/trace/header.h"

namespace iommusim::ep {

/// Reads one trace, gzip-compressed or plain, in the form FORMAT.md defines.
/// Errors are base::UserError with "file:line: what"; the reader must not be used after one.
class TraceReader {
 public:
  TraceReader();
  ~TraceReader();
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;

  /// Opens `path` and reads the header. Errors: unreadable, empty, not a trace, another version, malformed header.
  void open(const std::string& path);
  const TraceHeader& header() const;
  /// Fills `record` with the next record, whole (nothing of the previous one stays). False at the proper end of the
  /// trace. Errors: malformed line, broken or truncated compression, missing or wrong end line.
  bool next(TraceRecord& record);
  /// Records returned so far.
  std::uint64_t records() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace iommusim::ep
