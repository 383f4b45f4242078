#include "models/memory/frame_allocator.h"

#include <fmt/format.h>

#include "models/base/error.h"

namespace iommusim::mem {

namespace {
// The smallest order whose blocks hold `frames`.
unsigned order_of(std::uint64_t frames) {
  return frames <= 1 ? 0u : 64u - static_cast<unsigned>(__builtin_clzll(frames - 1));
}
}  // namespace

FrameAllocator::FrameAllocator(Hpa base, Bytes size, Placement placement, std::uint64_t seed)
    : base_(base), size_(size), placement_(placement), random_(seed, "frame_allocator") {
  if (base.value() % kFrameBytes != 0 || size.value() % kFrameBytes != 0 || size.value() == 0) {
    throw base::UserError(fmt::format("memory range of {} at {:#x} is not a whole number of 4 KiB frames",
                                      base::to_text(size), base.value()));
  }
  free_frames_ = size.value() / kFrameBytes;
  insert_range(base.value() / kFrameBytes, free_frames_);
}

Hpa FrameAllocator::allocate(Bytes bytes) {
  const std::uint64_t frames = (bytes.value() + kFrameBytes - 1) / kFrameBytes;
  const unsigned order = order_of(frames);
  if (frames == 0 || !any_free(order)) {
    throw base::UserError(fmt::format("no free block of {} left: {} of {} free in the memory range at {:#x}",
                                      base::to_text(bytes), base::to_text(available()), base::to_text(size_),
                                      base_.value()));
  }
  const std::uint64_t wanted = placement_ == Placement::contiguous
                                   ? 0
                                   : base_.value() / kFrameBytes + random_.below(size_.value() / kFrameBytes);
  Block block = placement_ == Placement::contiguous ? choose_lowest(order) : choose_near(wanted, order);
  free_[block.order].erase(block.start);
  // Halve it down to the size asked for, keeping the half that holds the wanted frame if either does.
  while (block.order > order) {
    --block.order;
    const std::uint64_t upper = block.start + (std::uint64_t{1} << block.order);
    if (wanted >= upper) {
      free_[block.order].insert(block.start);
      block.start = upper;
    } else {
      free_[block.order].insert(upper);
    }
  }
  free_frames_ -= std::uint64_t{1} << order;
  const std::uint64_t spare = (std::uint64_t{1} << order) - frames;
  if (spare > 0) {
    free_frames_ += spare;
    insert_range(block.start + frames, spare);
  }
  return Hpa(block.start * kFrameBytes);
}

void FrameAllocator::free(Hpa at, Bytes bytes) {
  const std::uint64_t start = at.value() / kFrameBytes;
  const std::uint64_t frames = (bytes.value() + kFrameBytes - 1) / kFrameBytes;
  const std::uint64_t first = base_.value() / kFrameBytes;
  const bool inside = at >= base_ && start + frames <= first + size_.value() / kFrameBytes;
  if (at.value() % kFrameBytes != 0 || !inside || is_free(start) || is_free(start + frames - 1)) {
    base::fatal_internal(
        "frame allocator", base::Time(),
        fmt::format("{} at {:#x} is given back but was not handed out", base::to_text(bytes), at.value()));
  }
  free_frames_ += frames;
  insert_range(start, frames);
}

bool FrameAllocator::any_free(unsigned order) const {
  for (unsigned k = order; k < kOrders; ++k) {
    if (!free_[k].empty()) return true;
  }
  return false;
}

FrameAllocator::Block FrameAllocator::choose_lowest(unsigned order) const {
  Block best{~std::uint64_t{0}, 0};
  for (unsigned k = order; k < kOrders; ++k) {
    if (!free_[k].empty() && *free_[k].begin() < best.start) best = {*free_[k].begin(), k};
  }
  return best;
}

// The block that holds `frame`, else the next one above it, else (past the end) the lowest.
FrameAllocator::Block FrameAllocator::choose_near(std::uint64_t frame, unsigned order) const {
  Block best{~std::uint64_t{0}, 0};
  for (unsigned k = order; k < kOrders; ++k) {
    auto next = free_[k].upper_bound(frame);
    if (next != free_[k].begin()) {
      const std::uint64_t before = *std::prev(next);
      if (frame - before < std::uint64_t{1} << k) return {before, k};
    }
    if (next != free_[k].end() && *next < best.start) best = {*next, k};
  }
  return best.start != ~std::uint64_t{0} ? best : choose_lowest(order);
}

bool FrameAllocator::is_free(std::uint64_t frame) const {
  for (unsigned k = 0; k < kOrders; ++k) {
    if (free_[k].count(frame >> k << k) != 0) return true;
  }
  return false;
}

void FrameAllocator::insert_merging(std::uint64_t start, unsigned order) {
  while (order + 1 < kOrders) {
    const std::uint64_t buddy = start ^ std::uint64_t{1} << order;
    const auto it = free_[order].find(buddy);
    if (it == free_[order].end()) break;
    free_[order].erase(it);
    start &= ~(std::uint64_t{1} << order);
    ++order;
  }
  free_[order].insert(start);
}

void FrameAllocator::insert_range(std::uint64_t start, std::uint64_t count) {
  while (count > 0) {
    unsigned order = start == 0 ? kOrders - 1 : static_cast<unsigned>(__builtin_ctzll(start));
    while (order >= kOrders || std::uint64_t{1} << order > count) --order;
    insert_merging(start, order);
    start += std::uint64_t{1} << order;
    count -= std::uint64_t{1} << order;
  }
}

}  // namespace iommusim::mem
