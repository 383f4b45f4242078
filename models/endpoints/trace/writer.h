// Writes a trace file: to a temporary name, renamed when complete, so a reader never meets half a trace.
#pragma once

#include <memory>
#include <string>

#include "models/endpoints/trace/header.h"

namespace iommusim::ep {

class TraceWriter {
 public:
  /// Creates `path` + ".tmp" and writes the header. Throws base::UserError when it cannot.
  TraceWriter(const std::string& path, const TraceHeader& header);
  /// Without close() the temporary file goes and `path` stays as it was.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Appends a record. Times must not decrease (a caller's error: std::logic_error).
  void write(const TraceRecord& record);
  /// Writes the end line and renames to `path`.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace iommusim::ep
