#include "models/memory/memory_system.h"

#include <fmt/format.h>

#include <algorithm>

namespace iommusim::mem {

using tlm::Payload;
using tlm::TargetPort;

namespace {
// Lines of data that an access moves; a zero-length read moves none.
unsigned lines_of(const Payload& payload) {
  const unsigned bytes = tlm::bytes_touched(payload, tlm::dma(payload));
  return bytes == 0 ? 0 : static_cast<unsigned>((payload.get_address() % kLineBytes + bytes - 1) / kLineBytes + 1);
}
}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
MemorySystem::MemorySystem(::sc_core::sc_module_name name, tlm::Context& context, const MemoryConfig& config,
                           std::vector<unsigned> port_nodes, DramModel dram)
    : Module(name, context),
      config_(config),
      port_nodes_(std::move(port_nodes)),
      remote_(config.nodes),
      done_(context.scheduler, std::string(this->name()) + ".pending", tlm::delegate<&MemorySystem::respond>(this)),
      lanes_(context, "memory", this->name()) {
  for (unsigned i = 0; i < config.nodes; ++i) {
    const std::string node = config.nodes == 1 ? this->name() : fmt::format("{}.node{}", this->name(), i);
    nodes_.push_back(
        std::make_unique<MemoryNode>(context, config_, i, node, dram, tlm::delegate<&MemorySystem::finish>(this)));
  }
  make_links();
  for (unsigned i = 0; i < port_nodes_.size(); ++i) {
    if (port_nodes_[i] >= config.nodes) fatal(fmt::format("port {} is of node {}, which is none", i, port_nodes_[i]));
    ports_.push_back(std::make_unique<TargetPort>(fmt::format("port{}", i).c_str(), context,
                                                  static_cast<TargetPort::Owner&>(*this), i));
    ports_.back()->set_default_space(tlm::AddressSpace::hpa);
  }
  add_stats();
}

void MemorySystem::make_links() {
  links_.resize(std::size_t{config_.nodes} * config_.nodes);
  for (unsigned from = 0; from < config_.nodes; ++from) {
    for (unsigned to = 0; to < config_.nodes; ++to) {
      if (from == to) continue;
      links_[from * config_.nodes + to] = std::make_unique<Link>(
          config_.socket_link.bandwidth, config_.socket_link.latency, scheduler(),
          fmt::format("{}.link{}_{}", name(), from, to), tlm::delegate<&MemorySystem::crossed>(this));
    }
  }
}

const MemoryRange* MemorySystem::range_of(Hpa at, std::uint64_t bytes) const {
  const auto found = std::find_if(config_.ranges.begin(), config_.ranges.end(), [&](const MemoryRange& range) {
    return at >= range.base && at - range.base < range.size.value() && bytes <= range.size.value() - (at - range.base);
  });
  return found == config_.ranges.end() ? nullptr : &*found;
}

void MemorySystem::warm(Hpa at, std::uint64_t bytes) {
  const MemoryRange* range = range_of(at, bytes);
  if (range == nullptr) fatal(fmt::format("{:#x} is not memory: it cannot be in a cache", at.value()));
  for (std::uint64_t line = at.value() / kLineBytes; line * kLineBytes < at.value() + bytes; ++line)
    nodes_[range->node]->warm(line);
}

bool MemorySystem::request(TargetPort& port, Payload& payload) {
  tlm::DmaExtension& extension = tlm::dma(payload);
  if (extension.space != tlm::AddressSpace::hpa) {
    fatal(fmt::format("an access to {:#x} arrives with an address that is not a host physical one",
                      payload.get_address()));
  }
  extension.stamp_now(tlm::Boundary::memory_start, now());
  in_flight_.add(now());
  const MemoryRange* range = range_of(Hpa(payload.get_address()), tlm::bytes_touched(payload, extension));
  payload.set_response_status(check(payload, extension, range));
  const auto node = static_cast<std::uint16_t>(port_nodes_[port.index()]);
  Access access{&payload, &extension, &port, node, node};
  if (!payload.is_response_ok() || payload.get_command() == ::tlm::TLM_IGNORE_COMMAND) {
    if (!payload.is_response_ok()) ++refused_;
    finish(access, now() + config_.llc.latency);
    return true;
  }
  KindStats& stats = of(extension.traffic);
  ++(payload.is_read() ? stats.reads : stats.writes);
  stats.bytes += payload.get_data_length();
  if (extension.store_data) transfer(payload);
  access.home = static_cast<std::uint16_t>(range->node);
  if (access.home == node) {
    start(access);
  } else {
    ++remote_[access.home];
    link(node, access.home).send({access, false}, payload.is_write() ? lines_of(payload) : 0);
  }
  return true;
}

void MemorySystem::start(Access access) {
  const Time done = nodes_[access.home]->start(access, of(access.extension->traffic));
  if (done != Time::max()) finish(access, done);
}

void MemorySystem::respond(Access access) {
  if (access.home == access.from) {
    answer(access);
  } else {
    const Payload& payload = *access.payload;
    const bool data = payload.is_read() || access.extension->compare_and_swap;
    link(access.home, access.from).send({access, true}, data ? lines_of(payload) : 0);
  }
}

void MemorySystem::crossed(Crossing crossing) { crossing.back ? answer(crossing.access) : start(crossing.access); }

void MemorySystem::answer(Access access) {
  in_flight_.sub(now());
  access.extension->stamp_now(tlm::Boundary::memory_done, now());
  if (lanes_.on() && tlm::traced(*access.extension)) draw(access);
  access.port->respond(*access.payload);
}

void MemorySystem::draw(const Access& access) {
  static constexpr std::array<const char*, tlm::kTrafficKinds> kFor{"", "walk ", "queue ", "core ", "MSI "};
  const tlm::DmaExtension& x = *access.extension;
  lanes_.slice(
      fmt::format("{}{} {}", kFor[static_cast<std::size_t>(x.traffic)], access.payload->is_read() ? "read" : "write",
                  access.payload->get_data_length()),
      x.stamp_at(tlm::Boundary::memory_start), now(), tlm::cause_of(x),
      {{"address", fmt::format("{:#x}", access.payload->get_address())}, {"node", std::uint64_t{access.home}}});
}

::tlm::tlm_response_status MemorySystem::check(const Payload& payload, const tlm::DmaExtension& extension,
                                               const MemoryRange* range) const {
  if (payload.get_command() == ::tlm::TLM_IGNORE_COMMAND) return ::tlm::TLM_OK_RESPONSE;
  if (range == nullptr) return ::tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (payload.get_streaming_width() < payload.get_data_length()) return ::tlm::TLM_BURST_ERROR_RESPONSE;
  if (extension.compare_and_swap &&
      (!payload.is_write() || (payload.get_data_length() != 16 && payload.get_data_length() != 8) ||
       payload.get_address() % (payload.get_data_length() / 2) != 0)) {
    return ::tlm::TLM_COMMAND_ERROR_RESPONSE;
  }
  return ::tlm::TLM_OK_RESPONSE;
}

// Of a compare-and-swap: leaves what memory held in the first operand.
void MemorySystem::swap(Hpa at, unsigned char* data, unsigned operand) {
  const auto word = [&](unsigned from) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < operand; ++i) value |= std::uint64_t{data[from + i]} << 8 * i;
    return value;
  };
  const std::uint64_t was = contents_.compare_and_swap(at, operand, word(0), word(operand));
  for (unsigned i = 0; i < operand; ++i) data[i] = static_cast<unsigned char>(was >> 8 * i);
}

// The bytes themselves.
void MemorySystem::transfer(Payload& payload) {
  const Hpa at(payload.get_address());
  unsigned char* data = payload.get_data_ptr();
  const unsigned bytes = payload.get_data_length();
  const auto* extension = payload.get_extension<tlm::DmaExtension>();
  if (extension != nullptr && extension->compare_and_swap) {
    swap(at, data, bytes / 2);
    return;
  }
  if (const unsigned char* enable = payload.get_byte_enable_ptr()) {
    for (unsigned i = 0; i < bytes; ++i) {
      if (enable[i % payload.get_byte_enable_length()] == TLM_BYTE_DISABLED) continue;
      payload.is_read() ? contents_.read(at + i, data + i, 1) : contents_.write(at + i, data + i, 1);
    }
    return;
  }
  payload.is_read() ? contents_.read(at, data, bytes) : contents_.write(at, data, bytes);
}

unsigned MemorySystem::debug(TargetPort&, Payload& payload) {
  const auto& extension = tlm::dma(payload);
  if (extension.space != tlm::AddressSpace::hpa) {
    fatal(fmt::format("a debug access to {:#x} arrives with an address that is not a host physical one",
                      payload.get_address()));
  }
  payload.set_response_status(
      check(payload, extension, range_of(Hpa(payload.get_address()), tlm::bytes_touched(payload, extension))));
  if (!payload.is_response_ok() || payload.get_command() == ::tlm::TLM_IGNORE_COMMAND) return 0;
  transfer(payload);
  return payload.get_data_length();
}

void MemorySystem::add_stats() {
  static constexpr std::array<const char*, tlm::kTrafficKinds> names{"dma", "walk", "queue", "cpu", "msi"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    base::Group& group = stats().group(names[i]);
    group.add("reads", kinds_[i].reads, "1", "Read requests");
    group.add("writes", kinds_[i].writes, "1", "Write requests");
    group.add("bytes", kinds_[i].bytes, "B", "Bytes asked for, read and written");
    group.add("llc_lines", kinds_[i].llc_lines, "1", "64-byte lines served by the last-level cache");
    group.add("dram_lines", kinds_[i].dram_lines, "1", "64-byte lines served by DRAM");
  }
  stats().add("in_flight", in_flight_, "1", "Requests inside, of all kinds");
  stats().add("refused", refused_, "1", "Requests answered with an error: outside DRAM, or malformed");
  for (unsigned i = 0; i < config_.nodes; ++i) {
    base::Group& node = config_.nodes == 1 ? stats() : stats().group(fmt::format("node{}", i));
    if (config_.nodes > 1) node.add("remote", remote_[i], "1", "Requests for this node's memory by another's port");
    nodes_[i]->add_stats(node);
  }
  for (unsigned i = 0; i < links_.size(); ++i) {
    if (links_[i] == nullptr) continue;
    links_[i]->add_stats(stats().group(fmt::format("link{}_{}", i / config_.nodes, i % config_.nodes)));
  }
}

}  // namespace iommusim::mem
