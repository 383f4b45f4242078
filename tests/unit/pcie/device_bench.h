// A device of any functions on a link of 1 ns per byte below a root complex; memory of 100 ns above, registers of 10 ns
// behind each function; a core that reaches configuration space at `ecam`.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "models/pcie/device.h"
#include "models/pcie/ecam.h"
#include "models/pcie/link.h"
#include "models/pcie/root_complex.h"
#include "models/tlm/simulation.h"
#include "tests/support/fixed_memory.h"
#include "tests/support/requester.h"

namespace iommusim::pcie {

constexpr base::Hpa ecam(0xe0000000);
constexpr base::Hpa bars(0x80000000);                   // 64 KiB for each function
constexpr std::uint64_t high = std::uint64_t{1} << 32;  // 24-byte request headers
const base::Bdf bdf = base::make_bdf(1, 0, 0);

inline LinkConfig nanosecond_per_byte() {
  LinkConfig c;
  c.generation = 1;
  c.width = 4;
  c.ack_interval = c.fc_interval = c.skip_interval = base::Bytes(0);
  return c;
}

/// Sends payloads made by the test, and notes when their responses come.
class Sender : public tlm::Module, private tlm::InitiatorPort::Owner {
 public:
  Sender(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context),
        port("port", context, *this),
        queue_(context.scheduler, std::string(this->name()) + ".queue", tlm::delegate<&Sender::send>(this)) {}
  tlm::InitiatorPort port;
  std::vector<base::Time> answered;

  tlm::Payload& make(base::Time at) {
    tlm::Payload& p = pool().acquire();
    queue_.push(&p, at);
    return p;
  }

 private:
  void send(tlm::Payload* p) { port.send(*p); }
  void response(tlm::InitiatorPort&, tlm::Payload& p) override {
    answered.push_back(now());
    p.release();
  }
  tlm::TimedQueue<tlm::Payload*> queue_;
};

struct DeviceBench {
  explicit DeviceBench(const DeviceConfig& config = {}, const RootComplexConfig& rc_config = {},
                       const LinkConfig& link_config = nanosecond_per_byte())
      : rc("rc", sim.context, rc_config, 1),
        device("device", sim.context, {}, config, bdf),
        link("link", sim.context, link_config, rc.root_port(0), device.link_port),
        memory("memory", sim.context, base::Time::ns(100)),
        registers("registers", sim.context, base::Time::ns(10), device.functions()) {
    rc.to_host(0).bind(memory.port());
    cpu.port.bind(rc.from_cpu);
    unit.port.bind(rc.from_unit);
    rc.set_buses(1, 16, 0);
    rc.set_ecam(ecam, 256 * kEcamBusBytes);
    rc.add_window(bars, 0x10000 * device.functions(), 0);
    for (unsigned i = 0; i < device.functions(); ++i) {
      device.to_function(i).bind(registers.port(i));
      device.add_window(bar(i), 0x10000, i);
      functions.push_back(std::make_unique<test::Requester>(("function" + std::to_string(i)).c_str(), sim.context));
      functions.back()->port.bind(device.from_function(i));
    }
  }
  ~DeviceBench() { EXPECT_EQ("", sim.pool.leak_report()); }

  static base::Hpa bar(unsigned i) { return bars + 0x10000 * i; }
  std::uint64_t config_at(unsigned function, std::uint64_t offset) const {
    return ecam_address(ecam, device.routing_id(function), offset).value();
  }
  void run(base::Time until = base::Time::ms(200)) { sim.scheduler.run_until(until); }

  tlm::Simulation sim;
  RootComplex rc;
  Device device;
  Link link;
  test::FixedMemory memory, registers;
  test::Requester cpu{"cpu", sim.context};
  Sender unit{"unit", sim.context};
  std::vector<std::unique_ptr<test::Requester>> functions;
};

}  // namespace iommusim::pcie
