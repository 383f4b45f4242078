// The SystemC unit under test: requests and messages come over its sockets as devices send them, tables and queues lie
// in a memory that takes time and can fail. What the wire does not tell comes from the unit's observer.
#include <cstring>
#include <unordered_map>

#include "models/iommu/core/device_messages.h"
#include "models/iommu/core/remapping_unit.h"
#include "models/tlm/simulation.h"
#include "tests/conformance/riscv/machine.h"

namespace iommusim::conformance {

namespace {

using base::Time;
using tlm::Payload;

const Time kMemoryLatency = Time::ns(50);  // any: only the order of what happens is compared

/// Words by address behind the unit's two ports; remembers what the unit overwrites. What devices read and write has no
/// contents, and succeeds: vectors tell where it goes, and their faults are those of the unit's own accesses.
class Memory : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  Memory(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context),
        downstream("downstream", context, *this, 0),
        walk("walk", context, *this, 1),
        line_(context.scheduler, std::string(this->name()) + ".line", tlm::delegate<&Memory::done>(this)) {}

  tlm::TargetPort downstream, walk;
  std::vector<MemoryFault> faults;
  std::map<std::uint64_t, std::uint64_t> written;  ///< by the unit: what was there before
  std::vector<std::uint64_t> device_accesses;      ///< their addresses

  std::uint64_t word(std::uint64_t a) const {
    const auto it = words_.find(a);
    return it == words_.end() ? 0 : it->second;
  }
  void set(std::uint64_t a, std::uint64_t value) { words_[a] = value; }

 private:
  bool request(tlm::TargetPort& port, Payload& p) override {
    tlm::dma(p).push_hop(static_cast<std::uint16_t>(port.index()));
    line_.push(&p, now() + kMemoryLatency);
    return true;
  }
  void done(Payload* p) {
    tlm::DmaExtension& x = tlm::dma(*p);
    const bool ok = x.traffic == tlm::Traffic::dma ? device_access(*p) : access(*p);
    p->set_response_status(ok ? ::tlm::TLM_OK_RESPONSE : ::tlm::TLM_ADDRESS_ERROR_RESPONSE);
    (x.pop_hop() == 0 ? downstream : walk).respond(*p);
  }
  unsigned debug(tlm::TargetPort&, Payload&) override { return 0; }

  bool device_access(const Payload& p) {
    device_accesses.push_back(p.get_address());
    return true;
  }

  bool access(Payload& p) {
    const bool swap = tlm::dma(p).compare_and_swap;
    const unsigned bytes = swap ? p.get_data_length() / 2 : p.get_data_length();
    unsigned char* data = p.get_data_ptr();
    if (!swap && p.is_write()) return write(p.get_address(), bytes, data);
    if (overlaps(MemoryFault::Kind::access, p.get_address(), bytes)) return false;
    tlm::dma(p).poisoned = overlaps(MemoryFault::Kind::poison, p.get_address(), bytes);
    unsigned char old[64];
    for (unsigned i = 0; i < bytes; ++i) old[i] = byte(p.get_address() + i);
    const bool changes = swap && std::memcmp(old, data, bytes) == 0;
    std::memcpy(data, old, bytes);
    return !changes || tlm::dma(p).poisoned || write(p.get_address(), bytes, data + bytes);
  }
  bool write(std::uint64_t address, unsigned bytes, const unsigned char* data) {
    if (overlaps(MemoryFault::Kind::access, address, bytes) || overlaps(MemoryFault::Kind::read_only, address, bytes))
      return false;
    for (unsigned i = 0; i < bytes; ++i) {
      const std::uint64_t at = (address + i) & ~std::uint64_t{7};
      const unsigned shift = 8 * ((address + i) & 7);
      written.emplace(at, word(at));
      words_[at] = (word(at) & ~(std::uint64_t{0xff} << shift)) | std::uint64_t{data[i]} << shift;
    }
    return true;
  }
  unsigned char byte(std::uint64_t a) const {
    return static_cast<unsigned char>(word(a & ~std::uint64_t{7}) >> (8 * (a & 7)));
  }
  bool overlaps(MemoryFault::Kind kind, std::uint64_t address, unsigned bytes) const {
    return std::any_of(faults.begin(), faults.end(),
                       [&](const MemoryFault& f) { return f.kind == kind && f.overlaps(address, bytes); });
  }

  std::unordered_map<std::uint64_t, std::uint64_t> words_;
  tlm::DelayLine<Payload*> line_;
};

/// Devices and software, as far as they use sockets: sends a payload and keeps it until the response.
class Outside : public tlm::Module, private tlm::InitiatorPort::Owner, private tlm::TargetPort::Owner {
 public:
  Outside(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context),
        requests("requests", context, *this),
        registers("registers", context, *this),
        messages("messages", context, *this) {}

  tlm::InitiatorPort requests, registers;
  tlm::TargetPort messages;
  std::vector<pcie::MessageTlp> received;
  bool answered = false;

  Payload& fresh() { return pool().acquire(); }
  tlm::PayloadPool& payloads() { return pool(); }
  void send(tlm::InitiatorPort& port, Payload& p) {
    answered = false;
    port.send(p);
  }

 private:
  void response(tlm::InitiatorPort&, Payload&) override { answered = true; }
  bool request(tlm::TargetPort& port, Payload& p) override {
    received.push_back(pcie::message_of(p));
    p.set_response_status(::tlm::TLM_OK_RESPONSE);
    port.respond(p);
    return true;
  }
  unsigned debug(tlm::TargetPort&, Payload&) override { return 0; }
};

class TimedMachine : public Machine, private iommu::UnitObserver {
 public:
  TimedMachine(const iommu::riscv::RiscvConfig& config, const iommu::RemappingUnitConfig& unit)
      : outside_("outside", simulation_.context),
        memory_("memory", simulation_.context),
        unit_("iommu", simulation_.context, unit, config.make_architecture(), 1) {
    outside_.requests.bind(unit_.upstream(0));
    outside_.registers.bind(unit_.registers);
    unit_.downstream.bind(memory_.downstream);
    unit_.walk.bind(memory_.walk);
    unit_.messages.bind(outside_.messages);
    unit_.observe(this);
  }

  std::uint64_t read_memory(std::uint64_t a) override { return memory_.word(a); }
  void write_memory(std::uint64_t a, std::uint64_t word) override { memory_.set(a, word); }
  std::uint64_t read_register(std::uint64_t offset, unsigned bytes) override {
    std::uint64_t value = 0;
    access_register(::tlm::TLM_READ_COMMAND, offset, bytes, value);
    return value;
  }
  void write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) override {
    access_register(::tlm::TLM_WRITE_COMMAND, offset, bytes, value);
  }

  DmaResult dma(const iommu::Request& r) override {
    using Kind = iommu::Outcome::Kind;
    Payload& p = outside_.fresh();
    outside_.payloads().use_scratch(p, std::max(r.bytes, 1u));
    p.set_command(r.needed.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
    p.set_address(r.address);
    set_requester(p, r);
    tlm::dma(p).at = r.at;
    tlm::dma(p).execute = r.needed.execute;
    outcome_ = {};
    memory_.device_accesses.clear();
    finish(outside_.requests, p);

    DmaResult out;
    const iommu::Outcome& o = outcome_;
    out.ok = o.kind != Kind::fault;
    out.cause = tlm::dma(p).fault_reason;
    const bool seen = p.is_response_ok() && tlm::dma(p).status == tlm::CompletionStatus::ok;
    check(r.needed.write || seen == out.ok, "the device sees another end of its read than the unit");
    const bool downstream = o.kind == Kind::passed || o.kind == Kind::translated;
    check(memory_.device_accesses.size() == (downstream ? 1u : 0u), "the request does not go where its outcome says");
    if (downstream) out.address = memory_.device_accesses.front();
    if (o.kind == Kind::translated) {
      out.memory_type = o.translation.memory_type;
      out.size_log2 = o.translation.size_log2;
      out.interrupt = o.translation.interrupt;
    }
    if (o.kind == Kind::stored) out.file = DmaResult::File{o.address, o.interrupt.address, o.interrupt.data};
    p.release();
    return out;
  }

  iommu::AtsCompletion translate(const iommu::Request& r) override {
    Payload& p = outside_.fresh();
    pcie::fill_translation_request(outside_.payloads(), p, r.address, 1, !r.needed.write, r.source);
    set_requester(p, r);
    tlm::dma(p).execute = r.needed.execute;
    tlm::dma(p).cxl = r.cxl;
    completion_ = {};
    finish(outside_.requests, p);

    using Status = iommu::AtsCompletion::Status;
    iommu::AtsCompletion out = completion_;
    switch (tlm::dma(p).status) {
      case tlm::CompletionStatus::ok: out.status = Status::success; break;
      case tlm::CompletionStatus::completer_abort: out.status = Status::completer_abort; break;
      default: out.status = Status::unsupported_request;
    }
    if (out.status == Status::success) {
      const pcie::Translation t = pcie::decode_translation(pcie::read_entry(p, 0));
      out.rights = iommu::Rights{t.read, t.write, t.execute};
      out.untranslated_only = t.untranslated_only;
      out.privileged = t.privileged;
      out.global = t.global;
      out.address = t.address;
      out.size_log2 = t.size_log2;
    }
    p.release();
    return out;
  }
  bool translation_requests_carry_offsets() const override { return false; }

  void page_request(const iommu::PageRequest& r) override {
    pcie::PageRequestMessage m;
    m.page = r.address;
    m.group = r.group;
    m.last = r.last;
    m.write = r.write;
    m.read = r.read;
    Payload& p = outside_.fresh();
    pcie::MessageTlp tlp = pcie::message_of(m);
    tlp.has_pasid = r.has_pasid;
    tlp.prefix = {r.pasid, r.execute, r.privileged};
    send_message(p, tlp, r.source, r.has_segment);
  }

  bool invalidation_completed(iommu::SourceId device, bool has_segment, std::uint32_t tags, unsigned count) override {
    pcie::InvalidateCompletion c;
    c.itags = tags;
    c.count = static_cast<std::uint8_t>(count);
    expected_ = false;
    send_message(outside_.fresh(), pcie::message_of(c, base::Bdf(0)), device, has_segment);
    return expected_;
  }
  void invalidation_timed_out(std::uint32_t tags) override {
    unit_.invalidation_timed_out(tags);
    run();
  }

  void set_faults(std::vector<MemoryFault> faults) override { memory_.faults = std::move(faults); }
  std::map<std::uint64_t, std::uint64_t> take_written() override { return std::exchange(memory_.written, {}); }
  std::vector<SentMessage> take_messages() override {
    check(outside_.received.size() == sent_.size(), "messages to devices get lost");
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      const pcie::MessageTlp& tlp = outside_.received[i];
      const bool invalidation = sent_[i].message.kind == iommu::DeviceMessage::Kind::invalidation_request;
      check((invalidation ? tlp.data : tlp.body) == sent_[i].message.body, "a message changes on its way");
      if (invalidation) sent_[i].tag = tlp.tag;
    }
    outside_.received.clear();
    return std::exchange(sent_, {});
  }
  std::optional<std::pair<bool, bool>> take_ordering() override { return std::exchange(ordering_, std::nullopt); }

 private:
  static void check(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  }
  static void set_requester(Payload& p, const iommu::Request& r) {
    tlm::DmaExtension& x = tlm::dma(p);
    x.requester = r.source;
    x.has_pasid = r.has_pasid;
    x.pasid = r.pasid;
    x.privileged = r.privileged;
  }
  void run() {
    simulation_.scheduler.run_until(simulation_.scheduler.now() + Time::ms(1));
    check(unit_.waits_for_devices() || unit_.quiescent(), "the unit does not become quiescent");
  }
  /// The payload stays the caller's, to be released.
  void finish(tlm::InitiatorPort& port, Payload& p) {
    outside_.send(port, p);
    run();
    check(outside_.answered, "a request is never answered");
  }
  void send_message(Payload& p, const pcie::MessageTlp& tlp, iommu::SourceId source, bool has_segment) {
    pcie::fill(outside_.payloads(), p, tlp, source);
    tlm::dma(p).has_segment = has_segment;
    finish(outside_.requests, p);
    p.release();
  }
  void access_register(::tlm::tlm_command command, std::uint64_t offset, unsigned bytes, std::uint64_t& value) {
    Payload& p = outside_.fresh();
    unsigned char* data = outside_.payloads().use_buffer(p, bytes);
    std::memcpy(data, &value, bytes);
    p.set_command(command);
    p.set_address(offset);
    tlm::dma(p).space = tlm::AddressSpace::mmio;
    finish(outside_.registers, p);
    check(p.is_response_ok(), "a register access is refused");
    std::memcpy(&value, p.get_data_ptr(), bytes);
    p.release();
  }

  // What the wire does not tell.
  void left(const iommu::Request&, const iommu::Outcome& outcome, Time) override { outcome_ = outcome; }
  void answered(const iommu::Request&, const iommu::AtsCompletion& c, Time) override { completion_ = c; }
  void sent(const iommu::DeviceMessage& message, std::uint8_t tag) override {
    sent_.push_back(SentMessage{message, tag});
  }
  void invalidation_completed(iommu::SourceId, bool expected) override { expected_ = expected; }
  void ordered(bool reads, bool writes) override { ordering_ = std::pair(reads, writes); }

  tlm::Simulation simulation_;
  Outside outside_;
  Memory memory_;
  iommu::RemappingUnit unit_;
  iommu::Outcome outcome_;
  iommu::AtsCompletion completion_;
  std::vector<SentMessage> sent_;
  std::optional<std::pair<bool, bool>> ordering_;
  bool expected_ = false;
};

}  // namespace

std::unique_ptr<Machine> make_timed_machine(const iommu::riscv::RiscvConfig& config,
                                            const iommu::RemappingUnitConfig& unit) {
  return std::make_unique<TimedMachine>(config, unit);
}

}  // namespace iommusim::conformance
