#include "models/pcie/link_config.h"

#include <numeric>
#include <string>

#include "models/base/config/fields.h"
#include "models/base/error.h"

namespace iommusim::pcie {

using base::PsRatio;

namespace {

// One lane's bit time is 400 ps / 2^(generation-1) for Gen1 and Gen2 (2.5 and 5 GT/s), 1/8 ns halved from Gen3 on (8,
// 16, 32 GT/s); a byte takes 10 symbols bits in 8b/10b, 8 x 130/128 in 128b/130b (PCIe 5.0 section 4.2).
PsRatio raw_byte_time(unsigned generation, unsigned width) {
  if (generation <= 2) return PsRatio::of(4000, std::uint64_t{width} << (generation - 1));
  return PsRatio::of(8125, std::uint64_t{8 * width} << (generation - 3));
}

// The data-link share must leave something for TLPs, and the byte time must stay exact in 64 bits (serialiser.h).
void check(const LinkConfig& c, base::Report& report) {
  if (c.width != 12 && (c.width & (c.width - 1)) != 0)
    report.error("width", "a link has 1, 2, 4, 8, 12, 16 or 32 lanes");
  if (c.rcb > c.mps) report.error("rcb", "the read completion boundary exceeds mps (" + to_text(c.mps) + ")");
  try {
    (void)c.byte_time();
  } catch (const base::UserError& e) {
    report.error("", e.what());
  }
}

}  // namespace

const base::Fields<LinkConfig>& LinkConfig::fields() {
  static const auto f =
      base::Fields<LinkConfig>("link", "A PCIe link: two directions of equal width and rate")
          .field("generation", &LinkConfig::generation, "PCIe generation; 1 to 5, that is without FLITs")
          .range(1, 5)
          .field("width", &LinkConfig::width, "Lanes")
          .range(1, 32)
          .field("mps", &LinkConfig::mps, "Max_Payload_Size: largest payload of a write or completion TLP")
          .range("128 B", "4 KiB")
          .power_of_two()
          .field("mrrs", &LinkConfig::mrrs, "Max_Read_Request_Size: largest read request of the endpoint")
          .range("128 B", "4 KiB")
          .power_of_two()
          .source("pcie-bench hosts, SIGCOMM 2018")
          .field("rcb", &LinkConfig::rcb, "Read completion boundary of the root complex (PCIe 5.0 section 2.3.1.1)")
          .range("64 B", "128 B")
          .power_of_two()
          .field("completion_size", &LinkConfig::completion_size,
                 "Largest payload of a completion: mps, or rcb for hosts that return cache lines",
                 {{"mps", CompletionSize::mps}, {"rcb", CompletionSize::rcb}})
          .field("propagation", &LinkConfig::propagation, "Delay of the wire and the physical layers, each way")
          .range("0 ns", "10 us")
          .field("dllp_bytes", &LinkConfig::dllp_bytes, "Bytes of an ACK or flow-control packet with framing")
          .range("0 B", "64 B")
          .source("pcie-bench model: 8")
          .field("ack_interval", &LinkConfig::ack_interval,
                 "Bytes sent per ACK of the opposite direction; none: no ACKs counted")
          .range("0 B", "4 KiB")
          .word("none", "0 B")
          .source("pcie-bench model: 203 for Gen3 x8 at MPS 256, 168 for Gen4 x16")
          .field("fc_interval", &LinkConfig::fc_interval, "Bytes sent per flow-control update; none: not counted")
          .range("0 B", "4 KiB")
          .word("none", "0 B")
          .source("pcie-bench model: as ack_interval")
          .field("skip_bytes", &LinkConfig::skip_bytes, "Bytes of a SKIP ordered set")
          .range("0 B", "64 B")
          .source("pcie-bench model: 4")
          .field("skip_interval", &LinkConfig::skip_interval, "Bytes sent per SKIP ordered set; none: not counted")
          .range("0 B", "64 KiB")
          .word("none", "0 B")
          .source("pcie-bench model: 1538")
          .field("interleaved_reads", &LinkConfig::interleaved_reads,
                 "Reads whose completions take turns, TLP by TLP, when several wait; 1: one after the other")
          .range(1, 256)
          .source(
              "assumption: root complexes interleave (PCIe 5.0 section 2.3.1.1 allows it), how far is not published")
          .field("virtual_channels", &LinkConfig::virtual_channels,
                 "Virtual channels, each with credits of its own; traffic classes share them equally")
          .range(1, 8)
          .field("credit_latency", &LinkConfig::credit_latency,
                 "From buffer space freed to its UpdateFC packet understood at the sender, propagation apart")
          .range("0 ns", "10 us")
          .field("always_64_bit", &LinkConfig::always_64_bit,
                 "Count 4-doubleword headers below 4 GiB too, as the pcie-bench model does")
          .field("pad_to_dword", &LinkConfig::pad_to_dword,
                 "Payloads occupy whole doublewords; the pcie-bench model counts bytes")
          .field("ecrc", &LinkConfig::ecrc, "4-byte digest on every TLP")
          .check(check);
  return f;
}

PsRatio LinkConfig::byte_time() const {
  const PsRatio raw = raw_byte_time(generation, width);
  // Share left for TLPs = 1 - dllp/ack - dllp/fc - skip/skip_interval, over the common denominator.
  std::uint64_t denominator = 1;
  for (base::Bytes interval : {ack_interval, fc_interval, skip_interval}) {
    if (interval.value() != 0) denominator = std::lcm(denominator, interval.value());
  }
  std::uint64_t taken = 0;
  if (ack_interval.value() != 0) taken += dllp_bytes.value() * (denominator / ack_interval.value());
  if (fc_interval.value() != 0) taken += dllp_bytes.value() * (denominator / fc_interval.value());
  if (skip_interval.value() != 0) taken += skip_bytes.value() * (denominator / skip_interval.value());
  if (taken >= denominator) {
    throw base::UserError(
        "the data-link packets of a link take all of its bytes: raise ack_interval, fc_interval or skip_interval");
  }
  const PsRatio share = PsRatio::of(denominator, denominator - taken);
  // raw x share, reduced crosswise first so that the products stay small.
  const PsRatio a = PsRatio::of(raw.num, share.den), b = PsRatio::of(share.num, raw.den);
  return {a.num * b.num, a.den * b.den};
}

std::uint64_t LinkConfig::raw_bits_per_second() const {
  const PsRatio raw = raw_byte_time(generation, width);
  return 8000000000000 / raw.num * raw.den + 8000000000000 % raw.num * raw.den / raw.num;
}

}  // namespace iommusim::pcie
