#include "models/host/table_memory.h"

#include <algorithm>
#include <cstring>

namespace iommusim::host {

void InstantTableMemory::access(::tlm::tlm_command command, Hpa address, void* data, unsigned bytes) {
  tlm::Payload& p = context_.pool.acquire();
  p.set_command(command);
  p.set_address(address.value());
  unsigned char* buffer = context_.pool.use_buffer(p, bytes);
  if (command == ::tlm::TLM_WRITE_COMMAND) std::memcpy(buffer, data, bytes);
  tlm::dma(p).space = tlm::AddressSpace::hpa;
  tlm::dma(p).traffic = tlm::Traffic::cpu;
  if (port_.debug(p) != bytes) {
    tlm::internal_error(port_.name(),
                        "no memory at address " + std::to_string(address.value()) + " for a debug access");
  }
  if (command == ::tlm::TLM_READ_COMMAND) std::memcpy(data, buffer, bytes);
  p.release();
}

std::uint64_t InstantTableMemory::read64(Hpa address) {
  std::uint64_t value = 0;
  access(::tlm::TLM_READ_COMMAND, address, &value, sizeof value);
  return value;
}

void InstantTableMemory::write64(Hpa address, std::uint64_t value) {
  access(::tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
}

Hpa InstantTableMemory::allocate(std::uint64_t bytes) {
  const Hpa block = frames_.allocate(base::Bytes(bytes));
  static unsigned char zeros[mem::FrameAllocator::kFrameBytes] = {};
  for (std::uint64_t at = 0; at < bytes; at += sizeof zeros) {
    access(::tlm::TLM_WRITE_COMMAND, block + at, zeros,
           static_cast<unsigned>(std::min<std::uint64_t>(sizeof zeros, bytes - at)));
  }
  return block;
}

void InstantTableMemory::release(Hpa block, std::uint64_t bytes) { frames_.free(block, base::Bytes(bytes)); }

Hpa TimedTableMemory::allocate(std::uint64_t bytes) {
  const Hpa block = frames_.allocate(base::Bytes(bytes));
  core_.clear(block, bytes);
  core_.fence();
  return block;
}

}  // namespace iommusim::host
