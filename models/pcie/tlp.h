// Transaction layer packet arithmetic: how many bytes a request or its completions take on the wire, and how a DMA is
// cut into TLPs. Plain functions, no state (PCIe 5.0 section 2.2 headers, 2.3.1.1 completion rules, 4.2 framing).
// Leaves out: FLIT mode (Gen6), locked requests, I/O requests, zero-length reads, vendor prefixes.
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
  configuration_write    ///< CfgWr0, CfgWr1: the same and one doubleword
};

constexpr bool has_payload(TlpKind kind) {
  return kind == TlpKind::memory_write || kind == TlpKind::completion_with_data || kind == TlpKind::message_with_data ||
         kind == TlpKind::configuration_write;
}

/// How bytes are counted. The defaults are the physical ones; the analytic pcie-bench model counts 64-bit addresses
/// always and does not pad payloads to doublewords (pcie-bench model, Neugebauer et al., SIGCOMM 2018).
struct TlpFormat {
  bool always_64_bit = false;  ///< count 4-doubleword headers even below 4 GiB, where section 2.2.4.1 demands three
  bool pad_to_dword = true;  ///< payloads occupy whole doublewords, byte enables tell which bytes count (section 2.2.2)
  bool ecrc = false;         ///< TLP digest of 4 bytes on every TLP (section 2.7.1)
};

/// Bytes around a TLP: Gen1 and Gen2 STP 1, sequence number 2, LCRC 4, END 1; Gen3 to Gen5 an STP token of 4 which
/// holds the sequence number, and LCRC 4 (PCIe 5.0 sections 3.6.2, 4.2.1.2, 4.2.2.3). Eight in each, by different sums.
constexpr std::uint32_t framing_bytes(unsigned generation) { return generation <= 2 ? 1 + 2 + 4 + 1 : 4 + 4; }

/// Header bytes without framing: completions 12, requests 12 below 4 GiB and 16 above, messages 16.
constexpr std::uint32_t header_bytes(TlpKind kind, std::uint64_t address, TlpFormat format = {}) {
  switch (kind) {
    case TlpKind::completion_with_data:
    case TlpKind::completion:
    case TlpKind::configuration_read:
    case TlpKind::configuration_write: return 12;
    case TlpKind::message:
    case TlpKind::message_with_data: return 16;
    case TlpKind::memory_read:
    case TlpKind::memory_write: break;
  }
  return format.always_64_bit || address >> 32 != 0 ? 16 : 12;
}

/// Bytes of doublewords that `bytes` bytes from `address` touch; `bytes` itself when payloads are not padded.
constexpr std::uint64_t payload_bytes(std::uint64_t address, std::uint64_t bytes, TlpFormat format = {}) {
  if (!format.pad_to_dword || bytes == 0) return bytes;
  return (((address & 3) + bytes + 3) & ~std::uint64_t{3});
}

/// Bytes of everything around the payload of one TLP. A request with a PASID carries a 4-byte prefix (section 6.20).
constexpr std::uint32_t overhead_bytes(unsigned generation, TlpKind kind, std::uint64_t address, bool pasid = false,
                                       TlpFormat format = {}) {
  return framing_bytes(generation) + header_bytes(kind, address, format) + (pasid ? 4u : 0u) + (format.ecrc ? 4u : 0u);
}

/// Bytes of the next TLP of a DMA with `remaining` bytes left from `address`: at most `limit` (Max_Read_Request_Size
/// for reads, Max_Payload_Size for writes) and not past a 4 KiB boundary. `remaining` and `limit` are at least 1.
constexpr std::uint64_t next_request(std::uint64_t address, std::uint64_t remaining, std::uint64_t limit) {
  return std::min({remaining, limit, request_boundary - address % request_boundary});
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
/// afterwards. The specification allows longer first completions; root complexes realign first (PCIe 5.0
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

/// Wire bytes of a request TLP: header, framing, and payload for writes.
constexpr std::uint64_t request_wire_bytes(unsigned generation, TlpKind kind, std::uint64_t address,
                                           std::uint64_t bytes, bool pasid = false, TlpFormat format = {}) {
  return overhead_bytes(generation, kind, address, pasid, format) +
         (has_payload(kind) ? payload_bytes(address, bytes, format) : 0);
}

/// Wire bytes of all completions of one read request together.
constexpr std::uint64_t completion_wire_bytes(unsigned generation, std::uint64_t address, std::uint64_t bytes,
                                              std::uint64_t rcb, std::uint64_t chunk, TlpFormat format = {}) {
  return completion_count(address, bytes, rcb, chunk) *
             overhead_bytes(generation, TlpKind::completion_with_data, address, false, format) +
         payload_bytes(address, bytes, format);
}

}  // namespace iommusim::pcie
