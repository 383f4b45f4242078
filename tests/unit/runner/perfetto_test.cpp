// The file that ui.perfetto.dev opens: events, windows, samples, flows.
#include "experiments/runner/trace/perfetto.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace iommusim::runner {
namespace {

using base::Time;
using Json = nlohmann::json;

struct Trace {
  explicit Trace(const PerfettoConfig& config = {}, Time window = {}) : perfetto(config, window, out) {}
  Json events(Time end = Time::us(100)) {
    perfetto.finish(end);
    return Json::parse(out.str()).at("traceEvents");
  }
  /// Without the names of tracks.
  Json slices(Time end = Time::us(100)) {
    Json found = Json::array();
    for (const Json& e : events(end))
      if (e.at("ph") != "M") found.push_back(e);
    return found;
  }
  std::ostringstream out;
  Perfetto perfetto;
};

TEST(Perfetto, TracksAreNamedInTheirGroupsWhenTheyHaveSomething) {
  Trace t;
  const auto a = t.perfetto.track("links", "nic up"), b = t.perfetto.track("iommu", "walker \"0\"");
  t.perfetto.track("iommu", "walker 1");
  EXPECT_EQ(t.perfetto.track("links", "nic up"), a);
  EXPECT_NE(a, b);
  for (const auto track : {a, b, a}) t.perfetto.slice(track, "x", Time(), Time::ns(1), {}, {});
  Json e = Json::array();
  for (const Json& event : t.events())
    if (event.at("ph") == "M") e.push_back(event);
  ASSERT_EQ(e.size(), 4u);
  EXPECT_EQ(e[0].at("name"), "process_name");
  EXPECT_EQ(e[0].at("args").at("name"), "links");
  EXPECT_EQ(e[1].at("args").at("name"), "nic up");
  EXPECT_EQ(e[3].at("args").at("name"), "walker \"0\"");
  EXPECT_NE(e[1].at("pid"), e[3].at("pid"));
  EXPECT_NE(e[1].at("tid"), e[3].at("tid"));
}

TEST(Perfetto, TimesAreMicrosecondsToThePicosecond) {
  Trace t;
  const auto track = t.perfetto.track("links", "up");
  t.perfetto.slice(track, "MRd 64", Time::ps(1234567), Time::ps(1234570), {}, {{"bytes", std::uint64_t{64}}});
  t.perfetto.finish(Time::us(1));
  EXPECT_NE(t.out.str().find("\"ts\":1.234567,\"dur\":0.000003,\"name\":\"MRd 64\",\"args\":{\"bytes\":64}}"),
            std::string::npos)
      << t.out.str();
}

TEST(Perfetto, ADmasFlowBeginsWithItsFirstSliceAndGoesOn) {
  Trace t;
  const auto engine = t.perfetto.track("nic", "slot 0"), link = t.perfetto.track("links", "up");
  const std::uint32_t dma = t.perfetto.begin_dma(0, Time());
  t.perfetto.begin(engine, "read 64", Time(), {dma, true}, {});
  t.perfetto.slice(link, "MRd 64", Time::ns(1), Time::ns(2), {dma, true}, {});
  t.perfetto.slice(link, "MRd 64", Time::ns(3), Time::ns(4), {dma, false}, {});
  t.perfetto.end(engine, Time::ns(9), {});
  const Json s = t.slices();
  ASSERT_EQ(s.size(), 4u);
  EXPECT_EQ(s[0].at("ph"), "B");
  EXPECT_FALSE(s[0].contains("flow_in"));
  EXPECT_TRUE(s[0].at("flow_out"));
  EXPECT_TRUE(s[1].at("flow_in"));
  EXPECT_EQ(s[1].at("bind_id"), s[0].at("bind_id"));
  EXPECT_FALSE(s[2].contains("bind_id")) << "a further request of the same DMA";
  EXPECT_EQ(s[2].at("args").at("dma"), dma);
}

TEST(Perfetto, OneDmaOfSoManyOfEachEngine) {
  PerfettoConfig c;
  c.sample = 3;
  Trace t(c);
  std::vector<std::uint32_t> numbers;
  for (std::uint64_t n = 0; n < 7; ++n) numbers.push_back(t.perfetto.begin_dma(n, Time()));
  EXPECT_EQ(numbers, (std::vector<std::uint32_t>{1, 0, 0, 2, 0, 0, 3}));
}

TEST(Perfetto, ByDefaultItBeginsWithTheMeasurementWindow) {
  Trace t({}, Time::us(5));
  EXPECT_EQ(t.perfetto.begin_dma(0, Time::us(5) - Time::ps(1)), 0u);
  EXPECT_EQ(t.perfetto.begin_dma(1, Time::us(5)), 1u);
}

TEST(Perfetto, TheWindowHoldsWhatBeginsInItAndAllOfItsDmas) {
  PerfettoConfig c;
  c.from = Time::us(1);
  c.to = Time::us(2);
  Trace t(c);
  const auto core = t.perfetto.track("cores", "core0"), link = t.perfetto.track("links", "up");
  const std::uint32_t dma = t.perfetto.begin_dma(0, Time::us(2) - Time::ps(1));
  t.perfetto.begin(core, "before", Time::ns(999), {}, {});
  t.perfetto.end(core, Time::us(1), {});
  t.perfetto.begin(core, "in", Time::us(1), {}, {});
  t.perfetto.end(core, Time::us(3), {});
  t.perfetto.slice(link, "of the DMA", Time::us(2), Time::us(3), {dma, false}, {});
  t.perfetto.slice(link, "after", Time::us(2), Time::us(3), {}, {});
  std::vector<std::string> names;
  for (const Json& e : t.slices()) names.push_back(e.value("name", "end"));
  EXPECT_EQ(names, (std::vector<std::string>{"in", "end", "of the DMA"}));
}

TEST(Perfetto, ItEndsWithSoManyDmas) {
  PerfettoConfig c;
  c.dmas = 2;
  Trace t(c);
  const auto link = t.perfetto.track("links", "up");
  EXPECT_EQ(t.perfetto.begin_dma(0, Time()), 1u);
  EXPECT_EQ(t.perfetto.next_look(), Time());
  EXPECT_EQ(t.perfetto.begin_dma(1, Time()), 2u);
  EXPECT_EQ(t.perfetto.begin_dma(2, Time()), 0u);
  EXPECT_EQ(t.perfetto.next_look(), Time::max()) << "queues are not looked at any more";
  t.perfetto.slice(link, "a command", Time::us(1), Time::us(2), {}, {});
  t.perfetto.slice(link, "of the second", Time::us(1), Time::us(2), {2, false}, {});
  EXPECT_EQ(t.slices().size(), 1u);
}

TEST(Perfetto, WhatHasNotEndedEndsWithTheRun) {
  Trace t;
  const auto core = t.perfetto.track("cores", "core0");
  t.perfetto.begin(core, "task", Time::us(1), {}, {});
  t.perfetto.begin(core, "map", Time::us(2), {}, {});
  const Json s = t.slices(Time::us(7));
  ASSERT_EQ(s.size(), 4u);
  EXPECT_EQ(s[3].at("ph"), "E");
  EXPECT_EQ(s[3].at("ts"), 7.0);
}

TEST(Perfetto, QueuesAreCountersWrittenWhenTheyChange) {
  base::Group root;
  base::Occupancy queue;
  root.group("memory").add("queue", queue, "1", "queue");
  Trace t;
  t.perfetto.watch(root);
  t.perfetto.levels(Time());
  t.perfetto.levels(Time::ns(100));
  queue.set(Time::ns(150), 3);
  t.perfetto.levels(Time::ns(200));
  EXPECT_EQ(t.perfetto.next_look(), Time::ns(300));
  const Json s = t.slices();
  ASSERT_EQ(s.size(), 2u);
  EXPECT_EQ(s[1].at("ph"), "C");
  EXPECT_EQ(s[1].at("name"), "memory.queue");
  EXPECT_EQ(s[1].at("ts"), 0.2);
  EXPECT_EQ(s[1].at("args").at("level"), 3);
}

}  // namespace
}  // namespace iommusim::runner
