#include "models/endpoints/device_memory.h"

#include "models/base/config/fields.h"

namespace iommusim::ep {

using tlm::Payload;

const base::Fields<DeviceMemoryConfig>& DeviceMemoryConfig::fields() {
  using C = DeviceMemoryConfig;
  static const auto f =
      base::Fields<C>("device_memory", "Memory of a device that peers and CPUs access through a base address register")
          .field("size", &C::size, "Its size, a power of two; 0 B: none")
          .range("0 B", "1 TiB")
          .field("latency", &C::latency, "From the end of a transfer at its port to the answer")
          .range("0 ns", "1 ms")
          .field("bandwidth", &C::bandwidth, "Of its port, reads and writes together")
          .check([](const C& c, base::Report& r) {
            const std::uint64_t n = c.size.value();
            if ((n & (n - 1)) != 0 || (n != 0 && n < 4096)) r.error("size", "must be a power of two of at least 4 KiB");
          });
  return f;
}

DeviceMemory::DeviceMemory(const std::string& name, tlm::Context& context, const DeviceMemoryConfig& config,
                           base::Hpa base, Done done)
    : context_(context),
      config_(config),
      base_(base),
      done_(done),
      port_(config.bandwidth.per_byte()),
      accesses_(context.scheduler, name, tlm::delegate<&DeviceMemory::finish>(this)) {}

void DeviceMemory::request(Payload& payload) {
  const base::Time now = context_.scheduler.now();
  if (now > port_free_) {
    port_.restart();
    port_free_ = now;
  }
  port_free_ += port_.take(payload.get_data_length());
  accesses_.push(&payload, port_free_ + config_.latency);
}

void DeviceMemory::finish(Payload* payload) {
  access(*payload);
  payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  done_(payload);
}

void DeviceMemory::access(Payload& payload) {
  if (!tlm::dma(payload).store_data) return;
  const base::Hpa at(payload.get_address() - base_.value());
  if (payload.is_write()) {
    contents_.write(at, payload.get_data_ptr(), payload.get_data_length());
  } else {
    contents_.read(at, payload.get_data_ptr(), payload.get_data_length());
  }
}

}  // namespace iommusim::ep
