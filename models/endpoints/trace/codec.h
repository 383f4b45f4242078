// A record as a line of text and back (FORMAT.md). Both directions keep the same running state, hence the deltas.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "models/endpoints/trace/header.h"

namespace iommusim::ep {

class TraceCodec {
 public:
  /// Appends the line of `r`, with its end, to `out`. Times must not decrease: std::logic_error.
  void encode(const TraceRecord& r, std::string& out);
  /// Fills `r` from a line without its end. Returns what is wrong, or nothing.
  std::optional<std::string> decode(std::string_view text, TraceRecord& r);

 private:
  std::uint64_t time_ = 0, kernel_origin_ = 0;
  std::uint32_t unit_line_ = 0, kernel_line_ = 0;
};

/// The header's lines from "iommusim-trace 1" to "begin".
std::string encode_header(const TraceHeader& header);
/// Takes one line of the header into `header`. Returns what is wrong, or nothing; `complete` becomes true with "begin".
std::optional<std::string> decode_header_line(std::string_view line, bool first, TraceHeader& header, bool& complete);

}  // namespace iommusim::ep
