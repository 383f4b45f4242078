// The core's accesses to devices: uncached, write-combining, configuration.
#include <algorithm>
#include <cstring>

#include "models/host/cpu_core.h"

namespace iommusim::host {

// --- uncached

/// Sends a read and waits. All ones if nobody answered.
bool CpuCore::uncached_read(Hpa address, void* data, unsigned bytes) {
  tlm::Payload& p = make(::tlm::TLM_READ_COMMAND, address, bytes, true);
  round_trip(p);
  const bool ok = p.is_response_ok();
  if (ok) {
    std::memcpy(data, p.get_data_ptr(), bytes);
  } else {
    std::memset(data, 0xff, bytes);
    ++mmio_errors_;
  }
  p.release();
  return ok;
}

/// Sends a posted write; returns when it has been accepted.
void CpuCore::post(Hpa address, const void* data, unsigned bytes) {
  ++mmio_written_;
  ++mmio_writes_;
  tlm::Payload& p = make(::tlm::TLM_WRITE_COMMAND, address, bytes, true);
  std::memcpy(p.get_data_ptr(), data, bytes);
  port.send(p);
  wait_for([this] { return port.idle(); });
}

bool CpuCore::mmio_read(Hpa address, void* data, unsigned bytes) {
  check_in_task();
  const Span span(*this, "MMIO read");
  spend(config_.mmio_cost);
  fence();
  ++mmio_reads_;
  const Time start = now();
  const bool ok = uncached_read(address, data, bytes);
  mmio_read_time_.add(now() - start);
  return ok;
}

std::uint64_t CpuCore::mmio_read(Hpa address, unsigned bytes) {
  std::uint64_t value = 0;
  mmio_read(address, &value, bytes);
  return value;
}

void CpuCore::mmio_write(Hpa address, std::uint64_t value, unsigned bytes) {
  check_in_task();
  spend(config_.mmio_cost);
  fence();
  post(address, &value, bytes);
}

// --- configuration: neither reads nor writes are posted (PCIe 5.0 section 2.2.7)

std::uint32_t CpuCore::config_read(Hpa address, unsigned bytes) {
  check_in_task();
  spend(config_.mmio_cost);
  fence();
  ++config_reads_;
  const Time start = now();
  std::uint32_t value = 0;
  uncached_read(address, &value, bytes);
  config_time_.add(now() - start);
  return value;
}

bool CpuCore::config_write(Hpa address, std::uint32_t value, unsigned bytes) {
  check_in_task();
  spend(config_.mmio_cost);
  fence();
  ++config_writes_;
  const Time start = now();
  tlm::Payload& p = make(::tlm::TLM_WRITE_COMMAND, address, bytes, true);
  std::memcpy(p.get_data_ptr(), &value, bytes);
  round_trip(p);
  const bool ok = p.is_response_ok();
  if (!ok) ++mmio_errors_;
  p.release();
  config_time_.add(now() - start);
  return ok;
}

// --- write combining

void CpuCore::wc_write(Hpa address, const void* data, std::uint64_t bytes) {
  check_in_task();
  for (std::uint64_t at = 0; at < bytes;) {
    const std::uint64_t piece = std::min(bytes - at, kLine - (address + at).offset_in(kLine));
    spend(config_.access_cost);
    wc_line(address + at, static_cast<const unsigned char*>(data) + at, static_cast<unsigned>(piece));
    at += piece;
  }
}

void CpuCore::wc_line(Hpa address, const unsigned char* data, unsigned bytes) {
  const Hpa line = address.align_down(kLine);
  const auto of_line = [line](const WcBuffer& b) { return b.line == line; };
  auto buffer = std::find_if(combining_.begin(), combining_.end(), of_line);
  if (buffer == combining_.end()) {
    if (!combining_.empty() && combining_.size() >= config_.wc_buffers) wc_send(0);
    combining_.emplace_back();
    combining_.back().line = line;
    buffer = std::prev(combining_.end());
  }
  const auto offset = static_cast<unsigned>(address - line);
  std::memcpy(buffer->data.data() + offset, data, bytes);
  buffer->written |= (~std::uint64_t{0} >> (kLine - bytes)) << offset;
  if (buffer->written == ~std::uint64_t{0} || config_.wc_buffers == 0)
    wc_send(static_cast<std::size_t>(buffer - combining_.begin()));
}

void CpuCore::wc_send(std::size_t index) {
  const WcBuffer buffer = combining_[index];
  combining_.erase(combining_.begin() + static_cast<std::ptrdiff_t>(index));
  const auto chunk = static_cast<unsigned>(buffer.written == ~std::uint64_t{0} ? kLine : config_.wc_chunk.value());
  const auto written = [&buffer](unsigned byte) { return (buffer.written >> byte & 1) != 0; };
  for (unsigned begin = 0; begin < kLine;) {
    unsigned end = begin;
    if (!written(begin)) {
      ++begin;
      continue;
    }
    do ++end;
    while (end % chunk != 0 && written(end));
    ++wc_requests_;
    post(buffer.line + begin, buffer.data.data() + begin, end - begin);
    begin = end;
  }
}

void CpuCore::wc_flush() {
  while (!combining_.empty()) wc_send(0);
}

}  // namespace iommusim::host
