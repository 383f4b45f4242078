#include "models/iommu/arch/vtd/request_checks.h"

#include <algorithm>

namespace iommusim::iommu::vtd {

namespace {
std::uint64_t last_byte(const Request& r) { return r.address + (r.bytes == 0 ? 0 : r.bytes - 1); }
}  // namespace

std::optional<Reason> check_legacy(const Context& context, const Request& request, const VtdConfig& config) {
  const auto type = ContextView(context).legacy().type;
  if (request.at != AddressType::untranslated && type != TranslationType::device_tlb)
    return Reason::request_type_blocked;
  const std::uint64_t last = last_byte(request);
  if (request.at == AddressType::translated) {
    if (in_interrupt_range(request.address)) return Reason::interrupt_range;
    if ((last & above(config.host_address_bits)) != 0) return Reason::address_beyond_width;
    return std::nullopt;
  }
  if ((last & above(context.address_bits)) != 0 || last < request.address) return Reason::address_beyond_width;
  return std::nullopt;
}

std::optional<Reason> check_scalable(const Context& context, const Request& request, const VtdConfig& config) {
  const ContextView c(context);
  const ScalableContext device = c.device();
  if (request.at != AddressType::untranslated && !device.device_tlb) return Reason::sm_no_device_tlb;
  if (request.has_pasid && !device.pasid_enable) return Reason::sm_no_pasid;
  if ((pasid_of(c, request, config) & above(std::min<unsigned>(device.pasid_bits(), config.scalable.pasid_bits))) != 0)
    return request.has_pasid ? Reason::sm_pasid_too_large : Reason::sm_rid_pasid_too_large;
  if (!c.has_pasid_entry()) return std::nullopt;
  const PasidEntry e = c.pasid();
  if (request.needed.execute && !e.execute && request.at == AddressType::untranslated)
    return Reason::sm_no_execute_requests;
  if (privileged(c, request) && !e.supervisor) return Reason::sm_no_supervisor_requests;
  return std::nullopt;
}

std::optional<Reason> check_untranslated(const Context& context, const Request& request, const VtdConfig& config) {
  if (in_interrupt_range(request.address)) return Reason::sm_interrupt_range;
  const unsigned width =
      request.at == AddressType::translated ? unsigned{config.host_address_bits} : unsigned{context.address_bits};
  if ((last_byte(request) & above(width)) != 0) return Reason::sm_address_beyond_host;
  return std::nullopt;
}

}  // namespace iommusim::iommu::vtd
