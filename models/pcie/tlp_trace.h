// Every TLP of the links watched, or a sample of them, as a table (CSV). Rows go to their stream as they come, so that
// a trace takes no memory; nothing is done where nobody watches. Links as tracks beside all else: models/tlm/tracer.h.
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
  std::uint64_t sample = 1;
  base::Time from;
  std::optional<base::Time> to;

  static const base::Fields<TlpTraceConfig>& fields();
};

class TlpTrace final : public TlpObserver {
 public:
  /// `csv` outlives the trace. Writes the head at once.
  TlpTrace(const TlpTraceConfig& config, std::ostream& csv);
  TlpTrace(const TlpTrace&) = delete;
  TlpTrace& operator=(const TlpTrace&) = delete;

  void sent(const Link& link, bool up, const SentTlp& tlp) override;
  /// Writes what is left; nothing may be sent after. Whether all of it was written is the stream's state.
  void finish();
  /// TLPs written.
  std::uint64_t rows() const { return rows_; }

 private:
  /// One direction of a link.
  struct Direction {
    const Link* link;
    bool up;
    std::uint64_t seen = 0;
  };
  Direction& direction_of(const Link& link, bool up);

  const TlpTraceConfig config_;
  std::ostream& csv_;
  std::vector<Direction> directions_;
  fmt::memory_buffer row_;  // text not yet with its stream
  std::uint64_t rows_ = 0;
};

}  // namespace iommusim::pcie
