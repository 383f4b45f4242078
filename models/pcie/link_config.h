// What a PCIe link is, and the byte time that follows from it.
#pragma once

#include <cstdint>

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

/// Data-link-layer traffic is not simulated packet by packet: it lengthens the byte time by the share of the wire it
/// takes, as the pcie-bench model does (Neugebauer et al., SIGCOMM 2018). An interval of 0 means none of that kind.
/// Meaning, unit, range and source of each member: fields().
struct LinkConfig {
  unsigned generation = 3;
  unsigned width = 8;
  base::Bytes mps{256};
  base::Bytes mrrs{512};
  base::Bytes rcb{64};
  CompletionSize completion_size = CompletionSize::mps;
  base::Time propagation;
  base::Bytes dllp_bytes{8};
  base::Bytes ack_interval{203};
  base::Bytes fc_interval{203};
  base::Bytes skip_bytes{4};
  base::Bytes skip_interval{1538};
  unsigned interleaved_reads = 4;
  unsigned virtual_channels = 1;
  base::Time credit_latency = base::Time::ns(40);
  bool always_64_bit = false;
  bool pad_to_dword = true;
  bool ecrc = false;

  static const base::Fields<LinkConfig>& fields();

  /// Picoseconds per byte of TLP, exact: symbol rate, encoding (8b/10b below Gen3, 128b/130b from there) and data-link
  /// share. Errors: base::UserError if the data-link packets leave nothing for TLPs.
  base::PsRatio byte_time() const;
  /// Payload rate limit before any overhead but the encoding, bits/s, rounded down: 63.015 Gb/s for Gen3 x8.
  std::uint64_t raw_bits_per_second() const;
  /// Payload bytes of one completion at most.
  std::uint64_t chunk() const { return (completion_size == CompletionSize::rcb ? rcb : mps).value(); }
  TlpFormat format() const { return {always_64_bit, pad_to_dword, ecrc}; }
};

}  // namespace iommusim::pcie
