// A memory of constant latency and unlimited bandwidth, with contents: what a unit under test talks to when memory is
// not the subject.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "models/tlm/delay_line.h"
#include "models/tlm/module.h"
#include "models/tlm/target_port.h"

namespace iommusim::test {

class FixedMemory : public tlm::Module, private tlm::TargetPort::Owner {
 public:
  struct Access {
    base::Time at;  ///< arrival
    std::uint64_t address;
    unsigned bytes;
    bool write;
    tlm::Traffic traffic;
    std::uint32_t data;  ///< first four bytes of a write with contents
  };

  FixedMemory(::sc_core::sc_module_name name, tlm::Context& context, base::Time latency, unsigned ports = 1)
      : Module(name, context),
        latency_(latency),
        line_(context.scheduler, std::string(this->name()) + ".line", tlm::delegate<&FixedMemory::done>(this)) {
    tlm::TargetPort::Owner& owner = *this;
    for (unsigned i = 0; i < ports; ++i) {
      ports_.push_back(std::make_unique<tlm::TargetPort>(("port" + std::to_string(i)).c_str(), context, owner, i));
    }
  }
  tlm::TargetPort& port(unsigned i = 0) { return *ports_[i]; }
  std::uint64_t word(std::uint64_t address) const {
    const auto it = words_.find(address & ~std::uint64_t{7});
    return it == words_.end() ? 0 : it->second;
  }
  void set_word(std::uint64_t address, std::uint64_t value) { words_[address] = value; }
  /// Addresses at and above this one answer with an error.
  std::uint64_t limit = ~std::uint64_t{0};
  /// Reads that start at this address bring corrupt data.
  std::uint64_t corrupt_at = ~std::uint64_t{0};
  std::vector<Access> accesses;

 private:
  bool request(tlm::TargetPort& port, tlm::Payload& p) override {
    std::uint32_t data = 0;
    if (p.is_write() && tlm::dma(p).store_data) std::memcpy(&data, p.get_data_ptr(), std::min(4u, p.get_data_length()));
    accesses.push_back({now(), p.get_address(), p.get_data_length(), p.is_write(), tlm::dma(p).traffic, data});
    tlm::dma(p).push_hop(static_cast<std::uint16_t>(port.index()));
    line_.push(&p, now() + latency_);
    return true;
  }
  void done(tlm::Payload* p) {
    transfer(*p);
    tlm::dma(*p).poisoned = p->is_read() && p->get_address() == corrupt_at;
    p->set_response_status(p->get_address() >= limit ? ::tlm::TLM_ADDRESS_ERROR_RESPONSE : ::tlm::TLM_OK_RESPONSE);
    ports_[tlm::dma(*p).pop_hop()]->respond(*p);
  }
  unsigned debug(tlm::TargetPort&, tlm::Payload& p) override { return transfer(p); }
  unsigned transfer(tlm::Payload& p) {
    const unsigned bytes = p.get_data_length();
    if (!tlm::dma(p).store_data) return bytes;
    if (tlm::dma(p).compare_and_swap) return swap(p, bytes / 2);
    for (unsigned i = 0; i < bytes; ++i) {
      const std::uint64_t a = p.get_address() + i;
      std::uint64_t& w = words_[a & ~std::uint64_t{7}];
      auto* byte = reinterpret_cast<unsigned char*>(&w) + (a & 7);
      if (p.is_write()) {
        *byte = p.get_data_ptr()[i];
      } else {
        p.get_data_ptr()[i] = *byte;
      }
    }
    return bytes;
  }

  // Two operands of so many bytes, expected and desired; the first becomes what memory held.
  unsigned swap(tlm::Payload& p, unsigned operand) {
    const std::uint64_t a = p.get_address();
    auto* at = reinterpret_cast<unsigned char*>(&words_[a & ~std::uint64_t{7}]) + (a & 7);
    unsigned char* data = p.get_data_ptr();
    const bool equal = std::memcmp(at, data, operand) == 0;
    std::memcpy(data, at, operand);
    if (equal) std::memcpy(at, data + operand, operand);
    return 2 * operand;
  }

  base::Time latency_;
  tlm::DelayLine<tlm::Payload*> line_;
  std::vector<std::unique_ptr<tlm::TargetPort>> ports_;
  std::map<std::uint64_t, std::uint64_t> words_;
};

}  // namespace iommusim::test
