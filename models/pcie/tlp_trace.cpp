#include "models/pcie/tlp_trace.h"

#include <iterator>
#include <string_view>

#include "models/base/bdf.h"
#include "models/base/config/fields.h"
#include "models/pcie/link.h"
#include "models/pcie/tlp_text.h"

namespace iommusim::pcie {

namespace {

constexpr std::size_t kFlushAt = 1 << 16;

void flush(fmt::memory_buffer& text, std::ostream& to) {
  to.write(text.data(), static_cast<std::streamsize>(text.size()));
  text.clear();
}

const char* name_of(bool up) { return up ? "up" : "down"; }

}  // namespace

const base::Fields<TlpTraceConfig>& TlpTraceConfig::fields() {
  static const auto f =
      base::Fields<TlpTraceConfig>("tlp_trace", "The packets on the links of a run")
          .field("csv", &TlpTraceConfig::csv, "Writes tlp.csv, a row per packet")
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

TlpTrace::TlpTrace(const TlpTraceConfig& config, std::ostream& csv) : config_(config), csv_(csv) {
  csv_ << "start_ps,end_ps,arrival_ps,link,direction,kind,requester,tag,address,bytes,wire_bytes,class,pasid,status\n";
}

TlpTrace::Direction& TlpTrace::direction_of(const Link& link, bool up) {
  for (Direction& d : directions_) {
    if (d.link == &link && d.up == up) return d;
  }
  directions_.push_back({&link, up});
  return directions_.back();
}

void TlpTrace::sent(const Link& link, bool up, const SentTlp& sent) {
  if (sent.start < config_.from || (config_.to && sent.start >= *config_.to)) return;
  Direction& direction = direction_of(link, up);
  if (direction.seen++ % config_.sample != 0) return;
  ++rows_;
  fmt::format_to(std::back_inserter(row_), "{},{},{},{},{},{},{},{},{:#x},{},{},{},{},{}\n", sent.start.ps(),
                 sent.stop.ps(), sent.arrival.ps(), link.name(), name_of(up), name_of(sent.tlp.kind),
                 to_text(tlm::dma(sent.payload).requester), tag_of(sent), sent.tlp.address, sent.tlp.bytes,
                 sent.wire_bytes, name_of(sent.flow), pasid_of(sent), status_of(sent));
  if (row_.size() >= kFlushAt) flush(row_, csv_);
}

void TlpTrace::finish() { flush(row_, csv_); }

}  // namespace iommusim::pcie
