// Every TLP of the links watched, or a sample of them, as a table (CSV) and as tracks for ui.perfetto.dev (the Chrome
// trace-event format, JSON). Rows go to their streams as they come, so that a trace takes no memory; nothing is done
// where nobody watches.
//
// Leaves out: data-link packets and ordered sets, which the links do not simulate one by one; what a switch or the root
// complex does between two links.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "models/base/units.h"
#include "models/pcie/transmitter.h"

namespace iommusim::pcie {

/// Meaning and range of each member: fields().
struct TlpTraceConfig {
  bool csv = false;
  bool perfetto = false;
  std::uint64_t sample = 1;
  base::Time from;
  std::optional<base::Time> to;

  static const base::Fields<TlpTraceConfig>& fields();
};

class TlpTrace final : public TlpObserver {
 public:
  /// `csv`, `perfetto`: where to write, null for not at all; they outlive the trace. Writes the heads at once.
  TlpTrace(const TlpTraceConfig& config, std::ostream* csv, std::ostream* perfetto);
  TlpTrace(const TlpTrace&) = delete;
  TlpTrace& operator=(const TlpTrace&) = delete;

  void sent(const Link& link, bool up, const SentTlp& tlp) override;
  /// Writes what is left and the ends; nothing may be sent after. Whether all of it was written is the streams' state.
  void finish();
  /// TLPs written.
  std::uint64_t rows() const { return rows_; }

 private:
  /// One direction of a link.
  struct Track {
    const Link* link;
    bool up;
    std::uint64_t seen = 0;
  };
  Track& track_of(const Link& link, bool up);
  void add_row(const Track& track, const SentTlp& sent);
  void add_slice(const Track& track, const SentTlp& sent);

  const TlpTraceConfig config_;
  std::ostream* const csv_;
  std::ostream* const perfetto_;
  std::vector<Track> tracks_;
  fmt::memory_buffer row_, slice_;  // text not yet with its stream
  std::uint64_t rows_ = 0;
  bool first_event_ = true;
};

}  // namespace iommusim::pcie
