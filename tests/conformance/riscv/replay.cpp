#include "tests/conformance/riscv/replay.h"

#include "models/iommu/arch/riscv/records.h"
#include "models/iommu/arch/riscv/registers.h"
#include "tests/conformance/riscv/compare.h"

namespace iommusim::conformance {

namespace {

using namespace iommu::riscv;
using iommu::Pasid;
using iommu::Request;
using iommu::Rights;
using iommu::SourceId;

constexpr unsigned kCommandBytes = 16;

std::vector<MemoryFault> faults_of(const Json& list) {
  std::vector<MemoryFault> out;
  for (const Json& f : list) {
    const std::string kind = f.at(2).get<std::string>();
    const auto k = kind == "access"   ? MemoryFault::Kind::access
                   : kind == "poison" ? MemoryFault::Kind::poison
                   : kind == "ro"     ? MemoryFault::Kind::read_only
                                      : throw std::invalid_argument("unknown kind of memory fault '" + kind + "'");
    out.push_back(MemoryFault{number(f.at(0)), number(f.at(1)), k});
  }
  return out;
}

class Replay {
 public:
  Replay(const Scenario& s, Machine& m) : scenario_(s), machine_(m), drain_(number(s.header, "auto_drain") != 0) {}

  void set_up() {
    for (const auto& [address, word] : scenario_.memory) machine_.write_memory(address, word);
    machine_.set_faults(faults_of(scenario_.header.at("mem_faults")));
    for (const Json& w : scenario_.header.at("init"))
      machine_.write_register(number(w.at(0)), static_cast<unsigned>(number(w.at(1))), number(w.at(2)));
    machine_.take_written();
  }

  void set_drain(bool on) { drain_ = on; }
  bool draining() const { return drain_; }

  /// Does an operation; the members of its result as the vectors name them.
  Json run(const Json& op) {
    machine_.take_written();
    machine_.take_messages();
    machine_.take_ordering();
    Json got = Json::object();
    const std::string kind = op.at("op").get<std::string>();
    if (kind == "dma")
      dma(op, got);
    else if (kind == "ats")
      ats(op, got);
    else if (kind == "pri")
      page_request(op, got);
    else if (kind == "cmd")
      commands(op, got);
    else if (kind == "mem")
      store(op);
    else if (kind == "memfault")
      machine_.set_faults(faults_of(op.at("set")));
    else if (kind == "reg_write")
      write_register(op, got);
    else if (kind == "reg_read")
      got["val"] = hex(machine_.read_register(number(op, "off"), size_of(op)));
    else if (kind == "inval_completion")
      completion(op, got);
    else if (kind == "inval_timeout")
      time_out(op, got);
    else if (kind == "dbg")
      debug(op, got);
    else
      throw std::invalid_argument("unknown operation '" + kind + "'");
    outcome(got);
    // The registers say that a debug translation failed; why, its record says.
    if (kind == "dbg" && !got["fq"].empty()) got["cause"] = got["fq"][0]["cause"];
    return got;
  }

 private:
  static unsigned size_of(const Json& op) { return static_cast<unsigned>(number(op, "size")); }
  std::uint32_t read32(std::uint64_t offset) { return static_cast<std::uint32_t>(machine_.read_register(offset, 4)); }
  bool big_endian() { return (read32(reg::kFctl) & feature::kBigEndian) != 0; }

  static Request request_of(const Json& op) {
    Request r;
    r.source = SourceId(static_cast<std::uint32_t>(number(op, "did")));
    r.has_pasid = number(op, "pv") != 0;
    r.pasid = Pasid(static_cast<std::uint32_t>(number(op, "pid")));
    r.privileged = number(op, "priv") != 0;
    r.address = number(op, "iova");
    r.bytes = static_cast<std::uint32_t>(number(op, "len"));
    return r;
  }

  void dma(const Json& op, Json& got) {
    Request r = request_of(op);
    if (op.at("at") == "translated") r.at = iommu::AddressType::translated;
    const std::string access = op.at("acc").get<std::string>();
    r.needed = Rights{access == "read", access == "write", access == "exec"};
    const DmaResult d = machine_.dma(r);
    got["status"] = d.ok ? "OK" : "UR";
    if (!d.ok) {
      got["cause"] = d.cause;
      return;
    }
    got["pbmt"] = d.memory_type;
    got["size"] = hex(std::uint64_t{1} << d.size_log2);
    if (d.interrupt) got["msi"] = 1;
    if (d.file) {
      got["mrif"] = Json{{"addr", hex(d.file->address)}, {"nid", d.file->notice_data}, {"notice", hex(d.file->notice)}};
    } else {
      got["pa"] = hex(d.address);
    }
  }

  void ats(const Json& op, Json& got) {
    Request r = request_of(op);
    r.at = iommu::AddressType::translation_request;
    r.needed = Rights{true, number(op, "nw") == 0, number(op, "exec") != 0};
    r.cxl = number(op, "cxl") != 0;
    const iommu::AtsCompletion a = machine_.translate(r);
    using Status = iommu::AtsCompletion::Status;
    got["status"] = a.status == Status::success ? "OK" : a.status == Status::completer_abort ? "CA" : "UR";
    if (a.fault.reason != 0) got["cause"] = a.fault.reason;
    got["r"] = a.rights.read ? 1 : 0;
    got["w"] = a.rights.write ? 1 : 0;
    got["x"] = a.rights.execute ? 1 : 0;
    if (a.interrupt) got["msi"] = 1;
    got["u"] = a.untranslated_only ? 1 : 0;
    got["priv"] = a.privileged ? 1 : 0;
    got["n"] = 0;    // this model never sets it
    got["ama"] = 0;  // nor this
    got["global"] = a.global ? 1 : 0;
    got["cxl_io"] = a.cxl_io ? 1 : 0;
    got["addr"] = hex(a.address);
    got["size"] = hex(std::uint64_t{1} << a.size_log2);
    got["pbmt"] = a.memory_type;
  }

  void page_request(const Json& op, Json& got) {
    iommu::PageRequest p;
    p.has_segment = number(op, "dsv") != 0;
    p.source = SourceId(static_cast<std::uint32_t>(number(op, "rid") | (p.has_segment ? number(op, "dseg") << 16 : 0)));
    p.has_pasid = number(op, "pv") != 0;
    p.pasid = Pasid(static_cast<std::uint32_t>(number(op, "pid")));
    p.privileged = number(op, "priv") != 0;
    p.execute = number(op, "exec") != 0;
    set_payload(p, number(op, "payload"));
    machine_.page_request(p);
    const std::uint32_t status = read32(reg::kPqcsr);
    got["pqof"] = (status & csr::kOverflow) != 0 ? 1 : 0;
    got["pqmf"] = (status & csr::kMemoryFault) != 0 ? 1 : 0;
  }

  void commands(const Json& op, Json& got) {
    const std::uint64_t base = machine_.read_register(reg::kCqb, 8);
    const std::uint64_t mask = (std::uint64_t{2} << get(base, 4, 0)) - 1;
    std::uint32_t tail = read32(reg::kCqt);
    const bool big = big_endian();
    for (const Json& c : op.at("cmds")) {
      const std::uint64_t at = (get(base, 53, 10) << 12) + std::uint64_t{kCommandBytes} * tail;
      machine_.write_memory(at, in_order(number(c.at(0)), big));
      machine_.write_memory(at + 8, in_order(number(c.at(1)), big));
      tail = static_cast<std::uint32_t>((tail + 1) & mask);
    }
    machine_.write_register(reg::kCqt, 4, tail);
    queue_state(got);
  }

  void store(const Json& op) {
    for (const Json& w : op.at("w")) machine_.write_memory(number(w.at(0)), number(w.at(1)));
  }

  void write_register(const Json& op, Json& got) {
    machine_.write_register(number(op, "off"), size_of(op), number(op, "val"));
    queue_state(got);
  }

  std::uint32_t tags_of(const Json& op) const {
    std::uint32_t tags = 0;
    for (const Json& n : op.at("of")) tags |= 1u << tags_.at(number(n));
    return tags;
  }
  void completion(const Json& op, Json& got) {
    const bool has_segment = number(op, "dsv") != 0;
    const SourceId device(static_cast<std::uint32_t>(number(op, "rid") | (has_segment ? number(op, "dseg") << 16 : 0)));
    const bool expected =
        machine_.invalidation_completed(device, has_segment, tags_of(op), static_cast<unsigned>(number(op, "cc")));
    got["unexpected"] = expected ? 0 : 1;
    queue_state(got);
  }
  void time_out(const Json& op, Json& got) {
    machine_.invalidation_timed_out(tags_of(op));
    queue_state(got);
  }

  void debug(const Json& op, Json& got) {
    const std::uint64_t iova = number(op, "tr_req_iova");
    machine_.write_register(reg::kDebugIova, 8, iova);
    machine_.write_register(reg::kDebugControl, 8, number(op, "tr_req_ctl"));
    got["busy"] = machine_.read_register(reg::kDebugControl, 8) & 1;
    const std::uint64_t response = machine_.read_register(reg::kDebugResponse, 8);
    got["fault"] = response & 1;
    if ((response & 1) != 0) return;
    const std::uint64_t ppn = get(response, 53, 10);
    const unsigned order = get(response, 9) ? 1u + static_cast<unsigned>(__builtin_ctzll(~ppn)) : 0;
    const std::uint64_t inside = (std::uint64_t{1} << (12 + order)) - 1;
    got["pa"] = hex(((ppn << 12) & ~inside) | (iova & inside & ~std::uint64_t{0xfff}));
    got["size"] = hex(inside + 1);
    got["pbmt"] = get(response, 8, 7);
  }

  void queue_state(Json& got) {
    const std::uint32_t status = read32(reg::kCqcsr);
    got["cqh"] = read32(reg::kCqh);
    got["cqmf"] = (status & csr::kMemoryFault) != 0 ? 1 : 0;
    got["cmd_to"] = (status & csr::kTimeout) != 0 ? 1 : 0;
    got["cmd_ill"] = (status & csr::kIllegal) != 0 ? 1 : 0;
    got["fence_w_ip"] = (status & csr::kFenceInterrupt) != 0 ? 1 : 0;
    got["ipsr"] = read32(reg::kIpsr);
  }

  struct Queue {
    std::uint64_t base_register, head_register, tail_register;
    unsigned bytes;
  };
  static constexpr Queue kFaults{reg::kFqb, reg::kFqh, reg::kFqt, 32};
  static constexpr Queue kPages{reg::kPqb, reg::kPqh, reg::kPqt, 16};

  /// True if an address lies in a queue that the IOMMU writes.
  bool in_queue(const Queue& q, std::uint64_t address) {
    const std::uint64_t base = machine_.read_register(q.base_register, 8);
    const std::uint64_t first = get(base, 53, 10) << 12;
    return address >= first && address < first + (std::uint64_t{2} << get(base, 4, 0)) * q.bytes;
  }

  /// The records between head and tail, read by software that then moves the head.
  Json drain(const Queue& q) {
    Json list = Json::array();
    const std::uint64_t base = machine_.read_register(q.base_register, 8);
    const std::uint32_t mask = static_cast<std::uint32_t>((std::uint64_t{2} << get(base, 4, 0)) - 1);
    const bool big = big_endian();
    const std::uint32_t tail = read32(q.tail_register);
    std::uint32_t head = read32(q.head_register);
    if (head == tail) return list;
    for (; head != tail; head = (head + 1) & mask) {
      std::array<std::uint64_t, 4> w{};
      for (unsigned i = 0; i < q.bytes / 8; ++i)
        w[i] = in_order(machine_.read_memory((get(base, 53, 10) << 12) + std::uint64_t{q.bytes} * head + 8 * i), big);
      list.push_back(q.bytes == 32 ? fault_json(w) : page_json(w));
    }
    machine_.write_register(q.head_register, 4, tail);
    return list;
  }
  static Json fault_json(const std::array<std::uint64_t, 4>& w) {
    const FaultRecord r = decode_fault_record(w);
    Json j{{"cause", r.cause},         {"ttyp", static_cast<unsigned>(r.type)},
           {"did", r.device},          {"pv", r.has_process ? 1 : 0},
           {"pid", r.process},         {"priv", r.privileged ? 1 : 0},
           {"iotval", hex(r.address)}, {"iotval2", hex(r.address2)}};
    if (w != encode(r)) j["reserved"] = "not zero";
    return j;
  }
  static Json page_json(const std::array<std::uint64_t, 4>& w) {
    const iommu::PageRequest r = decode_page_request({w[0], w[1]});
    return Json{{"did", r.source.value()},      {"pv", r.has_pasid ? 1 : 0}, {"pid", r.pasid.value()},
                {"priv", r.privileged ? 1 : 0}, {"exec", r.execute ? 1 : 0}, {"payload", hex(w[1])}};
  }

  Json messages() {
    Json list = Json::array();
    for (const SentMessage& m : machine_.take_messages()) {
      const bool invalidation = m.message.kind == iommu::DeviceMessage::Kind::invalidation_request;
      Json j{{"type", invalidation ? "inval_req" : "prgr"}, {"rid", m.message.device.value() & 0xffff}};
      if (invalidation) {
        j["n"] = tags_.size();
        tags_[tags_.size()] = m.tag;
      }
      j["dsv"] = m.message.has_segment ? 1 : 0;
      if (m.message.has_segment) j["dseg"] = m.message.device.value() >> 16;
      j["pv"] = m.message.has_pasid ? 1 : 0;
      if (m.message.has_pasid) j["pid"] = m.message.pasid.value();
      j["payload"] = hex(m.message.body);
      list.push_back(j);
    }
    return list;
  }

  /// What any operation may leave: records, messages, words written.
  void outcome(Json& got) {
    Json words = Json::object(), changed = Json::object();
    for (const auto& [address, before] : machine_.take_written()) {
      const std::uint64_t now = machine_.read_memory(address);
      words[hex(address)] = hex(now);
      if (now != before && !in_queue(kFaults, address) && !in_queue(kPages, address)) changed[hex(address)] = hex(now);
    }
    got["words"] = words;
    got["changed"] = changed;
    got["fq"] = drain_ ? drain(kFaults) : Json::array();
    got["pq"] = drain_ ? drain(kPages) : Json::array();
    got["msg"] = messages();
    const auto order = machine_.take_ordering();
    got["sync"] = order ? Json::array({order->first ? 1 : 0, order->second ? 1 : 0}) : Json(nullptr);
  }

  const Scenario& scenario_;
  Machine& machine_;
  bool drain_;
  std::map<std::uint64_t, unsigned> tags_;  ///< of invalidation requests, by running number
};

/// Expected results with page offsets of addresses in fault records taken away, as an IOMMU may leave them out.
Json without_offsets(Json expected) {
  constexpr std::uint64_t kPages = ~std::uint64_t{0xfff}, kPagesAndFlags = ~std::uint64_t{0xffc};
  if (!expected.contains("fq")) return expected;
  for (Json& record : expected["fq"]) {
    record["iotval"] = hex(number(record.at("iotval")) & kPages);
    record["iotval2_mask"] = hex(number(record, "iotval2_mask", ~std::uint64_t{0}) & kPagesAndFlags);
  }
  return expected;
}

/// Nothing, if the operation gave what is expected or one of the alternatives.
std::string disagreement(const Json& op, const Json& got, bool draining, bool offsets) {
  const auto differ = [&](const Json& expected) {
    return differences(op, offsets ? expected : without_offsets(expected), got, draining);
  };
  const std::string first = differ(op.at("exp"));
  if (first.empty() || !op.contains("alt")) return first;
  for (const Json& other : op.at("alt")) {
    if (differ(other).empty()) return {};
  }
  return first + " (and no alternative fits)";
}

}  // namespace

RiscvConfig config_of(const Scenario& scenario) {
  const Json& h = scenario.header;
  RiscvConfig c = RiscvConfig::from_capabilities(number(h, "capabilities"));
  const std::uint64_t fctl = number(h, "fctl");
  c.big_endian = (fctl & feature::kBigEndian) != 0;
  c.wired = (fctl & feature::kWired) != 0;
  c.guest_32 = (fctl & feature::kGuest32) != 0;
  c.guest_32_writable = number(h, "gxl_writable") != 0;
  c.big_endian_writable = number(h, "be_writable") != 0;
  c.vector_bits = static_cast<std::uint8_t>(number(h, "icvec_bits"));
  // The vectors take such contexts for misconfigured, as their model does; the specification leaves it open.
  c.msi_without_second_stage = false;
  if (c.capabilities() != number(h, "capabilities"))
    throw BadFile(scenario.file + ":1: capabilities " + hex(number(h, "capabilities")) +
                  " have features this model lacks; it would report " + hex(c.capabilities()));
  return c;
}

Tally replay(const Scenario& scenario, Machine& machine, const std::function<void(const std::string&)>& report) {
  Tally tally;
  Replay run(scenario, machine);
  unsigned line = 1;
  try {
    run.set_up();
    for (const Line& step : scenario.steps) {
      line = step.number;
      const Json& op = step.json;
      if (op.at("t") == "drain") {
        run.set_drain(number(op, "auto") != 0);
        continue;
      }
      const bool offsets = op.at("op") != "ats" || machine.translation_requests_carry_offsets();
      const std::string wrong = disagreement(op, run.run(op), run.draining(), offsets);
      const bool free = scenario.implementation_defined ||
                        (op.contains("note") && op.at("note").get<std::string>().rfind("impl:", 0) == 0);
      ++(wrong.empty() ? tally.passed : free ? tally.skipped : tally.failed);
      if (!wrong.empty() && !free) {
        Json inputs = op;
        inputs.erase("exp");
        inputs.erase("alt");
        inputs.erase("t");
        report(scenario.file + ":" + std::to_string(line) + ": " + inputs.dump() + ": " + wrong);
      }
    }
  } catch (const BadFile&) {
    throw;
  } catch (const std::exception& e) {
    throw BadFile(scenario.file + ":" + std::to_string(line) + ": " + e.what());
  }
  return tally;
}

}  // namespace iommusim::conformance
