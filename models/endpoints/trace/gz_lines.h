// Lines of a gzip-compressed (or plain) text file, streamed in bounded memory, with the position for messages.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace iommusim::ep {

/// Reads one file line by line. Untrusted input: a line beyond `max_line` bytes, a NUL byte, broken or truncated
/// compression and read errors throw base::UserError "file:line: what". A last line without its end is an error too: a
/// log cut short.
class GzLines {
 public:
  static constexpr std::size_t max_line = 4096;

  /// Opens `path`; throws base::UserError when it is no readable file.
  explicit GzLines(const std::string& path);
  ~GzLines();
  GzLines(const GzLines&) = delete;
  GzLines& operator=(const GzLines&) = delete;

  /// The next line without its end, valid until the next call. False at the end of the file.
  bool next(std::string_view& line);
  /// Number of the line last returned, from 1; 0 before the first.
  std::uint32_t line() const { return line_; }
  const std::string& path() const { return path_; }
  /// Share of the file's bytes consumed, 0 to 1.
  double share() const;
  /// Throws base::UserError "path:line: what" for the line last returned.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  bool refill();

  std::string path_;
  gzFile file_ = nullptr;
  std::uint64_t bytes_ = 0;  ///< compressed size
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint32_t line_ = 0;
};

}  // namespace iommusim::ep
