// What a DMA request carries beyond the generic payload: the one extension, ignorable by any component that does not
// know it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tlm>

#include "models/base/types.h"

namespace iommusim::tlm {

using Payload = ::tlm::tlm_generic_payload;

using base::AddressType;
/// Which address space Payload::get_address() is in. Memory accepts hpa only; in `configuration` the address is a
/// register number, 0 to 4095, of the function that ext.target names.
enum class AddressSpace : std::uint8_t { iova, gpa, hpa, mmio, configuration };
/// What a TLM_IGNORE_COMMAND payload is: a message TLP (PCIe 6.0 sections 2.2.8, 10.3.3, 10.4). Its address is the
/// header's last eight bytes as a number, the first of them in 63:56; its data, if any, is the payload behind the
/// header (models/pcie/messages.h).
enum class Message : std::uint8_t {
  none,
  invalidate_request,     ///< ATS: to the device, two doublewords of payload
  invalidate_completion,  ///< ATS: to the translation agent
  page_request,           ///< PRI: to the translation agent
  page_group_response,    ///< PRI: to the device
  other
};
/// What the access is for: counted apart by memory and links.
enum class Traffic : std::uint8_t { dma, walk, queue, cpu, msi };
constexpr std::size_t kTrafficKinds = 5;
/// What the requester sees of a finished non-posted request (PCIe 6.0 section 2.2.9.1; a time-out, and a reset of the
/// requester itself, are its own finding).
enum class CompletionStatus : std::uint8_t { ok, unsupported_request, completer_abort, timeout, function_reset };

/// The plain fields, so that a pooled payload is made as new by one assignment. Each comment says who writes and who
/// reads. A compare-and-swap is a write of two little-endian operands of 4 or 8 bytes each, expected and desired, so of
/// 8 or 16 bytes, to an address aligned to one operand, whose size is what it touches in memory; with the response the
/// first operand is what memory held (the shape of the CAS AtomicOp TLP, PCIe 6.0 section 6.15).
struct DmaFields {
  /// Points of a request's way at which its time is taken, in the order they are passed. Statistics only.
  enum Boundary : std::uint8_t {
    intended,         ///< when an open-loop workload wanted to issue it
    issued,           ///< the endpoint has a tag and hands it to its link
    link_up_start,    ///< first byte on the wire
    unit_in,          ///< at the remapping unit
    lookup_start,     ///< holds the IOTLB port
    lookup_done,      ///< hit or miss known
    walk_start,       ///< holds a walker
    walk_done,        ///< translation known
    unit_out,         ///< leaves the remapping unit, translated
    memory_start,     ///< at the memory system
    memory_done,      ///< last byte read or written
    link_down_start,  ///< first completion byte on the wire
    completed,        ///< last completion at the endpoint
    boundary_count
  };

  base::SourceId requester;                    ///< endpoint or port default -> remapping unit
  base::Pasid pasid;                           ///< endpoint -> remapping unit; valid if has_pasid
  bool has_pasid = false;                      ///< endpoint -> remapping unit
  bool privileged = false;                     ///< endpoint (PASID prefix) -> remapping unit
  bool execute = false;                        ///< endpoint (PASID prefix) -> remapping unit
  bool relaxed_ordering = false;               ///< endpoint -> links, remapping unit
  bool id_ordering = false;                    ///< endpoint -> links, remapping unit
  bool store_data = true;                      ///< endpoint -> memory; false: the data pointer is shared scratch
  bool has_segment = false;                    ///< endpoint, unit -> messages: the header names the PCI segment
  bool cxl = false;                            ///< endpoint -> unit, translation requests: a CXL device of type 1, 2
  bool poisoned = false;                       ///< memory -> reader: answered, with data known to be corrupt
  bool compare_and_swap = false;               ///< walker, endpoint -> memory: see below
  AddressType at = AddressType::untranslated;  ///< endpoint -> remapping unit
  AddressSpace space = AddressSpace::iova;     ///< endpoint, remapping unit -> everyone
  Traffic traffic = Traffic::dma;              ///< issuer -> memory, links (counters)
  Message message = Message::none;             ///< issuer -> links, remapping unit, endpoint
  std::uint8_t traffic_class = 0;              ///< endpoint -> links: 0 to 7
  base::Bdf target;                            ///< issuer -> switches: of messages and configuration requests by ID
  CompletionStatus status = CompletionStatus::ok;  ///< whoever refuses the request -> endpoint
  std::uint16_t tag = 0;                           ///< endpoint's own: TLP tag
  std::uint32_t dma = 0;                           ///< endpoint's own: slot of the DMA the TLP belongs to
  std::uint32_t remapping_slot = 0;                ///< remapping unit's own
  std::uint32_t trace = 0;                         ///< endpoint, walker -> tracks: number of a traced DMA (tracer.h)
  std::uint16_t fault_reason = 0;                  ///< remapping unit -> statistics: the architecture's number
  bool first = false;                              ///< endpoint, walker -> tracks: the TLP that begins its DMA
  bool translated = false;                         ///< remapping unit -> statistics: not passed through, not refused
  bool iotlb_hit = false;                          ///< remapping unit -> statistics
  bool context_hit = false;                        ///< remapping unit -> statistics
  std::uint8_t walk_reads = 0;                     ///< remapping unit -> statistics: memory reads of its walk
  std::uint32_t part_begin = 0;                    ///< link -> receiver, during a completion TLP's call only: its bytes
  std::uint32_t part_end = 0;                      ///< of the request's data are [part_begin, part_end)
  base::Time tail;              ///< link -> cut-through switch, during the call: when the TLP's last byte comes
  base::Time first_completion;  ///< endpoint -> statistics: its first completion TLP has come
  std::array<base::Time, boundary_count> stamp{};  ///< each stage -> statistics; zero: boundary not passed
};

using Boundary = DmaFields::Boundary;

class PayloadPool;

class DmaExtension final : public ::tlm::tlm_extension<DmaExtension>, public DmaFields {
 public:
  /// A copy belongs to no pool and starts with no hops, as it travels on a payload of somebody else's.
  ::tlm::tlm_extension_base* clone() const override;
  void copy_from(const ::tlm::tlm_extension_base& other) override;
  /// Called by the payload that drops the extension: pooled ones live on.
  void free() override;

  void reset() {
    static_cast<DmaFields&>(*this) = DmaFields{};
    hops_ = 0;
    attached_by = nullptr;
    holder = nullptr;
  }
  void stamp_now(Boundary b, base::Time t) { stamp[b] = t; }
  base::Time stamp_at(Boundary b) const { return stamp[b]; }

  /// The way back: a component with several target ports pushes the index of the port the request came in by, and pops
  /// it when the response passes. Last in, first out; at most kMaxHops (internal error beyond).
  static constexpr unsigned kMaxHops = 32;
  void push_hop(std::uint16_t port) {
    if (hops_ == kMaxHops) hop_error("too many hops");
    hop_[hops_++] = port;
  }
  std::uint16_t pop_hop() {
    if (hops_ == 0) hop_error("a response passes more fan-ins than its request");
    return hop_[--hops_];
  }
  unsigned hops() const { return hops_; }
  /// Links only: several completion TLPs of one request are at different points of the way back, and each is handed
  /// over with as many hops as are ahead of it.
  void set_hops(unsigned hops) { hops_ = static_cast<std::uint8_t>(hops); }

  // For tlm/ itself.
  const void* attached_by = nullptr;  ///< the port that lent this extension to a foreign payload
  const char* holder = nullptr;       ///< port that has the payload now, for the leak report
  PayloadPool* pool = nullptr;        ///< where it goes back to; null: owned by its payload

 private:
  [[noreturn]] static void hop_error(const char* what);
  std::uint8_t hops_ = 0;
  std::array<std::uint16_t, kMaxHops> hop_{};
};

/// The extension of a payload that has one: every payload inside our models does (ports see to it).
inline DmaExtension& dma(const Payload& payload) { return *payload.get_extension<DmaExtension>(); }

/// Bytes of memory an access touches: its data, or one operand of a compare-and-swap.
inline unsigned bytes_touched(const Payload& payload, const DmaExtension& extension) {
  return extension.compare_and_swap ? payload.get_data_length() / 2 : payload.get_data_length();
}

}  // namespace iommusim::tlm
