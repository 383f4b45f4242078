// Credit-based flow control (PCIe 5.0 section 2.6): a receiver has a buffer of so many headers and so many bytes for
// each class of TLP, and a transmitter sends only what fits. Plain arithmetic, no events: a credit given back carries
// the time from which the transmitter may use it, and is looked at when somebody wants to send.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "models/base/types.h"
#include "models/base/units.h"
#include "models/tlm/dma_extension.h"
#include "models/tlm/error.h"
#include "models/tlm/ring.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::pcie {

/// Flow-control classes (section 2.6.1): posted requests, non-posted requests, completions.
enum class FlowClass : std::uint8_t { posted, non_posted, completion };
constexpr std::size_t kFlowClasses = 3;
/// Bytes that one data credit covers (section 2.6.1).
constexpr std::uint32_t kDataCredit = 16;

/// The class of a request TLP: memory writes and messages are posted; reads, translation requests, configuration
/// requests and compare-and-swap want a completion (table 2-3).
inline FlowClass request_class(const tlm::Payload& payload) {
  if (payload.is_read()) return FlowClass::non_posted;
  if (!payload.is_write()) return FlowClass::posted;
  const tlm::DmaExtension& x = tlm::dma(payload);
  return x.space == tlm::AddressSpace::configuration || x.compare_and_swap ? FlowClass::non_posted : FlowClass::posted;
}
inline bool is_posted(const tlm::Payload& payload) { return request_class(payload) == FlowClass::posted; }

/// What one TLP takes of its class: always one header; data in units of 16 bytes.
struct Credits {
  std::uint32_t headers = 1;
  std::uint32_t data = 0;
};
constexpr Credits credits_for(std::uint64_t payload_bytes) {
  return {1, static_cast<std::uint32_t>((payload_bytes + kDataCredit - 1) / kDataCredit)};
}

/// Receive buffer of one class: 0 headers or bytes means that infinitely many were advertised.
struct ClassBuffer {
  unsigned headers = 0;
  base::Bytes data{0};
  static const base::Fields<ClassBuffer>& fields();
};

/// Receive buffer of a port, the same for each of its virtual channels. As made: infinite, that is no flow control.
struct ReceiveBuffer {
  ClassBuffer posted, non_posted, completion;
  const ClassBuffer& of(FlowClass c) const {
    return c == FlowClass::posted ? posted : c == FlowClass::non_posted ? non_posted : completion;
  }
  static const base::Fields<ReceiveBuffer>& fields();
};

/// The transmitter's count of the credits of one class.
class CreditCounter {
 public:
  /// Nothing advertised of a kind (0) means infinite.
  explicit CreditCounter(const ClassBuffer& buffer = {})
      : infinite_headers_(buffer.headers == 0),
        infinite_data_(buffer.data.value() == 0),
        all_headers_(buffer.headers),
        all_data_(static_cast<std::uint32_t>(buffer.data.value() / kDataCredit)),
        headers_(all_headers_),
        data_(all_data_) {}

  /// True if a TLP may go now.
  bool cover(Credits need, base::Time now) {
    if (enough(need)) return true;
    settle(now);
    return enough(need);
  }
  /// Counts what has been returned until now.
  void settle(base::Time now) {
    while (!returns_.empty() && returns_.front().at <= now) {
      const Return r = returns_.pop();
      headers_ += r.credits.headers;
      data_ += r.credits.data;
    }
    if ((!infinite_headers_ && headers_ > all_headers_) || (!infinite_data_ && data_ > all_data_))
      tlm::internal_error("flow control", "more credits were given back than taken");
  }
  /// Uses credits that cover() has confirmed.
  void take(Credits need) {
    if (!infinite_headers_) headers_ -= need.headers;
    if (!infinite_data_) data_ -= need.data;
  }
  /// The receiver has made room, which the transmitter learns at `at`.
  void give(Credits credits, base::Time at) {
    if (infinite_headers_ && (infinite_data_ || credits.data == 0)) return;
    returns_.push({credits, at});
    for (std::size_t i = returns_.size() - 1; i > 0 && returns_[i - 1].at > at; --i)
      std::swap(returns_[i - 1], returns_[i]);
  }
  /// When the next credits not yet settled arrive; Time::max() if none are on their way.
  base::Time next_return() const { return returns_.empty() ? base::Time::max() : returns_.front().at; }

 private:
  struct Return {
    Credits credits;
    base::Time at;
  };
  bool enough(Credits need) const {
    return (infinite_headers_ || headers_ >= need.headers) && (infinite_data_ || data_ >= need.data);
  }
  bool infinite_headers_, infinite_data_;
  std::uint32_t all_headers_, all_data_;  // advertised
  std::uint32_t headers_, data_;
  tlm::Ring<Return> returns_;  // by time
};

}  // namespace iommusim::pcie
