// What the unit keeps of context and PASID entries in iommu::Context, and how a request reads under them.
#pragma once

#include <cstdint>

#include "models/iommu/api/request.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/scalable_formats.h"

namespace iommusim::iommu::vtd {

/// The view of an iommu::Context. Words: 0 and 1 of the context entry, of either mode; 2 to 4 of the PASID entry; 7:
/// scalable 0, PASID entry present 1, fault processing disabled by the PASID's directory or entry 2.
class ContextView {
 public:
  explicit ContextView(const Context& c) : c_(c) {}
  static void store_legacy(Context& out, const Pair& w) { out.words = {w[0], w[1], 0, 0, 0, 0, 0, 0}; }
  static void store_scalable(Context& out, const ContextWords& w) {
    out.words = {w[0], w[1], 0, 0, 0, 0, 0, bit(kScalable)};
  }
  static void add_pasid(Context& out, const PasidWords& w, bool fault_disable) {
    for (unsigned i = 0; i < 3; ++i) out.words[2 + i] = w[i];
    out.words[7] |= bit(kHasPasid) | put(fault_disable, kFaultDisable);
  }

  bool scalable() const { return get(c_.words[7], kScalable); }
  bool has_pasid_entry() const { return get(c_.words[7], kHasPasid); }
  bool fault_disabled() const { return get(c_.words[0], 1) || get(c_.words[7], kFaultDisable); }
  ContextEntry legacy() const { return decode_context({c_.words[0], c_.words[1]}); }
  ScalableContext device() const { return decode_scalable_context(c_.words[0], c_.words[1]); }
  PasidEntry pasid() const { return decode_pasid(c_.words[2], c_.words[3], c_.words[4]); }

  /// The second stage of the context: 0 levels if there is none.
  unsigned second_levels() const {
    const auto of = [](unsigned code) { return levels_of(code); };
    if (!scalable()) return of(static_cast<unsigned>(get(c_.words[1], 2, 0)));
    return pasid().uses_second() ? of(static_cast<unsigned>(get(c_.words[2], 4, 2))) : 0;
  }
  std::uint64_t second_root() const { return c_.words[scalable() ? 2 : 0] & ones(63, 12); }
  bool second_dirty() const { return scalable() && get(c_.words[2], 9); }

 private:
  enum : unsigned { kScalable = 0, kHasPasid = 1, kFaultDisable = 2 };
  const Context& c_;
};

/// The PASID a request is looked up with, its own or the one its context gives (section 3.4.3).
inline std::uint32_t pasid_of(const ContextView& c, const Request& r, const VtdConfig& config) {
  if (r.has_pasid) return r.pasid.value();
  return config.scalable.rid_pasid ? c.device().rid_pasid : 0;
}
inline bool privileged(const ContextView& c, const Request& r) {
  return r.has_pasid ? r.privileged : c.scalable() && c.device().rid_privileged;
}

}  // namespace iommusim::iommu::vtd
