// One record of a trace: what happened, when, and which line of which log said so. FORMAT.md gives the text form.
#pragma once

#include <cstdint>
#include <string>

#include "models/base/types.h"

namespace iommusim::ep {

/// Kinds of records; the value is the letter that starts the record's line.
enum class TraceKind : char {
  mark = 'M',         ///< window marks, once per log
  attach = 'A',       ///< a device's domain or domain type changes
  translation = 'T',  ///< the unit's translation enable
  call = 'C',         ///< a DMA-mapping call of a driver (dma_map_page, dma_map_sg, dma_alloc)
  map = 'P',          ///< one physically contiguous piece of a mapping becomes present
  unmap = 'U',        ///< page-table entries cleared
  invalidate = 'I',   ///< a queue descriptor as the unit took it
  request = 'V',      ///< a virtio-iommu MAP or UNMAP request as the device took it
  access = 'D',       ///< a DMA of one page or less
  doorbell = 'B',     ///< the CPU wrote a device's doorbell register
  msi = 'S',          ///< a device raised an MSI or MSI-X vector
  interrupt = 'R',    ///< an interrupt message went through the unit, whoever sent it
  fault = 'F',        ///< the unit reported a DMA fault
  iotlb_reset = 'X',  ///< the recorder said that its full IOTLB was emptied
  passthrough = 'N',  ///< the recorder noticed that a function's context says pass through
};

/// Which log a record comes from: the operating system's side of the IOMMU, or the unit's.
enum class TraceSide : char { kernel = 'k', unit = 'u' };

/// Domain types under their Linux sysfs names.
enum class DomainType : std::uint8_t { unknown, identity, dma, dma_fq, unmanaged, blocked };

enum class CallKind : char { page = 'p', scatter = 's', coherent = 'a' };
enum class Direction : std::uint8_t {
  bidirectional = 0,
  to_device = 1,
  from_device = 2
};  ///< Linux dma_data_direction

enum class InvalidateKind : char {
  iotlb_global = 'g',
  iotlb_domain = 'd',
  iotlb_page = 'p',
  device_tlb = 't',
  context_global = 'G',
  context_domain = 'D',
  context_device = 'F',
  interrupt_entry = 'i',
  wait = 'w',
  other = 'o',
};

/// What the recorder's unit did with an access.
enum class Outcome : char {
  hit = 'h',           ///< served by its IOTLB
  fill = 'f',          ///< missed, walked and filled
  translated = 't',    ///< translated, hit or miss not recorded (virtio-iommu)
  passthrough = 'p',   ///< unit on, context says pass through; the address is physical
  untranslated = 'n',  ///< unit off (firmware); the address is physical
};

/// What the bytes of an access are for.
enum class AccessClass : char {
  unknown = '?',
  sqe = 's',
  cqe = 'c',
  data = 'd',
  prp_list = 'l',
  shadow_doorbell = 'b',
  rx_descriptor = 'r',
  tx_descriptor = 't',
  write_back = 'w',
  ring = 'q',
};

enum class RequestKind : char { map = 'm', unmap = 'u' };

/// Flag bits. A reader meets only those its record kind documents.
namespace trace_flag {
constexpr std::uint8_t seeded =
    1;  ///< map, unmap: older than the trace, reconstructed from an access; costs nothing, counts nothing
constexpr std::uint8_t probe =
    1;  ///< access: repeats an address inside one segment; looks up the IOTLB, moves no bytes
constexpr std::uint8_t assumed = 2;  ///< access, attach: length, direction or moment is a guess, not recorded
constexpr std::uint8_t derived =
    4;  ///< access: not logged itself, derived from a device event (no translation line exists)
constexpr std::uint8_t message =
    1;                          ///< interrupt: a plain write into the interrupt region (virtio-iommu), not remapped
constexpr std::uint8_t ih = 1;  ///< invalidate: invalidation hint (QW1 bit 6), no effect on which pages go
constexpr std::uint8_t completion = 1;  ///< doorbell: completion queue head, else submission queue tail
}  // namespace trace_flag

/// A record. Fields that a kind does not use are zero; FORMAT.md lists which kind uses which.
struct TraceRecord {
  TraceKind kind = TraceKind::mark;
  TraceSide side = TraceSide::unit;
  std::uint8_t flags = 0;
  bool write = false;                     ///< access, fault: towards memory
  bool enable = false;                    ///< translation
  std::uint8_t permissions = 0;           ///< map, request: bit 0 device may read, bit 1 device may write, 0 not known
  DomainType type = DomainType::unknown;  ///< attach
  CallKind call = CallKind::page;         ///< call
  Direction direction = Direction::bidirectional;  ///< call
  InvalidateKind invalidate = InvalidateKind::other;
  Outcome outcome = Outcome::translated;      ///< access
  AccessClass access = AccessClass::unknown;  ///< access
  RequestKind request = RequestKind::map;
  std::uint8_t mask = 0;      ///< invalidate: 2^mask pages (page, device TLB); entries (interrupt entry)
  base::Bdf requester;        ///< as the unit sees it: a bridge's alias, not the function behind it
  base::DomainId domain;      ///< no_domain when not known
  std::uint32_t number = 0;   ///< mark: n; msi: vector; fault: reason; doorbell: queue; interrupt, call: see FORMAT.md
  std::uint32_t value = 0;    ///< doorbell: new tail or head; interrupt: message data
  std::uint32_t line = 0;     ///< line of the log it comes from, from 1
  std::uint32_t mapping = 0;  ///< call, map, unmap, access: sequence id of the DMA mapping, 0 none or several
  std::uint32_t io = 0;       ///< access, msi, doorbell: I/O command it belongs to, 0 none
  std::uint64_t time = 0;     ///< ns on the unit's clock since the trace's first record; never decreases
  std::uint64_t origin =
      0;                   ///< ns on the clock of the log it comes from: kernel side guest clock, unit side equals time
  base::Iova iova;         ///< map, unmap, invalidate, request, access, fault; interrupt: message address
  base::Hpa paddr;         ///< map, request, access: where it leads, byte-exact
  std::uint64_t size = 0;  ///< bytes: map, unmap, request, call, access (0 for a probe)
  std::string text;        ///< mark
};

constexpr base::DomainId no_domain{0xffffffff};

}  // namespace iommusim::ep
