// What an endpoint answers behind its base address registers: registers of 1 to 8 bytes, which take the CPU's reads and
// writes (doorbells) and answer reads after a fixed time, and optionally memory for requests of any size
// (device_memory.h). Part of an endpoint module, not a module itself.
#pragma once

#include <cstdint>
#include <memory>

#include "models/base/types.h"
#include "models/endpoints/device_memory.h"
#include "models/tlm/context.h"
#include "models/tlm/delay_line.h"
#include "models/tlm/target_port.h"

namespace iommusim::ep {

class RegisterPort : private tlm::TargetPort::Owner {
 public:
  /// What the registers do. Values are little-endian; `bytes` is 1, 2, 4 or 8 and the offset is a multiple of it.
  class Device {
   public:
    virtual void write_register(std::uint64_t offset, std::uint64_t value, unsigned bytes) = 0;
    /// Also serves debug reads, so it changes nothing.
    virtual std::uint64_t read_register(std::uint64_t offset, unsigned bytes) = 0;

   protected:
    ~Device() = default;
  };

  /// `name` names the port within the module under construction. A read is answered `read_latency` after it has
  /// arrived.
  RegisterPort(const char* name, tlm::Context& context, Device& device, base::Time read_latency);

  tlm::TargetPort port;  ///< from the link

  /// Where the CPU sees the registers: set by the platform before simulation. Accesses outside [base, base + bytes), or
  /// of another size or alignment, are completed as unsupported request.
  void place(base::Hpa base, std::uint64_t bytes);
  base::Hpa base() const { return base_; }
  /// Memory of that size at `base`, outside the registers; once at most.
  void place_memory(base::Hpa base, const DeviceMemoryConfig& config);

 private:
  bool request(tlm::TargetPort& port, tlm::Payload& payload) override;
  unsigned debug(tlm::TargetPort& port, tlm::Payload& payload) override;
  void answer(tlm::Payload* payload);
  bool valid(const tlm::Payload& payload) const;
  bool access(tlm::Payload& payload);

  tlm::Context& context_;
  Device& device_;
  base::Time read_latency_;
  base::Hpa base_;
  std::uint64_t bytes_ = 0;
  void memory_done(tlm::Payload* payload) { port.respond(*payload); }

  tlm::DelayLine<tlm::Payload*> reads_;
  std::unique_ptr<DeviceMemory> memory_;
};

}  // namespace iommusim::ep
