// The fake architecture with what only some real ones have: process contexts, translation and page requests, queues of
// records, debug translation, an interrupt file in memory, a performance monitor.
//   context of a source: bit 2: requests with a PASID need a process context
//   process context of PASID p: word at 0x4000 + 8 p: bit 0 present, 31:16 domain
//   records: 16 bytes each; faults from 0x6000 on {reason, address}, page requests from 0x7000 on {source, address};
//   each is announced by an interrupt to 0xfee02000 (faults) or 0xfee03000 (page requests), data: its number
//   page 7 of every domain leads to the interrupt file at 0x9000, notice 0xfee04000 with data 0x99
// Registers: offset 8 write of an address above 1: debug translation of that address, answer in `debug`.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "models/pcie/messages.h"
#include "tests/unit/core/fixture.h"

namespace iommusim::test {

class FullArchitecture : public FakeArchitecture {
 public:
  bool walk_translated = false;  ///< translated requests are walked, not passed
  bool refuse_privileged = false;
  std::array<unsigned, 8> counted{};
  std::vector<PageRequest> page_requests;
  std::vector<FaultKind> page_faults;  ///< why their context was not found
  std::vector<InterruptMessage> failed_interrupts;
  std::optional<Translation> debug;
  unsigned debug_answers = 0;
  std::uint64_t fault_records = 0, page_records = 0;
  unsigned refused_records = 0;
  bool counts = false;

  static constexpr std::uint64_t kFaults = 0x6000, kPages = 0x7000, kFile = 0x9000;

  RequestClass classify(const Request& r) const override {
    if (r.at == AddressType::translation_request) return RequestClass::ats_request;
    if (r.at == AddressType::translated) return RequestClass::translated;
    return FakeArchitecture::classify(r);
  }
  std::optional<std::uint64_t> process_key(const Context& c, const Request& r) const override {
    if ((c.words[0] & 4) == 0 || !r.has_pasid) return std::nullopt;
    return std::uint64_t{r.source.value()} << 20 | r.pasid.value();
  }
  std::uint64_t context_key(const Request& r) const override { return std::uint64_t{r.source.value()} << 20; }
  std::optional<Fault> check_request(const Context&, const Request& r) const override {
    if (refuse_privileged && r.privileged) return Fault{FaultKind::blocked, 0x30, true};
    return std::nullopt;
  }
  bool passes_through(const Context& c, const Request& r) const override {
    return (r.at == AddressType::translated && !walk_translated) || c.mode != ContextMode::translate;
  }
  const Step& begin(Walk& w) const override {
    if (w.kind != WalkKind::process) return FakeArchitecture::begin(w);
    Step s;
    s.kind = Step::Kind::read;
    s.structure = Structure::pasid_entry;
    s.address = Hpa(0x4000 + 8 * w.request.pasid.value());
    s.bytes = 8;
    return w.step = s;
  }
  const Step& resume(Walk& w, const StepResult& r) const override {
    const std::uint64_t word = r.words[0];
    if (w.kind == WalkKind::process) return w.step = process(word);
    FakeArchitecture::resume(w, r);
    if (w.step.kind == Step::Kind::context_found) w.step.context.words[0] = word;
    if (w.step.kind == Step::Kind::translated && w.request.address >> 12 == 7) {
      w.step.kind = Step::Kind::interrupt_stored;
      w.step.address = Hpa(kFile);
      w.step.interrupt = InterruptMessage{0xfee04000, 0x99};
    }
    return w.step;
  }
  std::optional<InterruptFileUpdate> interrupt_file_update(const Request& r, Hpa file) const override {
    if (r.data == 0) return std::nullopt;
    return InterruptFileUpdate{file, file + 8, std::uint64_t{1} << r.data};
  }

  Effects write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) override {
    if (offset != 8 || value <= 1) return FakeArchitecture::write_register(offset, bytes, value);
    debug_address_ = value;
    Effects e;
    e.debug_translation = true;
    return e;
  }
  Request debug_request() const override {
    Request r;
    r.source = SourceId(8);
    r.address = debug_address_;
    r.needed = kRead;
    r.debug = true;
    return r;
  }
  Effects debug_response(const Translation* t) override {
    ++debug_answers;
    if (t != nullptr) debug = *t;
    return {};
  }

  Effects record_fault(const FaultEvent& e) override {
    recorded.push_back(e);
    Effects effects;
    effects.record = record(RecordQueue::fault, kFaults + 16 * fault_records, e.fault.reason, e.request.address);
    return effects;
  }
  Effects page_request(const PageRequest& p, const Context* context, const Fault& fault) override {
    page_requests.push_back(p);
    page_faults.push_back(context == nullptr ? fault.kind : FaultKind::none);
    Effects effects;
    if (context == nullptr) {
      effects.message.emplace();
      effects.message->kind = DeviceMessage::Kind::page_response;
      effects.message->device = p.source;
      effects.message->body = page_response_body(p.source, PageResponseCode::invalid_request, p.group);
    } else {
      effects.record = record(RecordQueue::page_request, kPages + 16 * page_records, p.source.value(), p.address);
    }
    return effects;
  }
  Effects record_written(RecordQueue queue, bool ok) override {
    Effects effects;
    if (!ok) {
      ++refused_records;
      return effects;
    }
    const bool fault = queue == RecordQueue::fault;
    const std::uint64_t n = fault ? fault_records++ : page_records++;
    effects.interrupt = InterruptMessage{fault ? 0xfee02000u : 0xfee03000u, static_cast<std::uint32_t>(n)};
    return effects;
  }
  Effects interrupt_failed(const InterruptMessage& m) override {
    failed_interrupts.push_back(m);
    return {};
  }
  bool counting() const override { return counts; }
  Effects count(PerformanceEvent event, const Request&, const Context*) override {
    ++counted[static_cast<unsigned>(event)];
    return {};
  }

 private:
  static Step process(std::uint64_t word) {
    Step s;
    if ((word & 1) == 0) {
      s.fault = Fault{FaultKind::context_absent, 0x12, true};
      return s;
    }
    s.kind = Step::Kind::context_found;
    s.context.domain = DomainId(static_cast<std::uint32_t>(word >> 16 & 0xffff));
    s.context.mode = ContextMode::translate;
    return s;
  }
  static QueueRecord record(RecordQueue queue, std::uint64_t at, std::uint64_t word0, std::uint64_t word1) {
    QueueRecord r;
    r.queue = queue;
    r.address = Hpa(at);
    r.words = {word0, word1, 0, 0};
    return r;
  }
  std::uint64_t debug_address_ = 0;
};

/// Source 8 needs process contexts for its PASIDs 1 to 3, which have domain 1; 4 has none.
struct FullBench : Bench {
  explicit FullBench(const RemappingUnitConfig& config = defaults(), unsigned levels = 1)
      : Bench(config, levels, std::make_unique<FullArchitecture>()),
        full(static_cast<FullArchitecture&>(*architecture)) {
    memory.set_word(0x1000 + 8 * 8, memory.word(0x1000 + 8 * 8) | 4);
    for (unsigned pasid = 1; pasid < 4; ++pasid) memory.set_word(0x4000 + 8 * pasid, 1u | 1u << 16);
    requester.prepare = [this](std::size_t i, tlm::Payload& p) {
      const auto found = prepare.find(i);
      if (found != prepare.end()) found->second(p);
    };
  }
  std::size_t read_as(Time at, std::uint64_t address, unsigned pasid) {
    const auto i = requester.read(at, address);
    prepare[i] = [pasid](tlm::Payload& p) {
      tlm::dma(p).has_pasid = true;
      tlm::dma(p).pasid = Pasid(pasid);
    };
    return i;
  }
  std::size_t translate(Time at, std::uint64_t address, bool no_write = false) {
    const auto i = requester.read(at, address | (no_write ? 1u : 0u), base::SourceId(8), 8);
    prepare[i] = [](tlm::Payload& p) { tlm::dma(p).at = AddressType::translation_request; };
    return i;
  }
  std::size_t message(Time at, const pcie::MessageTlp& m, base::SourceId source = base::SourceId(8)) {
    const auto i = requester.write(at, 0, source);
    prepare[i] = [this, m, source, i](tlm::Payload& p) {
      p.set_data_length(0);
      pcie::fill(simulation.pool, p, m, source);
      tlm::dma(p).dma = static_cast<std::uint32_t>(i);
    };
    return i;
  }
  std::size_t ask_for_page(Time at, std::uint64_t page, base::SourceId source = base::SourceId(8)) {
    pcie::PageRequestMessage m;
    m.page = page;
    m.group = 5;
    m.last = m.read = true;
    return message(at, pcie::message_of(m), source);
  }
  /// Accesses of the unit's own to [first, last], in order.
  std::vector<FixedMemory::Access> accesses(std::uint64_t first, std::uint64_t last) const {
    std::vector<FixedMemory::Access> out;
    for (const auto& a : memory.accesses) {
      if (a.address >= first && a.address <= last) out.push_back(a);
    }
    return out;
  }
  pcie::Translation answer(std::size_t i) const { return pcie::decode_translation(__builtin_bswap64(sent(i).value)); }

  FullArchitecture& full;
  std::map<std::size_t, std::function<void(tlm::Payload&)>> prepare;
};

}  // namespace iommusim::test
