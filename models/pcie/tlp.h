// Transaction layer packet arithmetic: how many bytes a request or its completions take on the wire, and how a DMA is
// cut into TLPs. Plain functions, no state (PCIe 6.0 section 2.2 headers, 2.3.1.1 completion rules, 4.2 framing, in
// FLIT mode and without). Leaves out: atomics, locked and I/O requests, vendor prefixes, processing hints, segments,
// integrity (IDE); all of them add doublewords to a header.
#pragma once

#include <algorithm>
#include <cstdint>

namespace iommusim::pcie {

/// Requests never cross a 4 KiB boundary (PCIe 5.0 section 2.2.7).
inline constexpr std::uint64_t request_boundary = 4096;

enum class TlpKind : std::uint8_t {
  memory_read,           ///< MRd: header only
  memory_write,          ///< MWr: header and payload, posted
  completion_with_data,  ///< CplD
  completion,            ///< Cpl: a status without data (unsupported request, completer abort)
  message,               ///< Msg: four-doubleword header, no payload
  message_with_data,     ///< MsgD: the same with a payload
  configuration_read,    ///< CfgRd0, CfgRd1: three-doubleword header (section 2.2.7)
  configuration_write,   ///< CfgWr0, CfgWr1: the same and one doubleword
  translation_request    ///< ATS: a memory read by its header, answered with translations (section 10.2.2)
};

constexpr bool has_payload(TlpKind kind) {
  return kind == TlpKind::memory_write || kind == TlpKind::completion_with_data || kind == TlpKind::message_with_data ||
         kind == TlpKind::configuration_write;
}

/// How bytes are counted. The defaults are the physical ones without FLITs; the analytic pcie-bench model counts 64-bit
/// addresses always and does not pad payloads to doublewords (pcie-bench model, Neugebauer et al., SIGCOMM 2018).
struct TlpFormat {
  bool flit = false;           ///< FLIT mode: no framing of its own, orthogonal header content instead of prefixes
  bool always_64_bit = false;  ///< count 4-doubleword headers even below 4 GiB, where section 2.2.4.1 demands three
  bool pad_to_dword = true;  ///< payloads occupy whole doublewords, byte enables tell which bytes count (section 2.2.2)
  bool ecrc = false;         ///< TLP digest, in FLIT mode a trailer, of 4 bytes on every TLP (section 2.7.1)
};

/// What of a TLP decides its size. A completion's address is that of its own first byte.
struct Tlp {
  TlpKind kind = TlpKind::memory_read;
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;  ///< asked for, written, or returned
  bool pasid = false;       ///< a request that carries a PASID
  bool failed = false;      ///< a completion whose status is not successful
};

/// Bytes around a TLP: Gen1 and Gen2 STP 1, sequence number 2, LCRC 4, END 1; from Gen3 on an STP token of 4 which
/// holds the sequence number, and LCRC 4 (PCIe 6.0 sections 3.6.2, 4.2.1.2, 4.2.2.3). Eight in each, by different sums.
/// None in FLIT mode, where the FLIT is checked and numbered as a whole (section 4.2.3.3).
constexpr std::uint32_t framing_bytes(TlpFormat format = {}) { return format.flit ? 0 : 8; }

/// The header proper, in FLIT mode the header base (table 2-5): completions and configuration requests 12 bytes, memory
/// requests 12 below 4 GiB and 16 above, messages 16.
constexpr std::uint32_t header_bytes(TlpKind kind, std::uint64_t address, TlpFormat format = {}) {
  switch (kind) {
    case TlpKind::completion_with_data:
    case TlpKind::completion:
    case TlpKind::configuration_read:
    case TlpKind::configuration_write: return 12;
    case TlpKind::message:
    case TlpKind::message_with_data: return 16;
    case TlpKind::memory_read:
    case TlpKind::memory_write:
    case TlpKind::translation_request: break;
  }
  return format.always_64_bit || address >> 32 != 0 ? 16 : 12;
}

/// What follows the header: without FLITs the PASID prefix of 4 bytes (section 6.20). In FLIT mode the first kind of
/// orthogonal header content, 4 bytes (table 2-6): OHC-A1 on memory requests that need byte enables (those that neither
/// begin nor end on a doubleword, and empty ones) or a PASID, and on translation requests; OHC-A3 on configuration
/// requests (section 2.2.5.2); OHC-A1 or A4 on messages with a PASID; OHC-A5 on completions that failed or do not begin
/// on a doubleword (section 2.2.9.2).
constexpr std::uint32_t extension_bytes(const Tlp& tlp, TlpFormat format = {}) {
  bool present = tlp.pasid;
  if (format.flit) {
    const bool whole = tlp.address % 4 == 0 && tlp.bytes % 4 == 0;
    switch (tlp.kind) {
      case TlpKind::memory_read:
      case TlpKind::memory_write: present = tlp.pasid || !whole || tlp.bytes == 0; break;
      case TlpKind::completion_with_data:
      case TlpKind::completion: present = tlp.failed || tlp.address % 4 != 0; break;
      case TlpKind::configuration_read:
      case TlpKind::configuration_write:
      case TlpKind::translation_request: present = true; break;
      case TlpKind::message:
      case TlpKind::message_with_data: break;
    }
  }
  return present ? 4 : 0;
}

/// Bytes of doublewords that `bytes` bytes from `address` touch; `bytes` itself when payloads are not padded.
constexpr std::uint64_t payload_bytes(std::uint64_t address, std::uint64_t bytes, TlpFormat format = {}) {
  if (!format.pad_to_dword || bytes == 0) return bytes;
  return (((address & 3) + bytes + 3) & ~std::uint64_t{3});
}

/// Bytes of everything around the payload of one TLP.
constexpr std::uint32_t overhead_bytes(const Tlp& tlp, TlpFormat format = {}) {
  return framing_bytes(format) + header_bytes(tlp.kind, tlp.address, format) + extension_bytes(tlp, format) +
         (format.ecrc ? 4u : 0u);
}

/// Bytes of one TLP on the wire. FLIT bytes that carry no TLP are a share of time (link_config.h), not counted here.
constexpr std::uint64_t wire_bytes(const Tlp& tlp, TlpFormat format = {}) {
  const bool addressed = tlp.kind != TlpKind::message_with_data;  // a message's address is part of its header
  return overhead_bytes(tlp, format) +
         (has_payload(tlp.kind) ? payload_bytes(addressed ? tlp.address : 0, tlp.bytes, format) : 0);
}

/// Bytes of the next TLP of a DMA with `remaining` bytes left from `address`: at most `limit` (Max_Read_Request_Size
/// for reads, Max_Payload_Size for writes), which counts the doublewords it touches, and not past a 4 KiB boundary.
/// `remaining` and `limit` are at least 1.
constexpr std::uint64_t next_request(std::uint64_t address, std::uint64_t remaining, std::uint64_t limit) {
  return std::min({remaining, limit - address % 4, request_boundary - address % request_boundary});
}

/// Request TLPs of a DMA of `bytes` bytes (0: none) from `address`.
constexpr std::uint64_t request_count(std::uint64_t address, std::uint64_t bytes, std::uint64_t limit) {
  std::uint64_t count = 0;
  for (; bytes > 0; ++count) {
    const std::uint64_t n = next_request(address, bytes, limit);
    address += n;
    bytes -= n;
  }
  return count;
}

/// Payload bytes of the next completion of a read with `remaining` bytes left from `address`: up to the next Read
/// Completion Boundary when the start is not on one, `chunk` bytes (a multiple of `rcb`, at most Max_Payload_Size)
/// afterwards. The specification allows longer first completions; root complexes realign first (PCIe 6.0
/// section 2.3.1.1).
constexpr std::uint64_t next_completion(std::uint64_t address, std::uint64_t remaining, std::uint64_t rcb,
                                        std::uint64_t chunk) {
  return std::min(remaining, address % rcb != 0 ? rcb - address % rcb : chunk);
}

/// Completions of one read request: as many as `next_completion` takes steps, in closed form.
constexpr std::uint64_t completion_count(std::uint64_t address, std::uint64_t bytes, std::uint64_t rcb,
                                         std::uint64_t chunk) {
  const std::uint64_t first = address % rcb != 0 ? next_completion(address, bytes, rcb, chunk) : 0;
  return (first != 0 ? 1 : 0) + (bytes - first + chunk - 1) / chunk;
}

/// Wire bytes of all completions of one read request together; each but the first begins on a boundary.
constexpr std::uint64_t completion_wire_bytes(std::uint64_t address, std::uint64_t bytes, std::uint64_t rcb,
                                              std::uint64_t chunk, TlpFormat format = {}) {
  std::uint64_t sum = 0;
  while (bytes > 0) {
    const std::uint64_t n = next_completion(address, bytes, rcb, chunk);
    sum += wire_bytes({TlpKind::completion_with_data, address, n}, format);
    address += n;
    bytes -= n;
  }
  return sum;
}

}  // namespace iommusim::pcie
