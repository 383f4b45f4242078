// Every cell of the ordering table (PCIe 5.0 section 2.4.1, table 2-40): may a TLP pass an earlier one that waits for
// credits? Where the table leaves it open the test says what this model does.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "models/pcie/link.h"
#include "models/tlm/simulation.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::pcie {
namespace {

using base::Time;
using tlm::Payload;

enum Kind { posted, read, np_data, completion, config_completion };

struct Tlp {
  Kind kind;
  bool relaxed = false, ido = false;
  unsigned requester = 8;
  int pasid = -1;
};

class End : public tlm::Module, private LinkPort::Owner {
 public:
  End(sc_core::sc_module_name name, tlm::Context& context, const LinkPortConfig& config)
      : Module(name, context), port("port", context, *this, config) {}
  LinkPort port;
  std::vector<Payload*> arrived;
  // Frees the buffers of what has come so far.
  void free_all() {
    free_now_ = true;
    for (Payload* p : arrived) free(*p);
  }

 private:
  void free(Payload& p) {
    if (completes_[&p]) {
      port.release_completion(p, 0, 0, now());
    } else {
      port.release(p, now());
    }
  }
  void note(Payload& p, bool is_completion) {
    completes_[&p] = is_completion;
    arrived.push_back(&p);
    if (free_now_) free(p);
  }
  void receive(LinkPort&, Payload& p, Time) override {
    note(p, false);
    if (is_posted(p)) port.finish_posted(p);
  }
  void receive_completion(LinkPort&, Payload& p, CompletionPart, Time) override { note(p, true); }
  void posted_done(LinkPort&, Payload&) override {}
  unsigned debug(LinkPort&, Payload&) override { return 0; }
  bool free_now_ = false;
  std::map<Payload*, bool> completes_;
};

struct Bench {
  Bench()
      : upper("upper", sim.context,
              {PortRole::switch_downstream,
               {{1, base::Bytes(256)}, {1, base::Bytes(256)}, {1, base::Bytes(256)}},
               1,
               false}),
        lower("lower", sim.context, {PortRole::endpoint, {}, 1, false}),
        link("link", sim.context, LinkConfig(), upper.port, lower.port),
        later(sim.scheduler, "later", tlm::delegate<&Bench::act>(this)) {}
  ~Bench() {
    for (Payload* p : made) p->release();
  }
  Payload& send(const Tlp& t) {
    Payload& p = sim.pool.acquire();
    made.push_back(&p);
    sim.pool.use_scratch(p, 4);
    const bool writes = t.kind == posted || t.kind == np_data || t.kind == config_completion;
    p.set_command(writes ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
    tlm::DmaExtension& x = tlm::dma(p);
    if (t.kind == np_data || t.kind == config_completion) x.space = tlm::AddressSpace::configuration;
    x.relaxed_ordering = t.relaxed;
    x.id_ordering = t.ido;
    x.requester = base::SourceId(t.requester);
    x.has_pasid = t.pasid >= 0;
    if (x.has_pasid) x.pasid = base::Pasid(static_cast<std::uint32_t>(t.pasid));
    if (t.kind == completion || t.kind == config_completion) {
      lower.port.complete(p);  // without data, as nothing has gone well with it
    } else {
      lower.port.send(p);
    }
    return p;
  }
  void act(int what) {
    if (what == 0) {
      send(filler);
      first = &send(earlier);
      second = &send(follower);
    } else {
      upper.free_all();
    }
  }
  // True if `row` arrives while `column`, sent before it, waits for a credit.
  bool passes(const Tlp& row, const Tlp& column) {
    filler = {column.kind, true, false, 99, -1};
    earlier = column;
    follower = row;
    later.push(0, Time::ns(1));
    later.push(1, Time::us(10));
    sim.scheduler.run_until(Time::us(9));
    const bool passed = std::find(upper.arrived.begin(), upper.arrived.end(), second) != upper.arrived.end();
    EXPECT_EQ(upper.arrived.end(), std::find(upper.arrived.begin(), upper.arrived.end(), first)) << "it is to wait";
    sim.scheduler.run_until(Time::us(20));
    EXPECT_EQ(3u, upper.arrived.size());
    EXPECT_TRUE(link.idle());
    return passed;
  }

  tlm::Simulation sim;
  End upper, lower;
  Link link;
  tlm::TimedQueue<int> later;
  std::vector<Payload*> made;
  Tlp filler{posted}, earlier{posted}, follower{posted};
  Payload *first = nullptr, *second = nullptr;
};

struct Cell {
  const char* entry;
  Tlp row, column;
  bool passes;
};
void PrintTo(const Cell& c, std::ostream* os) { *os << c.entry; }

class OrderingTable : public ::testing::TestWithParam<Cell> {};
TEST_P(OrderingTable, FollowsTheTable) {
  Bench b;
  EXPECT_EQ(GetParam().passes, b.passes(GetParam().row, GetParam().column)) << GetParam().entry;
}

constexpr bool relaxed = true, ido = true;
INSTANTIATE_TEST_SUITE_P(
    Table, OrderingTable,
    ::testing::Values(
        // A posted request must not pass another, may by A2b, and does not; it must pass everything else.
        Cell{"A2a", {posted}, {posted}, false}, Cell{"A2b relaxed", {posted, relaxed}, {posted}, false},
        Cell{"A2b IDO", {posted, false, ido, 9}, {posted}, false}, Cell{"A3", {posted}, {read}, true},
        Cell{"A4", {posted}, {np_data}, true}, Cell{"A5", {posted}, {completion}, true},
        // A read must not pass a posted request, relaxed ordering or not, but for IDO between different requesters or
        // PASIDs.
        Cell{"B2a", {read}, {posted}, false}, Cell{"B2a relaxed", {read, relaxed}, {posted}, false},
        Cell{"B2a IDO, same requester", {read, false, ido, 8}, {posted}, false},
        Cell{"B2b IDO, other requester", {read, false, ido, 9}, {posted}, true},
        Cell{"B2b IDO, other PASID", {read, false, ido, 8, 1}, {posted, false, false, 8, 2}, true},
        Cell{"B2a IDO, same PASID", {read, false, ido, 8, 1}, {posted, false, false, 8, 1}, false},
        Cell{"B2a IDO, one without PASID", {read, false, ido, 8, 1}, {posted}, false},
        Cell{"B3 open: order of the queue", {read}, {read}, false}, Cell{"B4 open", {read}, {np_data}, false},
        Cell{"B5 open: passes", {read}, {completion}, true},
        // A non-posted request with data: the same, and relaxed ordering counts.
        Cell{"C2a", {np_data}, {posted}, false}, Cell{"C2b relaxed", {np_data, relaxed}, {posted}, true},
        Cell{"C2b IDO, other requester", {np_data, false, ido, 9}, {posted}, true},
        Cell{"C2a IDO, same requester", {np_data, false, ido, 8}, {posted}, false},
        Cell{"C3 open", {np_data}, {read}, false}, Cell{"C4 open", {np_data}, {np_data}, false},
        Cell{"C5 open: passes", {np_data}, {completion}, true},
        // A completion: relaxed ones, and those of configuration writes, may pass posted requests. It must pass
        // non-posted ones, and need not pass another.
        Cell{"D2a", {completion}, {posted}, false},
        Cell{"D2a IDO not used", {completion, false, ido, 9}, {posted}, false},
        Cell{"D2b relaxed", {completion, relaxed}, {posted}, true},
        Cell{"D2b of a configuration write", {config_completion}, {posted}, true},
        Cell{"D3", {completion}, {read}, true}, Cell{"D4", {completion}, {np_data}, true},
        Cell{"D5 open: order of the queue", {completion}, {completion}, false}));

}  // namespace
}  // namespace iommusim::pcie
