// A machine of the simplest kind for tests of the host: memory of fixed latency, a unit that carries out queue entries
// one by one and a driver for it with one-level page tables. Memory changes, and is looked at, when the response
// leaves.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "models/host/iommu_driver.h"
#include "models/memory/sparse_memory.h"
#include "models/tlm/protocol_checker.h"
#include "models/tlm/simulation.h"

namespace iommusim::host::test {

using base::Bytes;
using base::Hpa;
using base::Time;
using iommu::Invalidation;

constexpr std::uint64_t kRegisters = 0xfed90000;

struct Latencies {
  Time read = Time::ns(80);
  Time write = Time::ns(50);
  Time mmio_accept = Time::ns(10);
  Time mmio = Time::ns(200);
  Time command = Time::ns(300);  ///< each entry of the queue
};

/// Entry: word 0 kind | size_log2 << 8 | leaf_only << 16; 1 domain | source << 32; 2 address; 3 status. 32 bytes.
inline iommu::CommandBytes encode_entry(const Invalidation& i) {
  iommu::CommandBytes c;
  c.bytes = 32;
  c.words[0] = static_cast<std::uint64_t>(i.kind) | std::uint64_t{i.size_log2} << 8 | std::uint64_t{i.leaf_only} << 16;
  c.words[1] = i.domain.value() | std::uint64_t{i.source.value()} << 32;
  c.words[2] = i.kind == Invalidation::Kind::wait ? i.status_address.value() : i.address.value();
  c.words[3] = i.kind == Invalidation::Kind::interrupt_entries ? i.index : i.status;
  return c;
}

class FakeMachine : public tlm::Module, public tlm::TargetPort::Owner {
 public:
  /// With a port for each core.
  FakeMachine(::sc_core::sc_module_name name, tlm::Context& context, unsigned ports, Latencies latencies = {})
      : Module(name, context),
        latencies_(latencies),
        accepts_(context.scheduler, "machine.accepts", tlm::delegate<&FakeMachine::accept>(this)),
        done_(context.scheduler, "machine.done", tlm::delegate<&FakeMachine::finish>(this)),
        unit_(context.scheduler, "machine.unit", tlm::delegate<&FakeMachine::execute>(this)),
        alive_(context.scheduler, "machine.alive", tlm::delegate<&FakeMachine::nothing>(this)) {
    for (unsigned n = 0; n < ports; ++n) {
      ports_.push_back(std::make_unique<tlm::TargetPort>(("port" + std::to_string(n)).c_str(), context, *this, n));
    }
  }
  tlm::TargetPort& port(unsigned n) { return *ports_[n]; }

  mem::SparseMemory memory;
  /// What the unit has carried out: "pages d2 0xffffe000+13 leaf", "domain d2", "wait" ...
  std::vector<std::string> executed;
  std::vector<Time> executed_at;
  std::vector<std::string> register_writes;  ///< "offset=value", in the order they took effect
  bool unit_runs = true;

  void write_register(std::uint64_t offset, std::uint64_t value) {
    register_writes.push_back(std::to_string(offset) + "=" + std::to_string(value));
    if (offset == 0x90) queue_ = value;
    if (offset == 0xa0) entries_ = value;
    if (offset == 0x88) {
      tail_ = value >> 5;
      start();
    }
  }
  void keep_alive(Time until) { alive_.arm(until); }
  void start() {
    if (unit_runs && head_ != tail_ && !unit_.armed()) unit_.arm(now() + latencies_.command);
  }

 private:
  struct Item {
    unsigned port = 0;
    tlm::Payload* payload = nullptr;
  };
  bool request(tlm::TargetPort& port, tlm::Payload& p) override {
    const bool mmio = tlm::dma(p).space == tlm::AddressSpace::mmio;
    const Time latency = mmio ? latencies_.mmio : p.is_read() ? latencies_.read : latencies_.write;
    if (mmio) accepts_.push({port.index(), &p}, now() + latencies_.mmio_accept);
    done_.push({port.index(), &p}, now() + latency);
    return !mmio;
  }
  unsigned debug(tlm::TargetPort&, tlm::Payload& p) override {
    access(p);
    return p.get_data_length();
  }
  void accept(Item item) { ports_[item.port]->end_request(*item.payload); }
  void access(tlm::Payload& p) {
    if (p.is_write()) {
      memory.write(Hpa(p.get_address()), p.get_data_ptr(), p.get_data_length());
    } else {
      memory.read(Hpa(p.get_address()), p.get_data_ptr(), p.get_data_length());
    }
  }
  void finish(Item item) {
    tlm::Payload& p = *item.payload;
    p.set_response_status(::tlm::TLM_OK_RESPONSE);
    if (tlm::dma(p).space != tlm::AddressSpace::mmio) {
      access(p);
    } else if (p.get_address() < kRegisters || p.get_address() >= kRegisters + 0x1000) {
      p.set_response_status(::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    } else if (p.is_write()) {
      std::uint64_t value = 0;
      std::memcpy(&value, p.get_data_ptr(), p.get_data_length());
      write_register(p.get_address() - kRegisters, value);
    } else {
      const std::uint64_t value = p.get_address() == kRegisters + 0x80 ? head_ << 5 : 0;
      std::memcpy(p.get_data_ptr(), &value, p.get_data_length());
    }
    ports_[item.port]->respond(p);
  }
  void nothing() {}
  void execute() {
    std::uint64_t words[4];
    memory.read(Hpa(queue_ + head_ * 32), words, sizeof words);
    head_ = (head_ + 1) % entries_;
    const auto kind = static_cast<Invalidation::Kind>(words[0] & 0xff);
    const std::string domain = "d" + std::to_string(words[1] & 0xffffffff);
    char text[80];
    switch (kind) {
      case Invalidation::Kind::iotlb_pages:
        std::snprintf(text, sizeof text, "pages %s %#llx+%d%s", domain.c_str(),
                      static_cast<unsigned long long>(words[2]), static_cast<int>(words[0] >> 8 & 0xff),
                      words[0] >> 16 & 1 ? " leaf" : "");
        executed.push_back(text);
        break;
      case Invalidation::Kind::iotlb_domain: executed.push_back("domain " + domain); break;
      case Invalidation::Kind::context_source:
        executed.push_back("context " + domain + " s" + std::to_string(words[1] >> 32));
        break;
      case Invalidation::Kind::interrupt_entries: executed.push_back("interrupt " + std::to_string(words[3])); break;
      case Invalidation::Kind::wait: {
        executed.push_back("wait");
        const auto status = static_cast<std::uint32_t>(words[3]);
        memory.write(Hpa(words[2]), &status, 4);
        break;
      }
      default: executed.push_back("?");
    }
    executed_at.push_back(now());
    start();
  }

  Latencies latencies_;
  std::vector<std::unique_ptr<tlm::TargetPort>> ports_;
  tlm::TimedQueue<Item> accepts_;
  tlm::TimedQueue<Item> done_;
  tlm::Timer unit_;
  tlm::Timer alive_;
  std::uint64_t queue_ = 0, entries_ = 1, head_ = 0, tail_ = 0;
};

/// 512 entries of 8 bytes, indexed by bits 20:12 of the IOVA: page | 1.
class FakeTables final : public iommu::PageTables {
 public:
  explicit FakeTables(Hpa root) : root_(root) {}
  void map(iommu::TableMemory& memory, base::Iova iova, Hpa hpa, std::uint64_t bytes, iommu::Rights,
           std::uint64_t) override {
    for (std::uint64_t at = 0; at < bytes; at += 4096) {
      if (memory.read64(entry(iova + at)) != 0) throw std::logic_error("mapped already");
      memory.write64(entry(iova + at), (hpa + at).value() | 1);
    }
  }
  std::uint64_t unmap(iommu::TableMemory& memory, base::Iova iova, std::uint64_t bytes, bool& tables_freed) override {
    std::uint64_t mapped = 0;
    for (std::uint64_t at = 0; at < bytes; at += 4096) {
      if (memory.read64(entry(iova + at)) == 0) continue;
      memory.write64(entry(iova + at), 0);
      mapped += 4096;
    }
    tables_freed = frees;
    return mapped;
  }
  void release_freed(iommu::TableMemory&) override { ++releases; }
  std::optional<iommu::Translation> lookup(iommu::TableMemory& memory, base::Iova iova) const override {
    const std::uint64_t e = memory.read64(entry(iova));
    if (e == 0) return std::nullopt;
    iommu::Translation t;
    t.output = Hpa(e & ~std::uint64_t{1});
    return t;
  }
  Hpa entry(base::Iova iova) const { return root_ + (iova.value() >> 12 & 511) * 8; }

  bool frees = false;  ///< what unmap() says of tables
  int releases = 0;

 private:
  Hpa root_;
};

class FakeHardware final : public iommu::Driver {
 public:
  std::vector<iommu::RegisterWrite> set_up(iommu::TableMemory& memory, std::uint32_t entries) override {
    entries_ = entries;
    queue_ = memory.allocate(std::max<std::uint64_t>(4096, entries * 32));
    contexts_ = memory.allocate(4096);
    return {{0x90, 8, queue_.value()}, {0xa0, 8, entries}};
  }
  std::vector<iommu::RegisterWrite> enable(bool interrupts) override { return {{0x18, 4, interrupts ? 3u : 1u}}; }
  std::vector<iommu::RegisterWrite> disable_translation() override { return {{0x18, 4, 2u}}; }
  std::vector<iommu::RegisterWrite> route_events(iommu::InterruptMessage m) override { return {{0x3c, 4, m.data}}; }
  std::unique_ptr<iommu::PageTables> create_tables(iommu::TableMemory& memory, iommu::DomainGeometry) override {
    return std::make_unique<FakeTables>(memory.allocate(4096));
  }
  void attach(iommu::TableMemory& memory, base::SourceId source, base::DomainId domain,
              const iommu::PageTables* tables) override {
    memory.write64(context(source), domain.value() << 8 | (tables ? 1 : 2));
  }
  void detach(iommu::TableMemory& memory, base::SourceId source) override { memory.write64(context(source), 0); }
  iommu::InterruptMessage set_interrupt(iommu::TableMemory& memory, std::uint32_t index, base::SourceId,
                                        iommu::InterruptMessage target) override {
    memory.write64(contexts_ + 2048 + index * 8, target.address << 8 | target.data);
    return {0xfee00010 | std::uint64_t{index} << 5, 0};
  }
  bool invalidate_on_map() const override { return caching_mode; }
  iommu::CommandBytes encode(const Invalidation& i) const override { return encode_entry(i); }
  Hpa queue_base() const override { return queue_; }
  std::uint32_t queue_entries() const override { return entries_; }
  std::uint8_t command_bytes() const override { return 32; }
  iommu::RegisterWrite tail_write(std::uint32_t tail) const override { return {0x88, 8, std::uint64_t{tail} << 5}; }
  std::uint64_t head_register() const override { return 0x80; }
  std::uint32_t head_index(std::uint64_t value) const override { return static_cast<std::uint32_t>(value >> 5); }
  Hpa context(base::SourceId source) const { return contexts_ + (source.value() & 255) * 8; }

  bool caching_mode = false;

 private:
  Hpa queue_, contexts_;
  std::uint32_t entries_ = 0;
};

/// Sends messages, and keeps what became of them.
struct FakeDevice : tlm::Module, tlm::InitiatorPort::Owner {
  FakeDevice(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context), port("port", context, *this) {}
  void response(tlm::InitiatorPort&, tlm::Payload& p) override {
    ok.push_back(p.is_response_ok());
    p.release();
  }
  tlm::InitiatorPort port;
  std::vector<bool> ok;
};

/// Cores, each behind a protocol checker, the machine and an interrupt region; a driver where asked for.
struct Host {
  explicit Host(unsigned cores = 1, CpuCoreConfig core_config = {}, Latencies latencies = {},
                tlm::Scheduler::Kind kind = tlm::Scheduler::Kind::wheel)
      : simulation(1, kind),
        machine("machine", simulation.context, cores, latencies),
        frames(Hpa(0x1000000), Bytes(16 << 20), mem::Placement::contiguous, 1),
        interrupts("interrupts", simulation.context, InterruptRegionConfig{Time::ns(5)}),
        device("device", simulation.context) {
    for (unsigned i = 0; i < cores; ++i) {
      core.push_back(
          std::make_unique<CpuCore>(("core" + std::to_string(i)).c_str(), simulation.context, core_config, i));
      checkers.push_back(std::make_unique<tlm::ProtocolChecker>(("checker" + std::to_string(i)).c_str()));
      core.back()->port.bind(checkers.back()->from_initiator);
      checkers.back()->to_target.bind(machine.port(i));
    }
    device.port.bind(interrupts.port);
  }
  ~Host() {
    for (const auto& c : checkers) {
      for (const std::string& v : c->violations()) ADD_FAILURE() << v;
    }
  }
  FakeHardware& add_driver(IommuDriverConfig config = {}) {
    auto owned = std::make_unique<FakeHardware>();
    FakeHardware& hardware = *owned;
    std::vector<CpuCore*> cores;
    for (const auto& c : core) cores.push_back(c.get());
    driver = std::make_unique<IommuDriver>("driver", simulation.context, config, std::move(owned), Hpa(kRegisters),
                                           frames, cores, interrupts);
    return hardware;
  }
  /// After elaboration: the instant boot.
  void boot() {
    driver->boot([this](const iommu::RegisterWrite& w) { machine.write_register(w.offset, w.value); });
  }
  /// Lets a task run to its end on a core; returns the time it took.
  Time run(CpuCore::Task task, unsigned n = 0) {
    const Time start = simulation.scheduler.now();
    Time end = start;
    core[n]->submit([&](CpuCore& c) {
      task(c);
      c.fence();
      end = c.now();
      simulation.scheduler.stop();
    });
    EXPECT_EQ(simulation.scheduler.run_until(start + Time::ms(100)), tlm::Scheduler::RunResult::stopped);
    return end - start;
  }
  /// Runs on for so long.
  void go_on(Time duration) {
    machine.keep_alive(now() + duration +
                       Time::ps(1));  // without it the run would end, and time with it, when nothing is pending
    simulation.scheduler.run_until(now() + duration);
  }
  Time now() const { return simulation.scheduler.now(); }

  /// A device's write of a message (or, with other than four bytes, something else).
  void send_message(std::uint64_t address, std::uint32_t data, unsigned bytes = 4) {
    tlm::Payload& p = simulation.pool.acquire();
    p.set_command(::tlm::TLM_WRITE_COMMAND);
    p.set_address(address);
    std::memset(simulation.pool.use_buffer(p, bytes), 0, bytes);
    std::memcpy(p.get_data_ptr(), &data, std::min(bytes, 4u));
    tlm::dma(p).traffic = tlm::Traffic::msi;
    tlm::dma(p).stamp_now(tlm::Boundary::issued, now());
    device.port.send(p);
  }

  tlm::Simulation simulation;
  FakeMachine machine;
  mem::FrameAllocator frames;
  InterruptRegion interrupts;
  std::vector<std::unique_ptr<CpuCore>> core;
  std::vector<std::unique_ptr<tlm::ProtocolChecker>> checkers;
  FakeDevice device;
  std::unique_ptr<IommuDriver> driver;
};

}  // namespace iommusim::host::test
