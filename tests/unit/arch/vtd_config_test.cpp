#include <gtest/gtest.h>

#include "models/base/config/config.h"
#include "models/iommu/arch/vtd/config.h"

namespace iommusim::iommu::vtd {
namespace {

struct Holder {
  std::shared_ptr<const ArchitectureConfig> architecture;
  static const base::Fields<Holder>& fields() {
    static const base::Fields<Holder> f =
        base::Fields<Holder>("holder", "Has an architecture").variant("architecture", &Holder::architecture, "Which");
    return f;
  }
};

std::string errors(const std::string& yaml) {
  try {
    base::parse_config<Holder>("schema: 1\n" + yaml, "f.yaml");
  } catch (const base::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(VtdConfiguration, IsChosenByType) {
  const auto h = base::parse_config<Holder>(
      "schema: 1\narchitecture:\n  type: vtd\n  table_levels: [3]\n  guest_address_bits: 39\n  quirks: "
      "{page_mask_bits: 8}\n");
  const auto& c = dynamic_cast<const VtdConfig&>(*h.architecture);
  EXPECT_EQ(c.most_levels(), 3u);
  EXPECT_EQ(c.quirks.page_mask_bits, 8);
  EXPECT_NE(h.architecture->make_architecture(), nullptr);
  EXPECT_NE(h.architecture->make_driver(), nullptr);
}

TEST(VtdConfiguration, DefaultsAreConsistent) {
  EXPECT_EQ(VtdConfig().contradiction().second, "");
  EXPECT_EQ(errors("architecture: {type: vtd}\n"), "");
}

TEST(VtdConfiguration, ContradictionsNameTheKey) {
  EXPECT_NE(errors("architecture: {type: vtd, table_levels: [3]}\n").find("48 bits do not fit tables of 3 levels"),
            std::string::npos);
  EXPECT_NE(errors("architecture: {type: vtd, domain_id_bits: 7}\n").find("domain_id_bits"), std::string::npos);
  EXPECT_NE(errors("architecture: {type: vtd, table_levels: [2]}\n").find("table_levels"), std::string::npos);
  EXPECT_NE(errors("architecture: {type: vtd, fault_records: 257}\n").find("fault_records"), std::string::npos);
}

TEST(VtdConfiguration, TheResolvedDumpReadsBackAsItself) {
  const auto h = base::parse_config<Holder>("schema: 1\narchitecture: {type: vtd, caching_mode: true}\n");
  const std::string dump = base::dump_config(h);
  EXPECT_EQ(base::dump_config(base::parse_config<Holder>(dump)), dump);
  EXPECT_NE(dump.find("caching_mode: true"), std::string::npos) << dump;
}

}  // namespace
}  // namespace iommusim::iommu::vtd
