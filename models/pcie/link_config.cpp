#include "models/pcie/link_config.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "models/base/config/fields.h"
#include "models/base/error.h"

namespace iommusim::pcie {

using base::PsRatio;

namespace {

constexpr std::uint64_t kDllpBytes = 8;  // 6 with their check, 2 of framing (PCIe 6.0 sections 3.5.1, 4.2.2.3.1)
// 256 bytes: 236 of TLPs, 6 data link payload, 8 check, 6 error correction (section 4.2.3.3).
constexpr std::uint64_t kFlitBytes = 256, kFlitTlpBytes = 236;

PsRatio product(PsRatio a, PsRatio b) {
  // Reduced crosswise first, so that the products stay small.
  const PsRatio x = PsRatio::of(a.num, b.den), y = PsRatio::of(b.num, a.den);
  return {x.num * y.num, x.den * y.den};
}

// One lane's bit time is 400 ps / 2^(generation-1) for Gen1 and Gen2 (2.5 and 5 GT/s), 1/8 ns halved from Gen3 on (8,
// 16, 32, 64 GT/s); a byte takes 10 bits in 8b/10b, 8 x 130/128 in 128b/130b, 8 in 1b/1b (PCIe 6.0 section 4.2). Gen6's
// two bits per symbol of PAM4 are in its rate.
PsRatio raw_byte_time(unsigned generation, unsigned width) {
  if (generation <= 2) return PsRatio::of(4000, std::uint64_t{width} << (generation - 1));
  if (generation <= 5) return PsRatio::of(8125, std::uint64_t{8 * width} << (generation - 3));
  return PsRatio::of(1000, std::uint64_t{8 * width} << (generation - 6));
}

struct Skip {
  std::uint64_t symbols;   // of an ordered set
  std::uint64_t interval;  // symbol times from one to the next
};

// Longest intervals of a link with one reference clock: 1,538 symbol times, 375 blocks of 16; with FLITs a number of
// these that makes 11,968 symbol times or a little less at Gen6, 5,984 below (PCIe 6.0 section 4.2.8.4, table 4-30).
Skip skip_of(const LinkConfig& c) {
  if (c.accounting == Accounting::pcie_bench) return {4, 1538};
  if (c.generation <= 2) return {4, 1538};
  const std::uint64_t symbols = c.generation >= 6 ? 40 : 16;
  if (!c.flit_mode()) return {symbols, 375 * 16};
  const std::uint64_t flits = (c.generation >= 6 ? 748u : 374u) * c.width / 16;
  return {symbols, flits * kFlitBytes / c.width + symbols};
}

// Bytes of this link that the specification's latency limit makes, see LinkConfig.
std::uint64_t bytes_to_ack(const LinkConfig& c) {
  const std::uint64_t symbols = ack_latency_limit(c.generation, c.width, c.mps.value());
  return c.accounting == Accounting::pcie_bench ? symbols : symbols * c.width;
}

// The data-link share must leave something for TLPs, and the byte time must stay exact in 64 bits.
void check(const LinkConfig& c, base::Report& report) {
  const bool two_power = (c.width & (c.width - 1)) == 0;
  if (c.width != 12 && !two_power) report.error("width", "a link has 1, 2, 4, 8, 12, 16 or 32 lanes");
  if (c.rcb > c.mps) report.error("rcb", "the read completion boundary exceeds mps (" + to_text(c.mps) + ")");
  if (c.flit_mode()) {
    if (c.width == 12 || c.width == 32) report.error("width", "FLITs are laid out over 1, 2, 4, 8 or 16 lanes");
    if (c.accounting == Accounting::pcie_bench)
      report.error("accounting", "the pcie-bench model knows no FLITs: use physical");
    const std::pair<const char*, const std::optional<base::Bytes>*> intervals[] = {
        {"ack_interval", &c.ack_interval},
        {"fc_interval", &c.fc_interval},
        {"down_ack_interval", &c.down_ack_interval},
        {"down_fc_interval", &c.down_fc_interval}};
    for (const auto& [key, interval] : intervals) {
      if (*interval && (*interval)->value() != 0)
        report.error(key, "in FLIT mode ACKs and credits travel in the FLIT's own bytes; leave it out");
    }
  }
  if (report.failed()) return;
  try {
    (void)c.byte_time(true);
    (void)c.byte_time(false);
  } catch (const base::UserError& e) {
    report.error("", e.what());
  }
}

}  // namespace

const base::Fields<LinkConfig>& LinkConfig::fields() {
  static const auto f =
      base::Fields<LinkConfig>("link", "A PCIe link: two directions of equal width and rate")
          .field("generation", &LinkConfig::generation,
                 "PCIe generation: 2.5, 5, 8, 16, 32, 64 GT/s; 6 is always FLITs")
          .range(1, 6)
          .field("width", &LinkConfig::width, "Lanes: 1, 2, 4, 8, 16, without FLITs also 12 and 32")
          .range(1, 32)
          .field("flit", &LinkConfig::flit,
                 "FLIT mode at a lower rate, as two PCIe 6.0 components have it (PCIe 6.0 section 4.2.3)")
          .field("mps", &LinkConfig::mps, "Max_Payload_Size: largest payload of a write or completion TLP")
          .range("128 B", "4 KiB")
          .power_of_two()
          .field("mrrs", &LinkConfig::mrrs, "Max_Read_Request_Size: largest read request of the endpoint")
          .range("128 B", "4 KiB")
          .power_of_two()
          .source("pcie-bench hosts, SIGCOMM 2018")
          .field("rcb", &LinkConfig::rcb, "Read completion boundary of the root complex (PCIe 6.0 section 2.3.1.1)")
          .range("64 B", "128 B")
          .power_of_two()
          .field("completion_size", &LinkConfig::completion_size,
                 "Largest payload of a completion: mps, or rcb for hosts that return cache lines",
                 {{"mps", CompletionSize::mps}, {"rcb", CompletionSize::rcb}})
          .field("propagation", &LinkConfig::propagation,
                 "Delay of the wire and the physical layers, each way; with FLITs their error correction too")
          .range("0 ns", "10 us")
          .field("accounting", &LinkConfig::accounting,
                 "How bytes count: physical, or as in the analytic pcie-bench model (64-bit addresses always, no "
                 "padding, latency limits read as bytes)",
                 {{"physical", Accounting::physical}, {"pcie_bench", Accounting::pcie_bench}})
          .field("ack_interval", &LinkConfig::ack_interval,
                 "Bytes that a direction sends per ACK in it, of 8 bytes; none: no ACKs counted; null: one each time "
                 "the latency limit of the specification has passed")
          .range("0 B", "16 KiB")
          .word("none", "0 B")
          .source("PCIe 6.0 tables 3-10 to 3-12, times the width: 1,624 bytes for Gen3 x8 at mps 256 B")
          .field("fc_interval", &LinkConfig::fc_interval,
                 "Bytes that a direction sends per flow-control update in it, of 8 bytes; none; null: one kind of "
                 "credit each time the recommended latency has passed")
          .range("0 B", "16 KiB")
          .word("none", "0 B")
          .source("PCIe 6.0 tables 2-52 to 2-54, times the width")
          .field("down_ack_interval", &LinkConfig::down_ack_interval, "ack_interval downwards, where that differs")
          .range("0 B", "16 KiB")
          .word("none", "0 B")
          .field("down_fc_interval", &LinkConfig::down_fc_interval, "fc_interval downwards, where that differs")
          .range("0 B", "16 KiB")
          .word("none", "0 B")
          .field("skip_interval", &LinkConfig::skip_interval,
                 "Symbol times (bytes on each lane) from one SKIP ordered set to the next; it takes 4 of them in Gen1 "
                 "and Gen2, 16 up to Gen5, 40 in Gen6; none; null: as the specification says for one common clock")
          .range("0 B", "64 KiB")
          .word("none", "0 B")
          .source("PCIe 6.0 section 4.2.8.4 and table 4-30: 1538, 6000, with FLITs about 12,000 at Gen6")
          .field("interleaved_reads", &LinkConfig::interleaved_reads,
                 "Reads whose completions take turns, TLP by TLP, when several wait; 1: one after the other")
          .range(1, 256)
          .source(
              "assumption: root complexes interleave (PCIe 6.0 section 2.3.1.1 allows it), how far is not published")
          .field("virtual_channels", &LinkConfig::virtual_channels,
                 "Virtual channels, each with credits of its own; traffic classes share them equally")
          .range(1, 8)
          .field("credit_latency", &LinkConfig::credit_latency,
                 "From buffer space freed to its UpdateFC packet understood at the sender, propagation apart")
          .range("0 ns", "10 us")
          .field("ecrc", &LinkConfig::ecrc, "4-byte digest on every TLP")
          .check(check);
  return f;
}

std::uint64_t ack_latency_limit(unsigned generation, unsigned width, std::uint64_t mps) {
  // (mps + 28) x AckFactor / width, and the delay inside the component. AckFactor in tenths, for up to 4, 8, 12 and
  // more lanes.
  static constexpr std::uint64_t factors[][3] = {{14, 25, 30}, {14, 25, 30}, {10, 10, 20}, {10, 10, 20}};
  const auto& row = factors[mps <= 128 ? 0 : mps <= 256 ? 1 : mps <= 512 ? 2 : 3];
  const std::uint64_t factor = row[width <= 4 ? 0 : width <= 8 ? 1 : 2];
  const std::uint64_t internal = generation == 1 ? 19 : generation == 2 ? 70 : 115;
  return (mps + 28) * factor / (10 * width) + internal;
}

PsRatio LinkConfig::byte_time(bool up) const {
  // Share left for TLPs = 1 - dllp/ack - dllp/fc - skip/skip_interval, over the common denominator.
  const Skip skip = skip_of(*this);
  const std::uint64_t limit = flit_mode() ? 0 : bytes_to_ack(*this);
  const auto value = [&](const std::optional<base::Bytes>& own, const std::optional<base::Bytes>& both,
                         std::uint64_t otherwise) {
    return own ? own->value() : both ? both->value() : otherwise;
  };
  const std::pair<std::uint64_t, std::uint64_t> parts[] = {
      {kDllpBytes, value(up ? ack_interval : down_ack_interval, ack_interval, limit)},
      {kDllpBytes, value(up ? fc_interval : down_fc_interval, fc_interval, limit)},
      {skip.symbols, skip_interval ? skip_interval->value() : skip.interval}};
  std::uint64_t denominator = 1;
  for (const auto& [bytes, interval] : parts) {
    if (interval != 0) denominator = std::lcm(denominator, interval);
  }
  std::uint64_t taken = 0;
  for (const auto& [bytes, interval] : parts) {
    if (interval != 0) taken += bytes * (denominator / interval);
  }
  if (taken >= denominator) {
    throw base::UserError(
        "the data-link packets of a link take all of its bytes: raise ack_interval, fc_interval or skip_interval");
  }
  PsRatio time = product(raw_byte_time(generation, width), PsRatio::of(denominator, denominator - taken));
  if (flit_mode()) time = product(time, PsRatio::of(kFlitBytes, kFlitTlpBytes));
  if (time.den >> 50 != 0) {
    throw base::UserError(
        "no exact byte time follows from ack_interval, fc_interval and skip_interval: choose numbers with common "
        "factors");
  }
  return time;
}

PsRatio LinkConfig::flit_time() const {
  return flit_mode() ? product(byte_time(), PsRatio::of(kFlitTlpBytes, 1)) : PsRatio{0, 1};
}

std::uint64_t LinkConfig::raw_bits_per_second() const {
  const PsRatio raw = raw_byte_time(generation, width);
  return 8000000000000 / raw.num * raw.den + 8000000000000 % raw.num * raw.den / raw.num;
}

}  // namespace iommusim::pcie
