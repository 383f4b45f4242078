#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/host/cpu_core.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"

namespace iommusim::host {
namespace {

using ::testing::ElementsAre;
constexpr Hpa kDevice(0x80000000);

struct Bench {
  explicit Bench(const CpuCoreConfig& config = {}) : core("core", sim.context, config) {
    core.port.bind(device.port());
  }
  void run(const CpuCore::Task& task) {
    core.submit(task);
    sim.scheduler.run_until(Time::ms(1));
    EXPECT_TRUE(core.idle());
    EXPECT_EQ("", sim.pool.leak_report());
  }
  /// Offset and size of each write that arrived.
  std::vector<std::pair<std::uint64_t, unsigned>> writes() const {
    std::vector<std::pair<std::uint64_t, unsigned>> list;
    for (const auto& a : device.accesses) {
      if (a.write) list.emplace_back(a.address - kDevice.value(), a.bytes);
    }
    return list;
  }
  tlm::Simulation sim;
  CpuCore core;
  iommusim::test::FixedMemory device{"device", sim.context, Time::ns(100)};
};

const std::vector<unsigned char>& bytes() {
  static const std::vector<unsigned char> list = [] {
    std::vector<unsigned char> v(256);
    for (unsigned i = 0; i < v.size(); ++i) v[i] = static_cast<unsigned char>(i);
    return v;
  }();
  return list;
}

using Write = std::pair<std::uint64_t, unsigned>;

TEST(WriteCombining, AFullLineLeavesAsOneRequest) {
  Bench b;
  b.run([](CpuCore& c) {
    for (unsigned i = 0; i < 128; i += 8) c.wc_write(kDevice + i, bytes().data() + i, 8);
  });
  EXPECT_THAT(b.writes(), ElementsAre(Write{0, 64}, Write{64, 64}));
  EXPECT_EQ(0x4f4e4d4c'4b4a4948u, b.device.word(kDevice.value() + 0x48));
}

TEST(WriteCombining, ALineNotFullLeavesInRunsOfWrittenBytesWithinChunks) {
  Bench b;
  b.run([](CpuCore& c) {
    c.wc_write(kDevice + 16, bytes().data() + 16, 12);  // two chunks, the second half
    c.wc_write(kDevice + 1, bytes().data() + 1, 3);
    c.wc_write(kDevice + 6, bytes().data() + 6, 1);
  });
  EXPECT_THAT(b.writes(), ElementsAre(Write{1, 3}, Write{6, 1}, Write{16, 8}, Write{24, 4}));
}

TEST(WriteCombining, TheChunkIsAParameter) {
  CpuCoreConfig config;
  config.wc_chunk = base::Bytes(64);
  Bench b(config);
  b.run([](CpuCore& c) { c.wc_write(kDevice + 4, bytes().data(), 59); });
  EXPECT_THAT(b.writes(), ElementsAre(Write{4, 59}));
}

TEST(WriteCombining, AnotherLineTakesTheOldestBufferWhenNoneIsFree) {
  CpuCoreConfig config;
  config.wc_buffers = 2;
  Bench b(config);
  b.run([&](CpuCore& c) {
    for (unsigned line = 0; line < 3; ++line) c.wc_write(kDevice + 64 * line, bytes().data(), 4);
    EXPECT_EQ(1u, b.device.accesses.size());
    c.wc_write(kDevice + 64, bytes().data(), 4);  // still being combined
    EXPECT_EQ(1u, b.device.accesses.size());
  });
  EXPECT_THAT(b.writes(), ElementsAre(Write{0, 4}, Write{64, 4}, Write{128, 4}));
}

TEST(WriteCombining, AnUncachedAccessPushesOutWhatIsBeingCombined) {
  Bench b;
  b.run([](CpuCore& c) {
    c.wc_write(kDevice, bytes().data(), 8);
    c.mmio_write(kDevice + 0x1000, 1, 4);
    c.wc_write(kDevice + 64, bytes().data(), 8);
    c.mmio_read(kDevice + 0x1000, 4);
  });
  ASSERT_EQ(4u, b.device.accesses.size());
  EXPECT_EQ(kDevice.value(), b.device.accesses[0].address);
  EXPECT_EQ(kDevice.value() + 64, b.device.accesses[2].address);
  EXPECT_FALSE(b.device.accesses[3].write);
}

TEST(WriteCombining, AFlushSendsAllAndTheCoreGoesOnAtOnce) {
  Bench b;
  b.run([&](CpuCore& c) {
    c.wc_write(kDevice, bytes().data(), 8);
    c.wc_flush();
    EXPECT_EQ(1u, b.device.accesses.size());
    EXPECT_EQ(Time(), c.now()) << "posted";
  });
}

TEST(WriteCombining, WithoutBuffersNothingIsCombined) {
  CpuCoreConfig config;
  config.wc_buffers = 0;
  Bench b(config);
  b.run([](CpuCore& c) {
    c.wc_write(kDevice, bytes().data(), 8);
    c.wc_write(kDevice + 8, bytes().data(), 8);
  });
  EXPECT_THAT(b.writes(), ElementsAre(Write{0, 8}, Write{8, 8}));
}

TEST(WriteCombining, AnUnalignedWriteFillsTwoLines) {
  Bench b;
  b.run([](CpuCore& c) { c.wc_write(kDevice + 60, bytes().data(), 8); });
  EXPECT_THAT(b.writes(), ElementsAre(Write{60, 4}, Write{64, 4}));
}

TEST(Mmio, AReadMayBeOfUpTo64Bytes) {
  Bench b;
  b.device.set_word(kDevice.value() + 56, 0x1122334455667788);
  std::array<unsigned char, 64> data{};
  b.run([&](CpuCore& c) {
    EXPECT_TRUE(c.mmio_read(kDevice, data.data(), 64));
    EXPECT_EQ(Time::ns(100), c.now());
  });
  EXPECT_EQ(0x88, data[56]);
  EXPECT_EQ(64u, b.device.accesses[0].bytes);
}

TEST(Mmio, AReadThatNobodyAnswersIsAllOnes) {
  Bench b;
  b.device.limit = 0;
  std::array<unsigned char, 16> data{};
  b.run([&](CpuCore& c) { EXPECT_FALSE(c.mmio_read(kDevice, data.data(), 16)); });
  EXPECT_EQ(0xff, data[15]);
}

TEST(Configuration, WritesWaitForTheirCompletion) {
  Bench b;
  b.run([&](CpuCore& c) {
    EXPECT_TRUE(c.config_write(kDevice, 0x6, 2));
    EXPECT_EQ(Time::ns(100), c.now());
    EXPECT_EQ(6u, c.config_read(kDevice, 4));
    EXPECT_EQ(Time::ns(200), c.now());
  });
}

TEST(Configuration, AnAccessNobodyTakesIsToldApart) {
  Bench b;
  b.device.limit = 0;
  b.run([&](CpuCore& c) {
    EXPECT_FALSE(c.config_write(kDevice, 0, 4));
    EXPECT_EQ(0xffffu, c.config_read(kDevice, 2));
  });
}

}  // namespace
}  // namespace iommusim::host
