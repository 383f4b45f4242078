#include "models/host/interrupt_region.h"

#include <cstring>
#include <string>

#include "models/base/error.h"

namespace iommusim::host {

const base::Fields<InterruptRegionConfig>& InterruptRegionConfig::fields() {
  static const base::Fields<InterruptRegionConfig> f =
      base::Fields<InterruptRegionConfig>("interrupt_region", "Target of message-signalled interrupts")
          .field("latency", &InterruptRegionConfig::latency, "From the arrival of the interrupt's write to the core")
          .at_most("1 ms");
  return f;
}

InterruptRegion::InterruptRegion(::sc_core::sc_module_name name, tlm::Context& context,
                                 const InterruptRegionConfig& config)
    : Module(name, context),
      port("port", context, *this),
      config_(config),
      arrived_(context.scheduler, std::string(this->name()) + ".arrived",
               tlm::delegate<&InterruptRegion::deliver>(this)) {
  stats().add("delivered", delivered_, "1", "Interrupts delivered to a core");
  stats().add("spurious", spurious_, "1", "Messages that no core expects");
  stats().add("refused", refused_, "1", "Accesses that are not interrupts: reads, writes of other than four bytes");
  stats().add("latency", latency_, "ps", "From the issue of an interrupt's write by its source to delivery");
}

iommu::InterruptMessage InterruptRegion::connect(CpuCore& core, Handler handler) {
  unsigned& next = next_vector_.emplace(core.number(), kFirstVector).first->second;
  if (next > kLastVector || core.number() > 0xfe) {
    throw base::UserError(std::string("core ") + core.name() + " has no interrupt vector left (" +
                          std::to_string(kLastVector - kFirstVector + 1) + " per core, 255 cores)");
  }
  const iommu::InterruptMessage message{kBase | std::uint64_t{core.number()} << 12, next++};
  receivers_[{message.address, message.data}] = Receiver{&core, std::move(handler), 0, Time()};
  return message;
}

const InterruptRegion::Receiver* InterruptRegion::find(iommu::InterruptMessage message) const {
  const auto it = receivers_.find({message.address, message.data});
  return it == receivers_.end() ? nullptr : &it->second;
}

std::uint64_t InterruptRegion::delivered(iommu::InterruptMessage message) const {
  const Receiver* r = find(message);
  return r == nullptr ? 0 : r->count;
}

Time InterruptRegion::last_delivery(iommu::InterruptMessage message) const {
  const Receiver* r = find(message);
  return r == nullptr ? Time() : r->last;
}

bool InterruptRegion::request(tlm::TargetPort&, tlm::Payload& payload) {
  arrived_.push(&payload, now() + config_.latency);
  return true;
}

unsigned InterruptRegion::debug(tlm::TargetPort&, tlm::Payload&) { return 0; }  // no state to look at

void InterruptRegion::deliver(tlm::Payload* payload) {
  if (!payload->is_write() || payload->get_data_length() != 4) {
    ++refused_;
    payload->set_response_status(::tlm::TLM_COMMAND_ERROR_RESPONSE);
    tlm::dma(*payload).status = tlm::CompletionStatus::unsupported_request;
    port.respond(*payload);
    return;
  }
  std::uint32_t data = 0;
  std::memcpy(&data, payload->get_data_ptr(), sizeof data);
  const std::uint64_t address = payload->get_address();
  const Time issued = tlm::dma(*payload).stamp_at(tlm::Boundary::issued);
  payload->set_response_status(::tlm::TLM_OK_RESPONSE);
  port.respond(*payload);

  const auto it = receivers_.find({address, data});
  if (it == receivers_.end()) {
    ++spurious_;
    return;
  }
  Receiver& receiver = it->second;
  ++delivered_;
  ++receiver.count;
  receiver.last = now();
  if (issued != Time()) latency_.add(now() - issued);
  receiver.core->raise(vector({address, data}));
  if (receiver.handler) receiver.handler(now());
}

}  // namespace iommusim::host
