// Access Control Services of a downstream or root port: what a TLP from below may do, before it is routed (PCIe 6.0
// section 6.12). Decisions only; the switch and the root complex carry them out.
//
// Order: source validation and translation blocking decide first; then, for a request to a peer, direct translated P2P,
// egress control and request redirect (section 6.12.3). A violation ends the request: a non-posted one with a
// completion of status completer abort, a posted one by being dropped; either is counted and told to the observer
// (section 6.12.4). Left out: the enhanced services for I/O requests, memory targets and unclaimed requests; error
// messages to the host.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/stats/group.h"
#include "models/base/types.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::pcie {

/// Inclusive range of bus numbers below a port: secondary to subordinate.
struct BusRange {
  unsigned first = 1, last = 0;  ///< empty as made
  bool holds(unsigned bus) const { return first <= bus && bus <= last; }
};

/// The two services that concern one request alone. All off, as after reset.
struct AcsChecks {
  bool source_validation = false;
  bool translation_blocking = false;
  static const base::Fields<AcsChecks>& fields();
};

/// All services of a switch's downstream port. Meaning of each member: fields().
struct AcsConfig : AcsChecks {
  bool p2p_request_redirect = false;
  bool p2p_completion_redirect = false;
  bool upstream_forwarding = false;
  bool p2p_egress_control = false;
  std::vector<unsigned> egress_blocked;  ///< downstream ports of the same switch, counted from 0
  bool direct_translated_p2p = false;
  static const base::Fields<AcsConfig>& fields();
  /// What Linux turns on where an IOMMU translates: source validation, both redirects, upstream forwarding
  /// (pci_std_enable_acs).
  static AcsConfig isolating();
};

enum class AcsViolation : std::uint8_t {
  source,       ///< the requester's bus is not below the port
  translation,  ///< a translated or translation request where none is allowed
  egress        ///< a request to a peer that the egress control vector bars
};
constexpr std::size_t kAcsViolations = 3;

class Acs;
/// Is told of violations as they happen; `port` is the owner's number of the port.
class AcsObserver {
 public:
  virtual void violation(const Acs& acs, unsigned port, AcsViolation what, const tlm::Payload& request) = 0;

 protected:
  ~AcsObserver() = default;
};

class Acs {
 public:
  enum class Verdict : std::uint8_t { direct, redirect, violation };

  Acs(const AcsConfig& config, unsigned port) : config_(config), port_(port) {}

  const AcsConfig& config() const { return config_; }
  void set_config(const AcsConfig& config) { config_ = config; }
  void observe(AcsObserver* observer) { observer_ = observer; }
  void add_metrics(base::Group& group);

  /// May this request from the link enter at all? `buses`: those below the port. Counts a violation.
  bool admits(const tlm::Payload& request, BusRange buses);
  /// Where a request to downstream port `egress` of the same switch goes. Counts a violation.
  Verdict to_peer(const tlm::Payload& request, unsigned egress);
  /// True if the completion of `request`, to a peer, goes upstream first: redirect is on and the completion, which
  /// carries its request's attributes, is not relaxed.
  bool redirects_completion(const tlm::Payload& request) const {
    return config_.p2p_completion_redirect && !tlm::dma(request).relaxed_ordering;
  }
  std::uint64_t violations(AcsViolation what) const { return violations_[static_cast<std::size_t>(what)].value(); }

 private:
  void violate(AcsViolation what, const tlm::Payload& request);

  AcsConfig config_;
  const unsigned port_;
  std::array<base::Counter, kAcsViolations> violations_;
  AcsObserver* observer_ = nullptr;
};

/// Ends a request by a completion status, completer abort or unsupported request: the rest is the caller's.
void refuse(tlm::Payload& request, tlm::CompletionStatus status);

}  // namespace iommusim::pcie
