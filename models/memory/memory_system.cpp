#include "models/memory/memory_system.h"

#include <fmt/format.h>

#include <algorithm>

namespace iommusim::mem {

using tlm::Payload;
using tlm::TargetPort;

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
MemorySystem::MemorySystem(::sc_core::sc_module_name name, tlm::Context& context, const MemoryConfig& config,
                           unsigned ports)
    : Module(name, context),
      config_(config),
      llc_(config.llc, context.seed, std::string(this->name()) + ".llc"),
      dram_(config.dram),
      pending_(context.scheduler, std::string(this->name()) + ".pending", tlm::delegate<&MemorySystem::respond>(this)) {
  for (unsigned i = 0; i < ports; ++i) {
    ports_.push_back(std::make_unique<TargetPort>(fmt::format("port{}", i).c_str(), context,
                                                  static_cast<TargetPort::Owner&>(*this), i));
    ports_.back()->set_default_space(tlm::AddressSpace::hpa);
  }
  add_stats();
}

bool MemorySystem::contains(Hpa at, std::uint64_t bytes) const {
  return std::any_of(config_.ranges.begin(), config_.ranges.end(), [&](const MemoryRange& range) {
    return at >= range.base && at - range.base < range.size.value() && bytes <= range.size.value() - (at - range.base);
  });
}

bool MemorySystem::request(TargetPort& port, Payload& payload) {
  tlm::DmaExtension& extension = tlm::dma(payload);
  if (extension.space != tlm::AddressSpace::hpa) {
    fatal(fmt::format("an access to {:#x} arrives with an address that is not a host physical one",
                      payload.get_address()));
  }
  extension.stamp_now(tlm::Boundary::memory_start, now());
  Time done = now() + config_.llc.latency;
  payload.set_response_status(check(payload));
  if (!payload.is_response_ok()) {
    ++refused_;
  } else if (payload.get_command() != ::tlm::TLM_IGNORE_COMMAND) {
    KindStats& stats = of(extension.traffic);
    ++(payload.is_read() ? stats.reads : stats.writes);
    stats.bytes += payload.get_data_length();
    done = finish_time(payload, stats);
    if (extension.store_data) transfer(payload);
  }
  extension.stamp_now(tlm::Boundary::memory_done, done);
  pending_.push({&payload, &port}, done);
  return true;
}

void MemorySystem::respond(Pending pending) { pending.port->respond(*pending.payload); }

::tlm::tlm_response_status MemorySystem::check(const Payload& payload) const {
  if (payload.get_command() == ::tlm::TLM_IGNORE_COMMAND) return ::tlm::TLM_OK_RESPONSE;
  if (!contains(Hpa(payload.get_address()), payload.get_data_length())) return ::tlm::TLM_ADDRESS_ERROR_RESPONSE;
  if (payload.get_streaming_width() < payload.get_data_length()) return ::tlm::TLM_BURST_ERROR_RESPONSE;
  const auto* extension = payload.get_extension<tlm::DmaExtension>();
  if (extension != nullptr && extension->compare_and_swap &&
      (!payload.is_write() || payload.get_data_length() != 16 || payload.get_address() % 8 != 0)) {
    return ::tlm::TLM_COMMAND_ERROR_RESPONSE;
  }
  return ::tlm::TLM_OK_RESPONSE;
}

Time MemorySystem::finish_time(const Payload& payload, KindStats& stats) {
  const tlm::Traffic kind = tlm::dma(payload).traffic;
  const bool write = payload.is_write();
  const std::uint64_t first = payload.get_address() / kLineBytes;
  const unsigned bytes = std::max(payload.get_data_length(), 1u);  // a zero-length read touches its line
  const std::uint64_t last = (payload.get_address() + bytes - 1) / kLineBytes;
  const Time t = now();
  Time done = t;
  for (std::uint64_t line = first; line <= last; ++line) {
    const LastLevelCache::Outcome outcome = llc_.access(line, kind, write);
    if (outcome.served) {
      ++stats.llc_lines;
      done = std::max(done, t + config_.llc.latency);
    } else {
      ++stats.dram_lines;
      done = std::max(done, dram_.access(line, t));
    }
    if (outcome.write_back) dram_.access(*outcome.write_back, t);
  }
  return done;
}

// The bytes themselves. A compare-and-swap leaves what memory held in the first word.
void MemorySystem::transfer(Payload& payload) {
  const Hpa at(payload.get_address());
  unsigned char* data = payload.get_data_ptr();
  const unsigned bytes = payload.get_data_length();
  const auto* extension = payload.get_extension<tlm::DmaExtension>();
  if (extension != nullptr && extension->compare_and_swap) {
    const auto word = [data](unsigned from) {
      std::uint64_t value = 0;
      for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{data[from + i]} << 8 * i;
      return value;
    };
    const std::uint64_t was = contents_.compare_and_swap64(at, word(0), word(8));
    for (unsigned i = 0; i < 8; ++i) data[i] = static_cast<unsigned char>(was >> 8 * i);
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
  payload.set_response_status(check(payload));
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
  stats().add("refused", refused_, "1", "Requests answered with an error: outside DRAM, or malformed");
  llc_.add_stats(stats().group("llc"));
  dram_.add_stats(stats().group("dram"));
}

}  // namespace iommusim::mem
