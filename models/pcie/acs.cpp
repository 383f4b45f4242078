#include "models/pcie/acs.h"

#include <algorithm>
#include <cstring>

#include "models/base/bdf.h"
#include "models/base/config/fields.h"

namespace iommusim::pcie {

using base::AddressType;
using tlm::Payload;

const base::Fields<AcsChecks>& AcsChecks::fields() {
  using C = AcsChecks;
  static const auto f =
      base::Fields<C>("acs_checks",
                      "Access Control Services that concern one request alone (PCIe 6.0 section 6.12.1.1)")
          .field("source_validation", &C::source_validation,
                 "Refuse requests whose requester's bus is not below the port")
          .field("translation_blocking", &C::translation_blocking,
                 "Refuse memory requests that say to be translated or ask for a translation");
  return f;
}

const base::Fields<AcsConfig>& AcsConfig::fields() {
  using C = AcsConfig;
  static const auto f =
      base::Fields<C>("acs",
                      "Access Control Services of a downstream port (PCIe 6.0 section 6.12.1.1); off after reset")
          .inherit(AcsChecks::fields())
          .field("p2p_request_redirect", &C::p2p_request_redirect,
                 "Requests to a peer behind the same switch go upstream, where the IOMMU sees them")
          .field("p2p_completion_redirect", &C::p2p_completion_redirect,
                 "Completions to a peer go upstream first, those of requests with relaxed ordering excepted. The "
                 "downstream ports above need upstream_forwarding.")
          .field("upstream_forwarding", &C::upstream_forwarding,
                 "Requests to an address below this same port go upstream; without it they are unsupported")
          .field("p2p_egress_control", &C::p2p_egress_control,
                 "Requests to the peers in egress_blocked are redirected where p2p_request_redirect is on, and refused "
                 "otherwise; those to other peers go directly in both cases")
          .list("egress_blocked", &C::egress_blocked,
                "Egress control vector: downstream ports of the same switch, counted from 0")
          .field("direct_translated_p2p", &C::direct_translated_p2p,
                 "Translated requests go to peers directly, whatever the other services say");
  return f;
}

AcsConfig AcsConfig::isolating() {
  AcsConfig c;
  c.source_validation = c.p2p_request_redirect = c.p2p_completion_redirect = c.upstream_forwarding = true;
  return c;
}

void Acs::violate(AcsViolation what, const Payload& request) {
  ++violations_[static_cast<std::size_t>(what)];
  if (observer_ != nullptr) observer_->violation(*this, port_, what, request);
}

bool Acs::admits(const Payload& request, BusRange buses) {
  const tlm::DmaExtension& x = tlm::dma(request);
  if (config_.source_validation && !buses.holds(base::bus_of(base::bdf_of(x.requester)))) {
    violate(AcsViolation::source, request);
    return false;
  }
  const bool memory = x.message == tlm::Message::none && x.space != tlm::AddressSpace::configuration;
  if (config_.translation_blocking && memory && x.at != AddressType::untranslated) {
    violate(AcsViolation::translation, request);
    return false;
  }
  return true;
}

// Section 6.12.3, table of egress control against redirect: with both, only the barred peers are redirected.
Acs::Verdict Acs::to_peer(const Payload& request, unsigned egress) {
  if (config_.direct_translated_p2p && tlm::dma(request).at == AddressType::translated) return Verdict::direct;
  if (!config_.p2p_egress_control) return config_.p2p_request_redirect ? Verdict::redirect : Verdict::direct;
  const auto& barred = config_.egress_blocked;
  if (std::find(barred.begin(), barred.end(), egress) == barred.end()) return Verdict::direct;
  if (config_.p2p_request_redirect) return Verdict::redirect;
  violate(AcsViolation::egress, request);
  return Verdict::violation;
}

void Acs::add_metrics(base::Group& group) {
  static const char* const names[] = {"source_violations", "translation_violations", "egress_violations"};
  static const char* const help[] = {"requests refused, as their requester's bus is not below the port",
                                     "requests refused, as they are translated or ask for a translation",
                                     "requests refused, as egress control bars the peer"};
  for (std::size_t i = 0; i < kAcsViolations; ++i) group.add(names[i], violations_[i], "1", help[i]);
}

void refuse(Payload& request, tlm::CompletionStatus status) {
  tlm::dma(request).status = status;
  request.set_response_status(status == tlm::CompletionStatus::unsupported_request ? ::tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                                                   : ::tlm::TLM_GENERIC_ERROR_RESPONSE);
  if (request.is_read()) std::memset(request.get_data_ptr(), 0xff, request.get_data_length());
}

}  // namespace iommusim::pcie
