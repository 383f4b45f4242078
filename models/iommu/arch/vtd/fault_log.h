// Primary fault logging of a VT-d unit (Intel VT-d specification rev. 4.0, section 7.3): the fault status register, the
// fault recording registers used as a ring, and the fault event message. Leaves out advanced fault logging (deprecated)
// and the collapsing of faults of one source, which the specification allows but does not ask for.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/vtd/event_message.h"
#include "models/iommu/arch/vtd/registers.h"

namespace iommusim::iommu::vtd {

/// A fault recording register (section 11.4.14), 128 bits: FI 63:12; SID 79:64, T2 92, PRIV 93, EXE 94, PP 95, FR
/// 103:96, PASID 123:104, AT 125:124, T 126, F 127. For interrupt faults FI holds the interrupt index in 63:48.
struct FaultRecord {
  bool valid = false;
  bool read = false;
  bool page_request = false;
  std::uint8_t address_type = 0;
  std::uint32_t pasid = 0;
  bool has_pasid = false;
  bool execute = false;
  bool privileged = false;
  std::uint16_t reason = 0;
  std::uint16_t source = 0;
  std::uint64_t information = 0;
};
Pair encode(const FaultRecord& r);
FaultRecord decode_fault_record(const Pair& w);

class FaultLog {
 public:
  explicit FaultLog(unsigned records) : records_(records) {}

  /// Records an event in the next register of the ring, or counts it lost (overflow) if software has not cleared that
  /// one.
  Effects record(const FaultRecord& r);
  /// The queue stopped.
  Effects queue_error(QueueError why);
  /// A device did not answer an invalidation in time (ITE): the queue stops until software has seen it.
  Effects device_timeout();

  std::uint32_t status() const;  ///< FSTS
  /// Writes ones to FSTS; true if that cleared the queue error.
  bool clear_status(std::uint32_t ones_written);
  std::uint64_t queue_error_info() const { return static_cast<std::uint64_t>(queue_error_); }
  bool queue_stopped() const { return (status_ & (fault_status::kQueueError | fault_status::kDeviceTimeout)) != 0; }

  /// 32-bit word `n` of the recording registers, and a write to it: a one in the top bit of a register clears F.
  std::uint32_t read_record(std::uint64_t n) const;
  void write_record(std::uint64_t n, std::uint32_t value);

  EventMessage event;  ///< FECTL, FEDATA, FEADDR, FEUADDR

 private:
  bool any_status() const { return (status() & fault_status::kAny) != 0; }
  bool pending() const;
  Effects raise_unless(bool already);

  std::vector<Pair> records_;
  unsigned next_ = 0;
  unsigned first_pending_ = 0;  ///< FRI
  std::uint32_t status_ = 0;    ///< PFO, IQE and ITE; PPF follows from the records
  QueueError queue_error_ = QueueError::none;
};

}  // namespace iommusim::iommu::vtd
