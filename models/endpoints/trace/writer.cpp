#include "models/endpoints/trace/writer.h"

#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "models/base/error.h"
#include "models/endpoints/trace/codec.h"

namespace iommusim::ep {

struct TraceWriter::State {
  std::string path, temporary, buffer;
  gzFile file = nullptr;
  TraceCodec codec;
  std::uint64_t records = 0;

  void flush() {
    if (!buffer.empty() && gzwrite(file, buffer.data(), static_cast<unsigned>(buffer.size())) <= 0)
      throw base::UserError(temporary + ": cannot be written: " + std::strerror(errno));
    buffer.clear();
  }
};

TraceWriter::TraceWriter(const std::string& path, const TraceHeader& header) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->temporary = path + ".tmp";
  state_->file = gzopen(state_->temporary.c_str(), "wb6");
  if (!state_->file) throw base::UserError(path + ": cannot be written: " + std::strerror(errno));
  state_->buffer = encode_header(header);
}

TraceWriter::~TraceWriter() {
  if (!state_->file) return;
  gzclose_w(state_->file);
  std::remove(state_->temporary.c_str());
}

void TraceWriter::write(const TraceRecord& record) {
  state_->codec.encode(record, state_->buffer);
  ++state_->records;
  if (state_->buffer.size() > (1 << 16)) state_->flush();
}

void TraceWriter::close() {
  State& s = *state_;
  s.buffer += ". " + std::to_string(s.records) + "\n";
  s.flush();
  const int closed = gzclose_w(s.file);
  s.file = nullptr;
  if (closed != Z_OK || std::rename(s.temporary.c_str(), s.path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::remove(s.temporary.c_str());
    throw base::UserError(s.path + ": cannot be written: " + reason);
  }
}

}  // namespace iommusim::ep
