#include "models/iommu/arch/riscv/records.h"

#include "models/iommu/arch/riscv/bits.h"

namespace iommusim::iommu::riscv {

TransactionType type_of(const Request& r) {
  if (r.at == AddressType::translation_request) return TransactionType::translation_request;
  const unsigned base = r.at == AddressType::translated ? 5 : 1;
  return static_cast<TransactionType>(base + (r.needed.execute ? 0 : r.needed.write ? 2 : 1));
}

std::array<std::uint64_t, 4> encode(const FaultRecord& r) {
  const std::uint64_t head = put(r.cause, 11, 0) | put(r.has_process ? r.process : 0, 31, 12) | put(r.has_process, 32) |
                             put(r.has_process && r.privileged, 33) | put(static_cast<std::uint64_t>(r.type), 39, 34) |
                             put(r.device, 63, 40);
  return {head, 0, r.address, r.address2};
}

FaultRecord decode_fault_record(const std::array<std::uint64_t, 4>& w) {
  FaultRecord r;
  r.cause = static_cast<std::uint16_t>(get(w[0], 11, 0));
  r.process = static_cast<std::uint32_t>(get(w[0], 31, 12));
  r.has_process = get(w[0], 32);
  r.privileged = get(w[0], 33);
  r.type = static_cast<TransactionType>(get(w[0], 39, 34));
  r.device = static_cast<std::uint32_t>(get(w[0], 63, 40));
  r.address = w[2];
  r.address2 = w[3];
  return r;
}

std::uint64_t payload_of(const PageRequest& r) {
  return put(r.read, 0) | put(r.write, 1) | put(r.last, 2) | put(r.group, 11, 3) | (r.address & ones(63, 12));
}
void set_payload(PageRequest& r, std::uint64_t payload) {
  r.read = get(payload, 0);
  r.write = get(payload, 1);
  r.last = get(payload, 2);
  r.group = static_cast<std::uint16_t>(get(payload, 11, 3));
  r.address = payload & ones(63, 12);
}

std::array<std::uint64_t, 2> encode(const PageRequest& r) {
  return {put(r.has_pasid ? r.pasid.value() : 0, 31, 12) | put(r.has_pasid, 32) | put(r.has_pasid && r.privileged, 33) |
              put(r.has_pasid && r.execute, 34) | put(r.source.value(), 63, 40),
          payload_of(r)};
}

PageRequest decode_page_request(const std::array<std::uint64_t, 2>& w) {
  PageRequest r;
  r.pasid = Pasid(static_cast<std::uint32_t>(get(w[0], 31, 12)));
  r.has_pasid = get(w[0], 32);
  r.privileged = get(w[0], 33);
  r.execute = get(w[0], 34);
  r.source = SourceId(static_cast<std::uint32_t>(get(w[0], 63, 40)));
  set_payload(r, w[1]);
  return r;
}

}  // namespace iommusim::iommu::riscv
