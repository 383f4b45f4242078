#include "models/iommu/arch/riscv/interrupts.h"

namespace iommusim::iommu::riscv {

void Interrupts::raise(Cause cause, bool wired) {
  const auto n = static_cast<unsigned>(cause);
  if ((pending_ >> n & 1) != 0) return;
  pending_ |= 1u << n;
  if (!wired) unsent_ |= 1u << get(vectors_, 4 * n + 3, 4 * n);
}

std::uint32_t Interrupts::sendable() const {
  std::uint32_t out = unsent_;
  for (unsigned v = 0; v < table_.size(); ++v) {
    if ((table_[v].control & 1) != 0) out &= ~(1u << v);
  }
  return out;
}

std::optional<InterruptMessage> Interrupts::take_message() {
  const std::uint32_t ready = sendable();
  if (ready == 0) return std::nullopt;
  const auto v = static_cast<unsigned>(__builtin_ctz(ready));
  unsent_ &= ~(1u << v);
  return InterruptMessage{table_[v].address, table_[v].data};
}

void Interrupts::write_table64(std::uint64_t offset, std::uint64_t value) {
  if (exists(offset)) table_[offset / 16].address = value & ones(55, 2);
}
std::uint32_t Interrupts::read_table32(std::uint64_t offset) const {
  const Entry& e = table_[offset / 16];
  return (offset & 4) != 0 ? e.control : e.data;
}
void Interrupts::write_table32(std::uint64_t offset, std::uint32_t value) {
  if (!exists(offset)) return;
  Entry& e = table_[offset / 16];
  ((offset & 4) != 0 ? e.control : e.data) = (offset & 4) != 0 ? value & 1 : value;
}

}  // namespace iommusim::iommu::riscv
