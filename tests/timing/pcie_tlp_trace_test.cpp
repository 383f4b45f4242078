// A trace against times worked out by hand, on a link of 1 ns per byte with requests of 24 bytes and completions of 20,
// and a memory of 100 ns.
#include "models/pcie/tlp_trace.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "models/base/config/config.h"
#include "tests/unit/endpoints/engine_bench.h"

namespace iommusim::pcie {
namespace {

using base::Time;

struct Traced {
  explicit Traced(std::vector<ep::DmaRequest> list, const TlpTraceConfig& config = {}) {
    ep::EngineBench bench;
    TlpTrace trace(config, csv);
    ep::ListedDmas work;
    work.list = std::move(list);
    bench.link.observe(&trace);
    bench.engine.drive(work);
    bench.run();
    trace.finish();
    rows = trace.rows();
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream in(csv.str());
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  std::ostringstream csv;
  std::uint64_t rows = 0;
};

TEST(TlpTrace, AReadIsARequestUpAndACompletionDown) {
  const Traced t({ep::read_of(ep::high + 2, 62)});
  EXPECT_EQ((std::vector<std::string>{
                "start_ps,end_ps,arrival_ps,link,direction,kind,requester,tag,address,bytes,wire_bytes,class,pasid,"
                "status",
                "0,24000,24000,link,up,MRd,0000:03:00.0,0,0x100000002,62,24,non_posted,,",
                // 24 + 100 ns; 20 bytes and 16 doublewords.
                "124000,208000,208000,link,down,CplD,0000:03:00.0,0,0x100000002,62,84,completion,,SC"}),
            t.lines());
}

TEST(TlpTrace, WritesHaveNoTagAndFollowEachOther) {
  const Traced t({ep::write_of(ep::high, 64), ep::write_of(0x1000, 8)});
  EXPECT_EQ((std::vector<std::string>{"0,88000,88000,link,up,MWr,0000:03:00.0,,0x100000000,64,88,posted,,",
                                      "88000,116000,116000,link,up,MWr,0000:03:00.0,,0x1000,8,28,posted,,"}),
            (std::vector<std::string>{t.lines().at(1), t.lines().at(2)}));
}

TEST(TlpTrace, ThePasidOfARequestIsThere) {
  ep::DmaRequest request = ep::read_of(ep::high, 64);
  request.has_pasid = true;
  request.pasid = base::Pasid(7);
  const Traced t({request});
  EXPECT_EQ("0,28000,28000,link,up,MRd,0000:03:00.0,0,0x100000000,64,28,non_posted,7,", t.lines().at(1));
}

std::vector<ep::DmaRequest> mixed() {
  std::vector<ep::DmaRequest> list;
  for (unsigned i = 0; i < 40; ++i) {
    list.push_back(ep::read_of(ep::high + 512 * i, 512));
    list.push_back(ep::write_of(ep::high + 512 * i, 256));
  }
  return list;
}

TEST(TlpTrace, ASampleIsOneOfSoManyInEachDirection) {
  TlpTraceConfig config;
  config.sample = 10;
  const Traced t(mixed(), config);
  unsigned up = 0, down = 0;
  for (const std::string& line : t.lines()) {
    up += line.find(",up,") != std::string::npos;
    down += line.find(",down,") != std::string::npos;
  }
  EXPECT_EQ(8u, up) << "of 80";
  EXPECT_EQ(8u, down) << "of 80";
}

TEST(TlpTrace, AWindowHoldsWhatStartsInIt) {
  TlpTraceConfig config;
  config.from = Time::ns(88);
  config.to = Time::ns(176);
  const Traced t({ep::write_of(ep::high, 64), ep::write_of(ep::high, 64), ep::write_of(ep::high, 64)}, config);
  ASSERT_EQ(2u, t.lines().size());
  EXPECT_EQ(0u, t.lines()[1].find("88000,176000,"));
}

TEST(TlpTrace, ALongTraceIsStreamedInFull) {
  std::vector<ep::DmaRequest> list;
  for (unsigned i = 0; i < 5000; ++i) list.push_back(ep::write_of(ep::high + 64 * (i % 64), 64));
  const Traced t(list);
  EXPECT_EQ(5001u, t.lines().size());
}

TEST(TlpTraceConfigText, RefusesAnEmptyWindow) {
  EXPECT_THROW(base::parse_config<TlpTraceConfig>("schema: 1\nfrom: 2 us\nto: 1 us\n"), base::ConfigError);
}

}  // namespace
}  // namespace iommusim::pcie
