// What passes between a remapping unit and the devices behind it besides memory requests (PCIe 6.0 section 10: ATS and
// PRI), and the records a unit writes into queues in memory.
#pragma once

#include <array>
#include <cstdint>

#include "models/iommu/api/request.h"

namespace iommusim::iommu {

/// The answer to a translation request (PCIe 6.0 section 10.2.3).
struct AtsCompletion {
  enum class Status : std::uint8_t { success, unsupported_request, completer_abort };
  Status status = Status::success;
  Rights rights;                   ///< all false: no translation is given
  bool untranslated_only = false;  ///< U: the device must use untranslated requests for this range
  bool privileged = false;
  bool global = false;
  bool cxl_io = false;
  bool interrupt = false;     ///< not on the wire: the range is an interrupt file
  std::uint64_t address = 0;  ///< first byte of the translated range
  std::uint8_t size_log2 = 12;
  std::uint8_t memory_type = 0;  ///< not on the wire: as in Translation, for those who look
  Fault fault;                   ///< why there is no translation; recorded: software sees it in the fault queue
};

/// A page request message, stop markers included (PCIe 6.0 section 10.4.1).
struct PageRequest {
  SourceId source;
  bool has_segment = false;
  bool has_pasid = false;
  Pasid pasid;
  bool privileged = false;
  bool execute = false;
  bool read = false;
  bool write = false;
  bool last = false;
  std::uint16_t group = 0;    ///< 9 bits
  std::uint64_t address = 0;  ///< a multiple of 4 KiB
  constexpr bool stop_marker() const { return last && !read && !write; }
};

/// Response code of a page request group response (PCIe 6.0 section 10.4.2.1).
enum class PageResponseCode : std::uint8_t { success = 0, invalid_request = 1, failure = 15 };

/// A message the unit sends to a device.
struct DeviceMessage {
  enum class Kind : std::uint8_t { invalidation_request, page_response };
  Kind kind = Kind::invalidation_request;
  SourceId device;
  bool has_segment = false;
  bool has_pasid = false;
  Pasid pasid;
  /// Invalidation request: its eight bytes of data. Page response: the header's last eight bytes. As a number, the
  /// first byte in 63:56.
  std::uint64_t body = 0;
};

/// Last eight bytes of a page request group response: device 63:48, code 47:44, group 40:32.
constexpr std::uint64_t page_response_body(SourceId device, PageResponseCode code, std::uint16_t group) {
  return (std::uint64_t{device.value()} & 0xffff) << 48 | std::uint64_t{static_cast<std::uint8_t>(code)} << 44 |
         std::uint64_t{group & 0x1ffu} << 32;
}

/// Queues a unit writes into memory.
enum class RecordQueue : std::uint8_t { fault, page_request };

/// A record to be written to a queue in memory. The unit writes it, then calls Architecture::record_written(); until
/// then it asks for no other record of the same queue.
struct QueueRecord {
  RecordQueue queue = RecordQueue::fault;
  Hpa address;
  std::uint8_t bytes = 16;  ///< 16 or 32
  std::array<std::uint64_t, 4> words{};
};

/// What a message does to an interrupt file in memory: the bit of its interrupt is set in the word `pending`; the
/// notice follows if the same bit is set in the word `enabled`. Words as little-endian numbers, 8-byte aligned.
struct InterruptFileUpdate {
  Hpa pending;
  Hpa enabled;
  std::uint64_t bit = 0;
};

/// What a unit counts for software, where its architecture has a performance monitor.
enum class PerformanceEvent : std::uint8_t {
  untranslated_request,
  translated_request,
  translation_request,
  iotlb_miss,
  context_walk,
  process_walk,
  first_stage_walk,
  second_stage_walk
};

}  // namespace iommusim::iommu
