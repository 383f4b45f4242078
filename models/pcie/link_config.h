// What a PCIe link is, and the byte time that follows from it.
#pragma once

#include <cstdint>
#include <optional>

#include "models/base/types.h"
#include "models/base/units.h"
#include "models/pcie/tlp.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::pcie {

/// How large the completions of one read are when it is longer than the Read Completion Boundary.
enum class CompletionSize : std::uint8_t {
  mps,  ///< up to Max_Payload_Size, the fewest TLPs
  rcb   ///< one Read Completion Boundary each, as root complexes that forward cache lines do
};

/// How the bytes of a link are counted.
enum class Accounting : std::uint8_t {
  physical,   ///< each TLP as it is on the wire: header by address, payload in whole doublewords
  pcie_bench  ///< as the analytic pcie-bench model does: 64-bit addresses always, payloads unpadded
};

/// Data-link-layer traffic is not simulated packet by packet: the ACK and UpdateFC packets and SKIP ordered sets of a
/// direction lengthen its byte time by the share of the wire that they take. A direction carries the ACKs and credits
/// of the opposite one, so `ack_interval` is the bytes *this* direction sends per ACK. An absent interval follows from
/// the specification (or from the pcie-bench model), an interval of 0 means none of that kind. In FLIT mode ACKs and
/// credits are in the FLIT's own bytes.
///
/// The specification's limit on the time to an ACK is in symbol times: bytes on each lane. At Gen3 x8 with an Mps of
/// 256 it is 203 symbol times, that is 203 ns or 1,624 bytes of the link; `physical` counts that. The pcie-bench model
/// reads it as 203 bytes of the link, eight times as many ACKs; `pcie_bench` counts that.
///
/// Meaning, unit, range and source of each member: fields().
struct LinkConfig {
  unsigned generation = 3;
  unsigned width = 8;
  bool flit = false;
  base::Bytes mps{256};
  base::Bytes mrrs{512};
  base::Bytes rcb{64};
  CompletionSize completion_size = CompletionSize::mps;
  base::Time propagation;
  Accounting accounting = Accounting::physical;
  std::optional<base::Bytes> ack_interval;
  std::optional<base::Bytes> fc_interval;
  std::optional<base::Bytes> down_ack_interval;
  std::optional<base::Bytes> down_fc_interval;
  std::optional<base::Bytes> skip_interval;
  unsigned interleaved_reads = 4;
  unsigned virtual_channels = 1;
  base::Time credit_latency = base::Time::ns(40);
  bool ecrc = false;

  static const base::Fields<LinkConfig>& fields();

  bool flit_mode() const { return flit || generation >= 6; }
  /// Picoseconds per byte of TLP in one direction, exact: symbol rate, encoding (8b/10b, 128b/130b from Gen3, none at
  /// Gen6), FLIT and data-link share. Errors: base::UserError if the data-link packets leave nothing for TLPs, or if
  /// the intervals make the time too long a fraction to be exact (serialiser.h).
  base::PsRatio byte_time(bool up = true) const;
  /// The time of one FLIT; zero without FLITs.
  base::PsRatio flit_time() const;
  /// Rate limit before any overhead but the encoding, bits/s, rounded down: 63.015 Gb/s for Gen3 x8.
  std::uint64_t raw_bits_per_second() const;
  /// Payload bytes of one completion at most.
  std::uint64_t chunk() const { return (completion_size == CompletionSize::rcb ? rcb : mps).value(); }
  TlpFormat format() const {
    const bool bench = accounting == Accounting::pcie_bench;
    return {flit_mode(), bench, !bench, ecrc};
  }
};

/// Longest time from a TLP to its ACK, and recommended for its UpdateFC, in symbol times (PCIe 6.0 tables 3-10 to 3-12
/// and 2-52 to 2-54). `mps`: a power of two, 128 to 4096.
std::uint64_t ack_latency_limit(unsigned generation, unsigned width, std::uint64_t mps);

}  // namespace iommusim::pcie
