#include "models/endpoints/trace/gz_lines.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "models/base/error.h"

namespace iommusim::ep {

GzLines::GzLines(const std::string& path) : path_(path), buffer_(1 << 16) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw base::UserError(path + ": cannot be read: " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw base::UserError(path + ": is not a file");
  bytes_ = static_cast<std::uint64_t>(info.st_size);
  file_ = gzopen(path.c_str(), "rb");
  if (!file_) throw base::UserError(path + ": cannot be read: " + std::strerror(errno));
  gzbuffer(file_, 1 << 16);
}

GzLines::~GzLines() {
  if (file_) gzclose_r(file_);
}

double GzLines::share() const {
  const auto done = gzoffset(file_);
  return bytes_ && done > 0 ? static_cast<double>(done) / static_cast<double>(bytes_) : 0;
}

void GzLines::fail(const std::string& what) const {
  throw base::UserError(path_ + ":" + std::to_string(line_) + ": " + what);
}

bool GzLines::refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const int got = gzread(file_, buffer_.data() + end_, static_cast<unsigned>(buffer_.size() - end_));
  int code = Z_OK;
  const char* message = gzerror(file_, &code);
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    ++line_;
    if (code == Z_BUF_ERROR) fail("the compressed file is truncated");
    fail(std::string("the compressed file is damaged: ") + (code == Z_ERRNO ? std::strerror(errno) : message));
  }
  end_ += static_cast<std::size_t>(got);
  return got > 0;
}

bool GzLines::next(std::string_view& line) {
  std::size_t searched = 0;
  for (;;) {
    const char* from = buffer_.data() + begin_;
    const std::size_t have = end_ - begin_;
    if (const void* hit = have > searched ? std::memchr(from + searched, '\n', have - searched) : nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(hit) - from);
      ++line_;
      if (length > max_line) fail("line longer than " + std::to_string(max_line) + " bytes");
      if (std::memchr(from, '\0', length)) fail("a NUL byte: this is not a text log");
      line = std::string_view(from, length);
      begin_ += length + 1;
      return true;
    }
    if (have > max_line) {
      ++line_;
      fail("line longer than " + std::to_string(max_line) + " bytes: this is not a text log");
    }
    searched = have;
    if (!refill()) {
      if (end_ == begin_) return false;
      ++line_;
      fail("the last line is cut short");
    }
  }
}

}  // namespace iommusim::ep
