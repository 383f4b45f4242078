// Sends requests at given times and notes when their responses come: the other end of a unit under test.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "models/tlm/initiator_port.h"
#include "models/tlm/module.h"
#include "models/tlm/timed_queue.h"

namespace iommusim::test {

class Requester : public tlm::Module, private tlm::InitiatorPort::Owner {
 public:
  struct Sent {
    base::Time at;
    std::uint64_t address;
    bool write;
    std::uint32_t data;
    base::SourceId source;
    unsigned bytes;
    bool relaxed = false;
    tlm::AddressSpace space = tlm::AddressSpace::iova;
    // Filled in by the run.
    bool answered = false;
    bool ok = false;
    base::Time answered_at{};
    std::uint64_t value = 0;  ///< first eight bytes read
    tlm::DmaFields fields{};  ///< the extension at the response
  };

  Requester(::sc_core::sc_module_name name, tlm::Context& context)
      : Module(name, context),
        port("port", context, *this),
        queue_(context.scheduler, std::string(this->name()) + ".queue", tlm::delegate<&Requester::send>(this)) {}

  tlm::InitiatorPort port;
  std::vector<Sent> sent;
  std::vector<std::size_t> order;  ///< indices into `sent`, in order of their responses
  /// Has the last word on each request before it leaves: what `Sent` has no member for.
  std::function<void(std::size_t, tlm::Payload&)> prepare;

  /// Index of the request in `sent`. A 4-byte write carries `data`; reads bring contents back.
  std::size_t read(base::Time at, std::uint64_t address, base::SourceId source = base::SourceId(8),
                   unsigned bytes = 64) {
    return add({at, address, false, 0, source, bytes});
  }
  std::size_t write(base::Time at, std::uint64_t address, base::SourceId source = base::SourceId(8),
                    unsigned bytes = 64, std::uint32_t data = 0) {
    return add({at, address, true, data, source, bytes});
  }
  std::size_t add(Sent s) {
    sent.push_back(s);
    queue_.push(sent.size() - 1, s.at);
    return sent.size() - 1;
  }

 private:
  void send(std::size_t i) {
    const Sent& s = sent[i];
    tlm::Payload& p = pool().acquire();
    unsigned char* data = pool().use_buffer(p, s.bytes);
    std::memset(data, 0, s.bytes);
    if (s.write) std::memcpy(data, &s.data, std::min(4u, s.bytes));
    p.set_command(s.write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
    p.set_address(s.address);
    tlm::DmaExtension& x = tlm::dma(p);
    x.requester = s.source;
    x.relaxed_ordering = s.relaxed;
    x.space = s.space;
    x.dma = static_cast<std::uint32_t>(i);
    if (prepare) prepare(i, p);
    port.send(p);
  }
  void response(tlm::InitiatorPort&, tlm::Payload& p) override {
    Sent& s = sent[tlm::dma(p).dma];
    s.answered = true;
    s.ok = p.is_response_ok();
    s.answered_at = now();
    s.fields = tlm::dma(p);
    if (!s.write) std::memcpy(&s.value, p.get_data_ptr(), std::min<std::size_t>(8, s.bytes));
    order.push_back(tlm::dma(p).dma);
    p.release();
  }
  tlm::TimedQueue<std::size_t> queue_;
};

}  // namespace iommusim::test
