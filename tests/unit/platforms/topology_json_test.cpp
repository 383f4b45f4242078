// What drawings are made from: the tree and its groups as data.
#include "platforms/topology_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/config/config.h"

namespace iommusim::platforms {
namespace {

struct Description {
  PlatformConfig platform;
  static const base::Fields<Description>& fields() {
    static const auto f =
        base::Fields<Description>("test", "a machine").object("platform", &Description::platform, "machine");
    return f;
  }
};

nlohmann::json json_of(const std::string& platform, const std::vector<WorkloadUseConfig>& workloads) {
  const auto config = base::parse_config<Description>("schema: 1\nplatform:\n" + platform).platform;
  return nlohmann::json::parse(topology_json(config, workloads));
}

const char* const kTree = R"(
  switches:
    - {name: sw}
  endpoints:
    - {name: a, behind: sw}
    - {name: b}
)";

TEST(TopologyJson, NamesEachNodeAfterTheOneItIsBehind) {
  const auto j = json_of("  iommu: {architecture: {type: vtd}}" + std::string(kTree), {});
  ASSERT_EQ(3u, j["nodes"].size());
  EXPECT_EQ("sw", j["nodes"][0]["name"]);
  EXPECT_EQ("switch", j["nodes"][0]["kind"]);
  EXPECT_TRUE(j["nodes"][0]["above"].is_null());
  EXPECT_EQ("a", j["nodes"][1]["name"]);
  EXPECT_EQ(0, j["nodes"][1]["above"]);
  EXPECT_EQ("03:00.0", j["nodes"][1]["bdf"]);
}

TEST(TopologyJson, ADomainIsThatOfTheWorkload) {
  WorkloadUseConfig use;
  use.endpoint = "b";
  auto j = json_of("  iommu: {architecture: {type: vtd}}" + std::string(kTree), {use});
  EXPECT_TRUE(j["functions"][0]["domain"].is_null()) << "idle";
  EXPECT_EQ("DMA", j["functions"][1]["domain"]);
  EXPECT_EQ(1, j["functions"][1]["group"]);
  j = json_of(std::string("  address_map: {}") + kTree, {use});
  EXPECT_EQ("none", j["functions"][1]["domain"]) << "no IOMMU";
}

}  // namespace
}  // namespace iommusim::platforms
