#include "models/endpoints/trace/reader.h"

#include "models/base/error.h"
#include "models/endpoints/trace/codec.h"
#include "models/endpoints/trace/fields.h"
#include "models/endpoints/trace/gz_lines.h"

namespace iommusim::ep {

struct TraceReader::State {
  explicit State(const std::string& path) : lines(path) {}
  GzLines lines;
  TraceHeader header;
  TraceCodec codec;
  std::uint64_t records = 0;
  bool ended = false;
};

TraceReader::TraceReader() = default;
TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;

void TraceReader::open(const std::string& path) {
  auto state = std::make_unique<State>(path);
  std::string_view line;
  bool complete = false;
  for (bool first = true; !complete; first = false) {
    if (!state->lines.next(line))
      throw base::UserError(path + (first ? ": the file is empty" : ": the header has no end"));
    if (auto wrong = decode_header_line(line, first, state->header, complete)) state->lines.fail(*wrong);
  }
  state_ = std::move(state);
}

const TraceHeader& TraceReader::header() const { return state_->header; }
std::uint64_t TraceReader::records() const { return state_->records; }

bool TraceReader::next(TraceRecord& record) {
  State& s = *state_;
  if (s.ended) return false;
  std::string_view line;
  if (!s.lines.next(line)) s.lines.fail("the trace has no end line: it is truncated after this line");
  if (!line.empty() && line[0] == '.') {
    const auto count = parse_number(line.substr(line.size() > 1 ? 2 : 1), 10);
    if (!count || *count != s.records)
      s.lines.fail("the end line does not say " + std::to_string(s.records) + ", the number of records before it");
    if (s.lines.next(line)) s.lines.fail("something follows the end line");
    s.ended = true;
    return false;
  }
  if (auto wrong = s.codec.decode(line, record)) s.lines.fail(*wrong);
  ++s.records;
  return true;
}

}  // namespace iommusim::ep
