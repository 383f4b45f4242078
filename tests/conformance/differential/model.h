// What a remapping unit has to answer, in the plainest terms: a std::map from addresses to mappings for each domain,
// and which domain each device is in. Knows nothing of tables, caches or time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/iommu/api/untimed.h"
#include "tests/conformance/differential/variants.h"

namespace iommusim::test::differential {

struct Mapping {
  std::uint64_t bytes = 0;
  std::uint64_t output = 0;
  Rights rights;
  std::uint64_t max_page = 4096;  ///< pages are not larger: it may be cut at multiples of this
};
using Mappings = std::map<std::uint64_t, Mapping>;  ///< by first address

/// Where a device's requests go.
struct Attachment {
  enum class Mode : std::uint8_t { nowhere, pass_through, domain };
  Mode mode = Mode::nowhere;
  unsigned domain = 0;  ///< mode domain only, else 0
  friend bool operator==(const Attachment& a, const Attachment& b) { return a.mode == b.mode && a.domain == b.domain; }
};

/// How a request ends.
struct Answer {
  Resolution::Outcome outcome = Resolution::Outcome::fault;
  std::uint64_t output = 0;           ///< unless it faults
  FaultKind fault = FaultKind::none;  ///< if it faults
  std::uint16_t reason = 0;           ///< the architecture's: not for the plain model, which leaves 0
  std::string to_text() const;
};
/// Equal but for the reason.
bool same(const Answer& a, const Answer& b);
Answer answer_of(const Resolution& r);

/// The state of all software structures at one moment. Copies share the domains they do not change.
class Model {
 public:
  Model(const Variant& variant, unsigned domains, unsigned devices);

  bool on = true;  ///< translation, for the whole unit
  const Attachment& device(unsigned d) const { return devices_[d]; }
  const Mappings& mappings(unsigned domain) const { return *domains_[domain]; }
  unsigned levels(unsigned domain) const { return variant_->levels[domain % variant_->levels.size()]; }
  unsigned domains() const { return static_cast<unsigned>(domains_.size()); }
  unsigned devices() const { return static_cast<unsigned>(devices_.size()); }

  void attach(unsigned device, Attachment to) { devices_[device] = to; }
  /// True if nothing of the range is mapped and the domain reaches that far.
  bool free(unsigned domain, std::uint64_t first, std::uint64_t bytes) const;
  void map(unsigned domain, std::uint64_t first, Mapping m);
  /// True if no page lies partly in the range.
  bool splits_no_page(unsigned domain, std::uint64_t first, std::uint64_t bytes) const;
  void unmap(unsigned domain, std::uint64_t first, std::uint64_t bytes);

  /// The answer to a request of a device in this state, and of one whose context is `at` while translation is on.
  Answer answer(unsigned device, const Request& request) const;
  Answer answer(const Attachment& at, const Request& request) const;

 private:
  Mappings& change(unsigned domain);

  const Variant* variant_;
  std::vector<std::shared_ptr<const Mappings>> domains_;
  std::vector<Attachment> devices_;
};

}  // namespace iommusim::test::differential
