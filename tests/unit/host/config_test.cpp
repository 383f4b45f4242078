#include <gtest/gtest.h>

#include "models/base/config/config.h"
#include "models/base/config/diagnostics.h"
#include "models/host/iommu_driver.h"

namespace iommusim::host {
namespace {

TEST(HostConfig, DefaultsSurviveTheDumpAndItsReading) {
  const std::string text = base::dump_config(IommuDriverConfig{});
  const auto again = base::parse_config<IommuDriverConfig>(text);
  EXPECT_EQ(base::dump_config(again), text);
  EXPECT_EQ(again.invalidation.flush_queue_timeout, base::Time::ms(10));
  EXPECT_EQ(again.queue.entries, 256u);
  EXPECT_EQ(base::dump_config(base::parse_config<CpuCoreConfig>(base::dump_config(CpuCoreConfig{}))),
            base::dump_config(CpuCoreConfig{}));
}

std::string errors_of(const std::string& text) {
  try {
    base::parse_config<IommuDriverConfig>("schema: 1\n" + text, "f.yaml");
  } catch (const base::ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(HostConfig, WrongValuesAreExplained) {
  EXPECT_EQ(
      errors_of("dma_policy: strickt\n"),
      "f.yaml:2:13: dma_policy: unknown invalidation policy 'strickt'. Did you mean 'strict'? Known: lazy, strict");
  EXPECT_NE(errors_of("levels: 2\n").find("f.yaml:2:9: levels: "), std::string::npos);
  EXPECT_NE(errors_of("queue: {entries: 100}\n").find("power of two"), std::string::npos);
  EXPECT_NE(errors_of("iova_limit: 0x100001\n").find("must be a multiple of 4 KiB and at least 1 MiB"),
            std::string::npos);
}

}  // namespace
}  // namespace iommusim::host
