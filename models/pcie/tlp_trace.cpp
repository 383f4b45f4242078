#include "models/pcie/tlp_trace.h"

#include <iterator>
#include <string_view>

#include "models/base/bdf.h"
#include "models/base/config/fields.h"
#include "models/pcie/link.h"

namespace iommusim::pcie {

namespace {

constexpr std::size_t kFlushAt = 1 << 16;

void flush(fmt::memory_buffer& text, std::ostream& to) {
  to.write(text.data(), static_cast<std::streamsize>(text.size()));
  text.clear();
}

std::string_view name_of(TlpKind kind) {
  switch (kind) {
    case TlpKind::memory_read: return "MRd";
    case TlpKind::memory_write: return "MWr";
    case TlpKind::completion_with_data: return "CplD";
    case TlpKind::completion: return "Cpl";
    case TlpKind::message: return "Msg";
    case TlpKind::message_with_data: return "MsgD";
    case TlpKind::configuration_read: return "CfgRd";
    case TlpKind::configuration_write: return "CfgWr";
    case TlpKind::translation_request: return "TrReq";
  }
  return "?";
}

std::string_view name_of(FlowClass flow) {
  switch (flow) {
    case FlowClass::posted: return "posted";
    case FlowClass::non_posted: return "non_posted";
    case FlowClass::completion: return "completion";
  }
  return "?";
}

/// Of completions only, as the specification abbreviates them.
std::string_view status_of(const SentTlp& sent) {
  if (sent.flow != FlowClass::completion) return "";
  switch (tlm::dma(sent.payload).status) {
    case tlm::CompletionStatus::ok: return "SC";
    case tlm::CompletionStatus::unsupported_request: return "UR";
    case tlm::CompletionStatus::completer_abort: return "CA";
    case tlm::CompletionStatus::timeout:
    case tlm::CompletionStatus::function_reset: break;
  }
  return "";  // what the requester finds by itself travels on no link
}

/// Posted requests have no tag that anybody looks at (PCIe 6.0 section 2.2.6.2).
std::string tag_of(const SentTlp& sent) {
  return sent.flow == FlowClass::posted ? "" : std::to_string(tlm::dma(sent.payload).tag);
}

std::string pasid_of(const SentTlp& sent) {
  return sent.tlp.pasid ? std::to_string(tlm::dma(sent.payload).pasid.value()) : "";
}

const char* name_of(bool up) { return up ? "up" : "down"; }

}  // namespace

const base::Fields<TlpTraceConfig>& TlpTraceConfig::fields() {
  static const auto f =
      base::Fields<TlpTraceConfig>("tlp_trace", "The packets on the links of a run")
          .field("csv", &TlpTraceConfig::csv, "Writes tlp.csv, a row per packet")
          .field("perfetto", &TlpTraceConfig::perfetto, "Writes trace.json, tracks for ui.perfetto.dev")
          .field("sample", &TlpTraceConfig::sample, "One packet of so many, in each direction of a link; 1: every one")
          .range(1, 1000000000)
          .field("from", &TlpTraceConfig::from, "Packets that start to leave from this time on")
          .at_most(base::Time::ms(1000000))
          .field("to", &TlpTraceConfig::to, "Packets that start to leave before this time; null: to the end")
          .at_most(base::Time::ms(1000000))
          .check([](const TlpTraceConfig& c, base::Report& report) {
            if (c.to && *c.to <= c.from) report.error("to", "must be after from");
          });
  return f;
}

TlpTrace::TlpTrace(const TlpTraceConfig& config, std::ostream* csv, std::ostream* perfetto)
    : config_(config), csv_(csv), perfetto_(perfetto) {
  if (csv_ != nullptr) {
    *csv_ << "start_ps,end_ps,arrival_ps,link,direction,kind,requester,tag,address,bytes,wire_bytes,class,pasid,"
             "status\n";
  }
  if (perfetto_ != nullptr) *perfetto_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
}

TlpTrace::Track& TlpTrace::track_of(const Link& link, bool up) {
  for (Track& t : tracks_) {
    if (t.link == &link && t.up == up) return t;
  }
  tracks_.push_back({&link, up});
  if (perfetto_ != nullptr) {
    if (first_event_)
      fmt::format_to(std::back_inserter(slice_), "{}",
                     R"({"name":"process_name","ph":"M","pid":1,"args":{"name":"links"}})");
    first_event_ = false;
    fmt::format_to(std::back_inserter(slice_),
                   ",\n"
                   R"({{"name":"thread_name","ph":"M","pid":1,"tid":{},"args":{{"name":"{} {}"}}}})",
                   tracks_.size(), link.name(), name_of(up));
  }
  return tracks_.back();
}

void TlpTrace::sent(const Link& link, bool up, const SentTlp& sent) {
  if (sent.start < config_.from || (config_.to && sent.start >= *config_.to)) return;
  Track& track = track_of(link, up);
  if (track.seen++ % config_.sample != 0) return;
  ++rows_;
  if (csv_ != nullptr) add_row(track, sent);
  if (perfetto_ != nullptr) add_slice(track, sent);
}

void TlpTrace::add_row(const Track& track, const SentTlp& sent) {
  fmt::format_to(std::back_inserter(row_), "{},{},{},{},{},{},{},{},{:#x},{},{},{},{},{}\n", sent.start.ps(),
                 sent.stop.ps(), sent.arrival.ps(), track.link->name(), name_of(track.up), name_of(sent.tlp.kind),
                 to_text(tlm::dma(sent.payload).requester), tag_of(sent), sent.tlp.address, sent.tlp.bytes,
                 sent.wire_bytes, name_of(sent.flow), pasid_of(sent), status_of(sent));
  if (row_.size() >= kFlushAt) flush(row_, *csv_);
}

// Microseconds, the unit of the format; six digits behind the point are picoseconds, exactly.
void TlpTrace::add_slice(const Track& track, const SentTlp& sent) {
  const auto microseconds = [](base::Time t) { return fmt::format("{}.{:06}", t.ps() / 1000000, t.ps() % 1000000); };
  const std::string_view status = status_of(sent);
  fmt::format_to(
      std::back_inserter(slice_),
      ",\n"
      R"({{"name":"{} {}","cat":"{}","ph":"X","ts":{},"dur":{},"pid":1,"tid":{},"args":{{"requester":"{}",)"
      R"("tag":"{}","address":"{:#x}","bytes":{},"wire_bytes":{},"arrival_us":{},"pasid":"{}","status":"{}"}}}})",
      name_of(sent.tlp.kind), sent.tlp.bytes, name_of(sent.flow), microseconds(sent.start),
      microseconds(sent.stop - sent.start), &track - tracks_.data() + 1, to_text(tlm::dma(sent.payload).requester),
      tag_of(sent), sent.tlp.address, sent.tlp.bytes, sent.wire_bytes, microseconds(sent.arrival), pasid_of(sent),
      status);
  if (slice_.size() >= kFlushAt) flush(slice_, *perfetto_);
}

void TlpTrace::finish() {
  if (csv_ != nullptr) flush(row_, *csv_);
  if (perfetto_ != nullptr) {
    flush(slice_, *perfetto_);
    *perfetto_ << "\n]}\n";
  }
}

}  // namespace iommusim::pcie
