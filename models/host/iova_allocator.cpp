#include "models/host/iova_allocator.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "models/base/error.h"

namespace iommusim::host {

namespace {

std::uint64_t round_up_to_power_of_two(std::uint64_t n) {
  std::uint64_t p = 1;
  while (p < n) p <<= 1;
  return p;
}

}  // namespace

IovaAllocator::IovaAllocator(Iova limit, Iova top) : limit_(limit.value()), top_(std::max(top, limit).value()) {
  free_[kPage] = top_;
}

// Removes [first, end) from the free ranges.
void IovaAllocator::cut(std::uint64_t first, std::uint64_t end) {
  auto it = free_.upper_bound(first);
  if (it != free_.begin()) --it;
  while (it != free_.end() && it->first < end) {
    const auto [from, to] = *it;
    if (to <= first) {
      ++it;
      continue;
    }
    it = free_.erase(it);
    if (from < first) free_[from] = first;
    if (end < to) free_[end] = to;
  }
}

void IovaAllocator::reserve(Iova first, std::uint64_t bytes) { cut(first.value(), first.value() + bytes); }

bool IovaAllocator::take_below(std::uint64_t limit, std::uint64_t bytes, std::uint64_t alignment,
                               std::uint64_t& first) {
  for (auto it = std::make_reverse_iterator(free_.lower_bound(limit)); it != free_.rend(); ++it) {
    const std::uint64_t end = std::min(it->second, limit);
    if (end < bytes) continue;
    const std::uint64_t start = (end - bytes) & ~(alignment - 1);
    if (start < it->first) continue;
    first = start;
    cut(start, start + bytes);
    return true;
  }
  return false;
}

Iova IovaAllocator::allocate(std::uint64_t bytes) {
  const std::uint64_t alignment = round_up_to_power_of_two(bytes);
  const std::uint64_t size = bytes < kCachedBelow ? alignment : bytes;
  std::uint64_t first = 0;
  if (!take_below(limit_, size, alignment, first) && !take_below(top_, size, alignment, first)) {
    throw base::UserError("no IOVA range of " + std::to_string(bytes) +
                          " bytes is free: " + std::to_string(allocated_bytes_) + " bytes are allocated in " +
                          std::to_string(allocated_.size()) + " mappings");
  }
  allocated_[first] = size;
  allocated_bytes_ += size;
  return Iova(first);
}

bool IovaAllocator::release(Iova first) {
  const auto it = allocated_.find(first.value());
  if (it == allocated_.end()) return false;
  std::uint64_t start = it->first;
  std::uint64_t end = start + it->second;
  allocated_bytes_ -= it->second;
  allocated_.erase(it);
  auto next = free_.lower_bound(start);
  if (next != free_.end() && next->first == end) {
    end = next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->second == start) {
      start = before->first;
      free_.erase(before);
    }
  }
  free_[start] = end;
  return true;
}

}  // namespace iommusim::host
