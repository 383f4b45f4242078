// The requests that carry neither data nor commands but news: message-signalled interrupts, address translation (ATS)
// and page requests (PRI). What their bytes mean, and payloads made of them.
//
//   kind                    TLP                class        wire bytes besides framing and PASID prefix
//   MSI, MSI-X              MWr, 4 bytes       posted       12 or 16 header + 4      PCIe 5.0 section 6.1.4
//   translation request     MRd, AT = 01b      non-posted   12 or 16                 section 10.2.2
//   translation completion  CplD, 8 bytes each completion   12 + 8 per translation   section 10.2.3
//   invalidate request      MsgD, by ID        posted       16 + 8                   section 10.3.1
//   invalidate completion   Msg, by ID         posted       16                       section 10.3.2
//   page request            Msg, to the root   posted       16                       section 10.4.1
//   PRG response            Msg, by ID         posted       16                       section 10.4.2
//
// Messages are posted requests: they keep their order with memory writes of their traffic class, and reads do not pass
// them (section 2.4.1, table 2-39). An invalidate completion therefore pushes the writes before it.
// A message's payload is a TLM_IGNORE_COMMAND: ext.message and ext.target say what and to whom; its address is bytes 8
// to 15 of the header as a number ("body", byte 8 in 63:56); data is what follows the header, first byte first.
// Left out: vendor-defined and error messages, latency tolerance, INTx, several translations of unequal size in one
// completion being merged, the CXL.io and AMA fields.
#pragma once

#include <array>
#include <cstdint>

#include "models/base/types.h"
#include "models/tlm/payload_pool.h"

namespace iommusim::pcie {

/// Contents of a translation completion: one per 8 bytes (section 10.2.3).
struct Translation {
  std::uint64_t address = 0;    ///< of the translated range; a multiple of its size
  std::uint8_t size_log2 = 12;  ///< 12 to 64
  bool non_snooped = false;     ///< N
  bool global = false;
  bool privileged = false;
  bool execute = false;
  bool untranslated_only = false;  ///< U
  bool write = false, read = false;
};
/// 8 bytes as they follow the completion's header, first byte in 63:56. A range above 4 KiB sets S and tells its size
/// by the address bits below it: the lowest 0 bit from bit 12 on is at size_log2 - 1.
std::uint64_t encode(const Translation& t);
Translation decode_translation(std::uint64_t entry);

/// Where an invalidate request is for (section 10.3.1): same encoding of ranges.
struct InvalidateRequest {
  std::uint64_t address = 0;
  std::uint8_t size_log2 = 12;
  bool global = false;    ///< all PASIDs
  std::uint8_t itag = 0;  ///< 0 to 31
};
std::uint64_t encode(const InvalidateRequest& r);  ///< its 8 bytes of data, first byte in 63:56
InvalidateRequest decode_invalidate_request(std::uint64_t data, std::uint8_t itag);

/// (section 10.3.2) `itags`: one bit per request completed; `count`: how many such messages complete each, 1 to 8.
struct InvalidateCompletion {
  std::uint32_t itags = 0;
  std::uint8_t count = 1;
};
std::uint64_t encode(const InvalidateCompletion& c, base::Bdf target);  ///< the body
InvalidateCompletion decode_invalidate_completion(std::uint64_t body);

/// (section 10.4.1) A stop marker has last set, read and write clear, and a PASID.
struct PageRequestMessage {
  std::uint64_t page = 0;   ///< a multiple of 4 KiB
  std::uint16_t group = 0;  ///< page request group index, 9 bits
  bool last = false, write = false, read = false;
};
std::uint64_t encode(const PageRequestMessage& r);  ///< the body
PageRequestMessage decode_page_request(std::uint64_t body);

/// (section 10.4.2) `code`: 0 success, 1 invalid request, 15 failure.
struct PageGroupResponse {
  std::uint16_t group = 0;
  std::uint8_t code = 0;
};
std::uint64_t encode(const PageGroupResponse& r, base::Bdf target);  ///< the body
PageGroupResponse decode_page_group_response(std::uint64_t body);

/// The PASID prefix of a request (section 6.20).
struct PasidPrefix {
  base::Pasid pasid;
  bool execute = false, privileged = false;
};

/// A message ready to be made a payload.
struct MessageTlp {
  tlm::Message kind = tlm::Message::other;
  base::Bdf target;  ///< ID-routed ones: to whom
  std::uint64_t body = 0;
  std::uint8_t data_bytes = 0;  ///< 0 or 8
  std::uint64_t data = 0;       ///< first byte in 63:56
  std::uint8_t tag = 0;         ///< the header's tag field: ITag of an invalidate request
  bool has_pasid = false;
  PasidPrefix prefix;
};
MessageTlp message_of(const InvalidateRequest& r, base::Bdf target);
MessageTlp message_of(const InvalidateCompletion& c, base::Bdf target);
MessageTlp message_of(const PageRequestMessage& r);
MessageTlp message_of(const PageGroupResponse& r, base::Bdf target);

/// Makes a new payload of `pool` that message, from `requester`.
void fill(tlm::PayloadPool& pool, tlm::Payload& payload, const MessageTlp& m, base::SourceId requester);
/// What a message payload says.
MessageTlp message_of(const tlm::Payload& payload);

/// Makes a new payload the MSI `data` to `address`, a multiple of 4.
void fill_msi(tlm::PayloadPool& pool, tlm::Payload& payload, std::uint64_t address, std::uint32_t data,
              base::SourceId requester);
/// Makes a new payload the request for `count` translations (1 to 8: at most one read completion boundary) from
/// `address`, a multiple of 4 KiB, on. `no_write`: write permission is not wanted (NW). The answer is the payload's
/// data: decode_translation() of read_entry().
void fill_translation_request(tlm::PayloadPool& pool, tlm::Payload& payload, std::uint64_t address, unsigned count,
                              bool no_write, base::SourceId requester);
/// The address asked for, and whether without write permission.
std::uint64_t translation_address(const tlm::Payload& payload);
bool translation_no_write(const tlm::Payload& payload);
/// Entry `i` of a translation completion, or its 8 bytes written.
std::uint64_t read_entry(const tlm::Payload& payload, unsigned i);
void write_entry(tlm::Payload& payload, unsigned i, std::uint64_t entry);

}  // namespace iommusim::pcie
