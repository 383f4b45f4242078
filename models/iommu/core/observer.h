// What a remapping unit shows to tests, trace checks and the stale-hit oracle: what happens inside it, before and
// besides what travels over its sockets.
#pragma once

#include <cstdint>

#include "models/base/units.h"
#include "models/iommu/api/architecture.h"

namespace iommusim::iommu {

/// How the unit dealt with a request.
struct Outcome {
  enum class Kind : std::uint8_t {
    none,        ///< nothing is known yet
    passed,      ///< goes on untranslated to `address`
    translated,  ///< goes on to `address`, under `translation`
    interrupt,   ///< an interrupt remapped to `interrupt`; `address` is its address
    stored,      ///< an interrupt for the file in memory at `address`; `interrupt` is the notice to send
    fault        ///< refused for `fault`
  };
  Kind kind = Kind::none;
  bool iotlb_hit = false;     ///< translated: by an entry of the IOTLB, without a walk
  std::uint64_t address = 0;  ///< of the first byte
  Translation translation;
  InterruptMessage interrupt;
  Fault fault;
};

/// Called with what happens, at the simulated time it happens; does nothing by default. An observer must not change the
/// unit or send anything from within a call.
class UnitObserver {
 public:
  virtual ~UnitObserver() = default;
  /// An entry of the IOTLB is about to be used for a request, under the context given.
  virtual void on_hit(const Request&, const Context&, const Translation&, base::Time /*at*/) {}
  /// How a request ends is known. Ordering may still hold it in the unit; left() follows.
  virtual void resolved(const Request&, const Context&, const Outcome&, base::Time /*at*/) {}
  /// A request goes downstream, or is answered by the unit itself (faults, translation requests). Not for what the unit
  /// asks itself (Request::debug).
  virtual void left(const Request&, const Outcome&, base::Time /*at*/) {}
  /// A translation request is answered so; what the wire does not carry included.
  virtual void answered(const Request&, const AtsCompletion&, base::Time /*at*/) {}
  /// A fault, recorded for software or not.
  virtual void fault(const FaultEvent&) {}
  /// A message goes to a device; `tag` is that of an invalidation request.
  virtual void sent(const DeviceMessage&, std::uint8_t /*tag*/) {}
  /// A device's answer to invalidation requests has been taken, or was not expected.
  virtual void invalidation_completed(SourceId /*device*/, bool /*expected*/) {}
  /// A wait command that asked for an order of the devices' reads or writes has ended.
  virtual void ordered(bool /*reads*/, bool /*writes*/) {}
  /// An IOTLB fill for the request emptied a full IOTLB.
  virtual void iotlb_emptied(const Request&) {}
};

}  // namespace iommusim::iommu
