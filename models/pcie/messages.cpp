#include "models/pcie/messages.h"

namespace iommusim::pcie {

using base::Bdf;
using tlm::Message;
using tlm::Payload;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSize = 1 << 11;  // S

constexpr std::uint64_t flag(bool set, unsigned bit) { return std::uint64_t{set} << bit; }
constexpr bool has(std::uint64_t word, unsigned bit) { return (word >> bit & 1) != 0; }
constexpr std::uint64_t at_bus(Bdf target) { return std::uint64_t{target.value()} << 48; }

/// Address bits 63:12 and S of a range of 2^size_log2 bytes: bits from 12 up to below size_log2 - 1 are ones, bit
/// size_log2 - 1 is zero (section 10.2.3.2, table 10-4).
std::uint64_t encode_range(std::uint64_t address, unsigned size_log2) {
  if (size_log2 <= 12) return address & ~(kPage - 1);
  const std::uint64_t half = std::uint64_t{1} << (size_log2 - 1);
  return (address & ~(2 * half - 1)) | ((half - 1) & ~(kPage - 1)) | kSize;
}

/// Size of the range; its first byte is the address with so many bits cleared.
unsigned decode_size(std::uint64_t word) {
  if ((word & kSize) == 0) return 12;
  unsigned bit = 12;
  while (bit < 63 && has(word, bit)) ++bit;
  return bit + 1;
}

std::uint64_t decode_address(std::uint64_t word, unsigned size_log2) {
  return size_log2 >= 64 ? 0 : word & ~((std::uint64_t{1} << size_log2) - 1);
}

void store(unsigned char* to, std::uint64_t word) {
  for (unsigned i = 0; i < 8; ++i) to[i] = static_cast<unsigned char>(word >> (56 - 8 * i));
}
std::uint64_t load(const unsigned char* from) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word = word << 8 | from[i];
  return word;
}

}  // namespace

std::uint64_t encode(const Translation& t) {
  return encode_range(t.address, t.size_log2) | flag(t.non_snooped, 10) | flag(t.global, 5) | flag(t.privileged, 4) |
         flag(t.execute, 3) | flag(t.untranslated_only, 2) | flag(t.write, 1) | flag(t.read, 0);
}

Translation decode_translation(std::uint64_t entry) {
  Translation t;
  t.size_log2 = static_cast<std::uint8_t>(decode_size(entry));
  t.address = decode_address(entry, t.size_log2);
  t.non_snooped = has(entry, 10);
  t.global = has(entry, 5);
  t.privileged = has(entry, 4);
  t.execute = has(entry, 3);
  t.untranslated_only = has(entry, 2);
  t.write = has(entry, 1);
  t.read = has(entry, 0);
  return t;
}

std::uint64_t encode(const InvalidateRequest& r) { return encode_range(r.address, r.size_log2) | flag(r.global, 0); }

InvalidateRequest decode_invalidate_request(std::uint64_t data, std::uint8_t itag) {
  InvalidateRequest r;
  r.size_log2 = static_cast<std::uint8_t>(decode_size(data));
  r.address = decode_address(data, r.size_log2);
  r.global = has(data, 0);
  r.itag = itag;
  return r;
}

// Device ID 63:48, completion count 34:32 (0 means 8), ITag vector 31:0.
std::uint64_t encode(const InvalidateCompletion& c, Bdf target) {
  return at_bus(target) | std::uint64_t{c.count & 7u} << 32 | c.itags;
}

InvalidateCompletion decode_invalidate_completion(std::uint64_t body) {
  InvalidateCompletion c;
  c.itags = static_cast<std::uint32_t>(body);
  c.count = static_cast<std::uint8_t>(body >> 32 & 7);
  if (c.count == 0) c.count = 8;
  return c;
}

// Page address 63:12, group 11:3, L 2, W 1, R 0.
std::uint64_t encode(const PageRequestMessage& r) {
  return (r.page & ~(kPage - 1)) | std::uint64_t{r.group & 0x1ffu} << 3 | flag(r.last, 2) | flag(r.write, 1) |
         flag(r.read, 0);
}

PageRequestMessage decode_page_request(std::uint64_t body) {
  PageRequestMessage r;
  r.page = body & ~(kPage - 1);
  r.group = static_cast<std::uint16_t>(body >> 3 & 0x1ff);
  r.last = has(body, 2);
  r.write = has(body, 1);
  r.read = has(body, 0);
  return r;
}

// Destination 63:48, response code 47:44, group 40:32.
std::uint64_t encode(const PageGroupResponse& r, Bdf target) {
  return at_bus(target) | std::uint64_t{r.code & 0xfu} << 44 | std::uint64_t{r.group & 0x1ffu} << 32;
}

PageGroupResponse decode_page_group_response(std::uint64_t body) {
  return {static_cast<std::uint16_t>(body >> 32 & 0x1ff), static_cast<std::uint8_t>(body >> 44 & 0xf)};
}

// --- payloads

MessageTlp message_of(const InvalidateRequest& r, Bdf target) {
  MessageTlp m;
  m.kind = Message::invalidate_request;
  m.target = target;
  m.body = at_bus(target);
  m.data_bytes = 8;
  m.data = encode(r);
  m.tag = r.itag & 0x1f;
  return m;
}

MessageTlp message_of(const InvalidateCompletion& c, Bdf target) {
  MessageTlp m;
  m.kind = Message::invalidate_completion;
  m.target = target;
  m.body = encode(c, target);
  return m;
}

MessageTlp message_of(const PageRequestMessage& r) {
  MessageTlp m;
  m.kind = Message::page_request;
  m.body = encode(r);
  return m;
}

MessageTlp message_of(const PageGroupResponse& r, Bdf target) {
  MessageTlp m;
  m.kind = Message::page_group_response;
  m.target = target;
  m.body = encode(r, target);
  return m;
}

void fill(tlm::PayloadPool& pool, Payload& payload, const MessageTlp& m, base::SourceId requester) {
  payload.set_command(::tlm::TLM_IGNORE_COMMAND);
  payload.set_address(m.body);
  if (m.data_bytes != 0) store(pool.use_buffer(payload, 8), m.data);
  tlm::DmaExtension& x = tlm::dma(payload);
  x.requester = requester;
  x.message = m.kind;
  x.target = m.target;
  x.tag = m.tag;
  x.has_pasid = m.has_pasid;
  x.pasid = m.prefix.pasid;
  x.execute = m.prefix.execute;
  x.privileged = m.prefix.privileged;
}

MessageTlp message_of(const Payload& payload) {
  const tlm::DmaExtension& x = tlm::dma(payload);
  MessageTlp m;
  m.kind = x.message;
  m.target = x.target;
  m.body = payload.get_address();
  m.data_bytes = static_cast<std::uint8_t>(payload.get_data_length());
  if (m.data_bytes == 8) m.data = load(payload.get_data_ptr());
  m.tag = static_cast<std::uint8_t>(x.tag);
  m.has_pasid = x.has_pasid;
  m.prefix = {x.pasid, x.execute, x.privileged};
  return m;
}

void fill_msi(tlm::PayloadPool& pool, Payload& payload, std::uint64_t address, std::uint32_t data,
              base::SourceId requester) {
  payload.set_command(::tlm::TLM_WRITE_COMMAND);
  payload.set_address(address);
  unsigned char* bytes = pool.use_buffer(payload, 4);
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<unsigned char>(data >> (8 * i));
  tlm::dma(payload).requester = requester;
  tlm::dma(payload).traffic = tlm::Traffic::msi;
}

void fill_translation_request(tlm::PayloadPool& pool, Payload& payload, std::uint64_t address, unsigned count,
                              bool no_write, base::SourceId requester) {
  payload.set_command(::tlm::TLM_READ_COMMAND);
  payload.set_address((address & ~(kPage - 1)) | flag(no_write, 0));
  pool.use_buffer(payload, 8 * count);
  tlm::dma(payload).requester = requester;
  tlm::dma(payload).at = tlm::AddressType::translation_request;
}

std::uint64_t translation_address(const Payload& payload) { return payload.get_address() & ~(kPage - 1); }
bool translation_no_write(const Payload& payload) { return has(payload.get_address(), 0); }

std::uint64_t read_entry(const Payload& payload, unsigned i) { return load(payload.get_data_ptr() + 8 * i); }
void write_entry(Payload& payload, unsigned i, std::uint64_t entry) { store(payload.get_data_ptr() + 8 * i, entry); }

}  // namespace iommusim::pcie
