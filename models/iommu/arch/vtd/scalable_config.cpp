#include "models/iommu/arch/vtd/scalable_config.h"

#include <tuple>

#include "models/iommu/arch/vtd/bits.h"

namespace iommusim::iommu::vtd {

const base::Fields<ScalableConfig>& ScalableConfig::fields() {
  using C = ScalableConfig;
  static const char* const kCap = "VT-d rev. 4.0 section 11.4.2 (CAP_REG)";
  static const char* const kEcap = "VT-d rev. 4.0 section 11.4.3 (ECAP_REG)";
  static const base::Fields<ScalableConfig> f =
      base::Fields<ScalableConfig>("vtd_scalable", "Capabilities of scalable mode; out of use in legacy mode")
          .field("first_stage", &C::first_stage, "First-stage translation, 4 levels and 2 MiB pages (ECAP.FSTS)")
          .source(kEcap)
          .field("first_stage_5_levels", &C::first_stage_5_levels, "First-stage tables of 5 levels (CAP.FS5LP)")
          .source(kCap)
          .field("first_stage_1g", &C::first_stage_1g, "First-stage pages of 1 GiB (CAP.FS1GP)")
          .source(kCap)
          .field("second_stage", &C::second_stage, "Second-stage translation (ECAP.SSTS), of table_levels")
          .source(kEcap)
          .field("nested", &C::nested, "First stage over second (ECAP.NEST)")
          .source(kEcap)
          .field("second_stage_dirty", &C::second_stage_dirty,
                 "Second-stage accessed and dirty bits, where a PASID entry asks for them (ECAP.SSADS)")
          .source(kEcap)
          .field("pasid_bits", &C::pasid_bits, "Width of PASIDs (ECAP.PSS + 1)")
          .range(6, 20)
          .source(kEcap)
          .field("rid_pasid", &C::rid_pasid, "Contexts name the PASID of requests without one (ECAP.RPS); else it is 0")
          .source(kEcap)
          .field("rid_privileged", &C::rid_privileged,
                 "Contexts say whether requests without PASID are privileged (ECAP.RPRIVS)")
          .source(kEcap)
          .field("page_requests", &C::page_requests, "Page requests of devices are queued for software (ECAP.PRS)")
          .source(kEcap)
          .field("page_request_drain", &C::page_request_drain,
                 "Wait descriptors may drain page requests (ECAP.PDS), where there are any")
          .source(kEcap)
          .field("supervisor_requests", &C::supervisor_requests, "Requests of privileged mode (ECAP.SRS)")
          .source(kEcap)
          .field("execute_requests", &C::execute_requests, "Requests that ask to execute (ECAP.ERS)")
          .source(kEcap)
          .field("extended_accessed", &C::extended_accessed,
                 "First-stage entries have a second accessed bit for devices (ECAP.EAFS)")
          .source(kEcap)
          .field("coherent_walks", &C::coherent_walks,
                 "Walks snoop caches where a PASID entry asks for it (ECAP.SMPWCS); without that, accessed and dirty "
                 "bits cannot be set")
          .source(kEcap)
          .field("domain_stage", &C::domain_stage, "Stage the driver maps DMA domains with",
                 {{"first", TableStage::first}, {"second", TableStage::second}})
          .source("either in Linux, by capability and use")
          .field("track_dirty", &C::track_dirty, "The driver turns on second-stage accessed and dirty bits (SSADE)")
          .source("off in Linux until dirty tracking is asked for (intel_iommu_set_dirty_tracking)")
          .field("page_queue_entries", &C::page_queue_entries, "Page requests the driver's queue holds")
          .range(128, 16384)
          .power_of_two()
          .source("2048 in Linux (PRQ_ORDER 4)");
  return f;
}

std::pair<std::string, std::string> ScalableConfig::contradiction() const {
  if (!first_stage && !second_stage) return {"second_stage", "needs to be on where first_stage is off"};
  if (nested && !(first_stage && second_stage)) return {"nested", "needs first_stage and second_stage"};
  if (first_stage_5_levels && !first_stage) return {"first_stage_5_levels", "needs first_stage"};
  if (first_stage_1g && !first_stage) return {"first_stage_1g", "needs first_stage"};
  if (extended_accessed && !first_stage) return {"extended_accessed", "needs first_stage"};
  if (second_stage_dirty && !second_stage) return {"second_stage_dirty", "needs second_stage"};
  if (rid_privileged && !supervisor_requests) return {"rid_privileged", "needs supervisor_requests"};
  if (track_dirty && !(second_stage_dirty && coherent_walks))
    return {"track_dirty", "needs second_stage_dirty and coherent_walks"};
  if (domain_stage == TableStage::first && !first_stage) return {"domain_stage", "first needs first_stage"};
  if (domain_stage == TableStage::second && !second_stage) return {"domain_stage", "second needs second_stage"};
  return {};
}

bool ScalableConfig::touched() const {
  const auto values = [](const ScalableConfig& c) {
    return std::make_tuple(c.first_stage, c.first_stage_5_levels, c.first_stage_1g, c.second_stage, c.nested,
                           c.second_stage_dirty, c.pasid_bits, c.rid_pasid, c.rid_privileged, c.page_requests,
                           c.page_request_drain, c.supervisor_requests, c.execute_requests, c.extended_accessed,
                           c.coherent_walks, c.domain_stage, c.track_dirty, c.page_queue_entries);
  };
  return values(*this) != values(ScalableConfig());
}

std::uint64_t ScalableConfig::cap() const { return put(first_stage_1g, 56) | put(first_stage_5_levels, 60); }

std::uint64_t ScalableConfig::ecap() const {
  return put(nested, 26) | put(page_requests, 29) | put(execute_requests, 30) | put(supervisor_requests, 31) |
         put(extended_accessed, 34) | put(pasid_bits - 1u, 39, 35) | put(true, 40) |
         put(page_requests && page_request_drain, 42) | put(true, 43) | put(second_stage_dirty, 45) |
         put(second_stage, 46) | put(first_stage, 47) | put(coherent_walks, 48) | put(rid_pasid, 49) |
         put(rid_privileged, 53);
}

}  // namespace iommusim::iommu::vtd
