#include "models/iommu/core/interrupt_files.h"

#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

void InterruptFiles::store(tlm::Payload& message, const InterruptFileUpdate& update, const InterruptMessage& notice) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  ++busy_;
  slots_[index] = Slot{&message, update, notice, {0, 0}, false};
  swap(index, 0);  // a guess: memory answers with what is there
}

void InterruptFiles::swap(std::uint32_t index, std::uint64_t expected) {
  Slot& s = slots_[index];
  s.words[0] = expected;
  s.words[1] = expected | s.update.bit;
  tlm::Payload& p = memory_write(context_, s.update.pending, reinterpret_cast<unsigned char*>(s.words), 16,
                                 tlm::Traffic::msi, index + 1);
  tlm::dma(p).compare_and_swap = true;
  port_.send(p);
}

void InterruptFiles::response(tlm::Payload& access) {
  const std::uint32_t index = tlm::dma(access).remapping_slot - 1;
  Slot& s = slots_[index];
  const bool ok = access.is_response_ok();
  access.release();
  if (ok && !s.pending) {
    const std::uint64_t expected = s.words[1] & ~s.update.bit, found = s.words[0];
    s.pending = (found & s.update.bit) != 0 || found == expected;
    if (!s.pending) {
      swap(index, found);
      return;
    }
    port_.send(memory_read(context_, s.update.enabled, reinterpret_cast<unsigned char*>(s.words), 8, tlm::Traffic::msi,
                           index + 1));
    return;
  }
  tlm::Payload& message = *s.message;
  const bool notify = ok && (s.words[0] & s.update.bit) != 0;
  const InterruptMessage notice = s.notice;
  free_.push_back(index);
  --busy_;
  if (notify) owner_.send_interrupt(notice);
  owner_.stored(message);
}

}  // namespace iommusim::iommu
