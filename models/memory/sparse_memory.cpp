#include "models/memory/sparse_memory.h"

#include <algorithm>
#include <cstring>

namespace iommusim::mem {

namespace {
constexpr unsigned kInitialLog2 = 6;
}

SparseMemory::SparseMemory() : slots_(std::size_t{1} << kInitialLog2), shift_(64 - kInitialLog2) {}

const SparseMemory::Frame* SparseMemory::find(std::uint64_t number) const {
  for (std::size_t i = start_of(number);; i = (i + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[i];
    if (slot.frame == nullptr) return nullptr;
    if (slot.number == number) return slot.frame.get();
  }
}

SparseMemory::Frame& SparseMemory::make(std::uint64_t number) {
  if (const Frame* frame = find(number)) return const_cast<Frame&>(*frame);
  if (2 * (count_ + 1) > slots_.size()) grow();
  std::size_t i = start_of(number);
  while (slots_[i].frame != nullptr) i = (i + 1) & (slots_.size() - 1);
  slots_[i].number = number;
  slots_[i].frame = std::make_unique<Frame>();  // value-initialised: zeros
  ++count_;
  return *slots_[i].frame;
}

void SparseMemory::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  for (Slot& slot : old) {
    if (slot.frame == nullptr) continue;
    std::size_t i = start_of(slot.number);
    while (slots_[i].frame != nullptr) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = std::move(slot);
  }
}

void SparseMemory::read(Hpa at, void* out, std::size_t bytes) const {
  auto* to = static_cast<unsigned char*>(out);
  while (bytes > 0) {
    const std::uint64_t offset = at.offset_in(kFrameBytes);
    const std::size_t part = std::min<std::size_t>(bytes, kFrameBytes - offset);
    if (const Frame* frame = find(at.value() / kFrameBytes)) {
      std::memcpy(to, frame->data() + offset, part);
    } else {
      std::memset(to, 0, part);
    }
    at = at + part;
    to += part;
    bytes -= part;
  }
}

void SparseMemory::write(Hpa at, const void* in, std::size_t bytes) {
  const auto* from = static_cast<const unsigned char*>(in);
  while (bytes > 0) {
    const std::uint64_t offset = at.offset_in(kFrameBytes);
    const std::size_t part = std::min<std::size_t>(bytes, kFrameBytes - offset);
    std::memcpy(make(at.value() / kFrameBytes).data() + offset, from, part);
    at = at + part;
    from += part;
    bytes -= part;
  }
}

std::uint64_t SparseMemory::read_word(Hpa at, unsigned bytes) const {
  std::array<unsigned char, 8> data;
  read(at, data.data(), bytes);
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{data[i]} << 8 * i;
  return value;
}

void SparseMemory::write_word(Hpa at, unsigned bytes, std::uint64_t value) {
  std::array<unsigned char, 8> data;
  for (unsigned i = 0; i < bytes; ++i) data[i] = static_cast<unsigned char>(value >> 8 * i);
  write(at, data.data(), bytes);
}

std::uint64_t SparseMemory::compare_and_swap(Hpa at, unsigned bytes, std::uint64_t expected, std::uint64_t desired) {
  const std::uint64_t was = read_word(at, bytes);
  if (was == expected) write_word(at, bytes, desired);
  return was;
}

}  // namespace iommusim::mem
