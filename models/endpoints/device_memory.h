// Memory of a device behind a base address register: what peers and CPUs read and write in bulk (a GPU's frame buffer,
// a controller memory buffer). One port of finite bandwidth for both directions, first come first served, and a fixed
// latency behind it. Contents are kept for requests that carry any, written pages only.
//
// Left out: banks, caches, ordering of the device's own accesses to it, byte enables.
#pragma once

#include <cstdint>
#include <string>

#include "models/base/types.h"
#include "models/base/units.h"
#include "models/memory/sparse_memory.h"
#include "models/tlm/context.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/delegate.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::ep {

/// Meaning, unit, range and source of each member: fields().
struct DeviceMemoryConfig {
  base::Bytes size{0};  ///< 0: none
  base::Time latency = base::Time::ns(100);
  base::Bandwidth bandwidth = base::Bandwidth::bits_per_second(200'000'000'000);
  static const base::Fields<DeviceMemoryConfig>& fields();
};

class DeviceMemory {
 public:
  using Done = tlm::Delegate<void(tlm::Payload*)>;

  /// `name`: of its stage. `done` gets each request when its last byte has been read or written, its status set.
  DeviceMemory(const std::string& name, tlm::Context& context, const DeviceMemoryConfig& config, base::Hpa base,
               Done done);

  bool contains(const tlm::Payload& payload) const {
    const std::uint64_t offset = payload.get_address() - base_.value();
    return offset < config_.size.value() && payload.get_data_length() <= config_.size.value() - offset;
  }
  /// A read or write of up to 4 KiB that it contains.
  void request(tlm::Payload& payload);
  /// The same without time. Returns the bytes moved.
  unsigned debug(tlm::Payload& payload) {
    access(payload);
    return payload.get_data_length();
  }

 private:
  void access(tlm::Payload& payload);
  void finish(tlm::Payload* payload);

  tlm::Context& context_;
  const DeviceMemoryConfig config_;
  const base::Hpa base_;
  const Done done_;
  base::PsAccumulator port_;
  base::Time port_free_;
  mem::SparseMemory contents_;
  tlm::DelayLine<tlm::Payload*> accesses_;
};

}  // namespace iommusim::ep
