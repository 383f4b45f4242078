#include "models/tlm/payload_pool.h"

#include <fmt/format.h>

#include <map>

#include "models/tlm/error.h"

namespace iommusim::tlm {

struct PayloadPool::Pooled : Payload {
  explicit Pooled(PayloadPool& pool) : Payload(&pool) {
    extension.pool = &pool;
    set_extension(&extension);
  }
  DmaExtension extension;
  std::vector<unsigned char> buffer;
};

PayloadPool::PayloadPool() = default;
PayloadPool::~PayloadPool() = default;

PayloadPool::Pooled& PayloadPool::make() {
  all_.push_back(std::make_unique<Pooled>(*this));
  free_.reserve(all_.capacity());
  return *all_.back();
}

Payload& PayloadPool::acquire() {
  Pooled* p;
  if (free_.empty()) {
    p = &make();
  } else {
    p = free_.back();
    free_.pop_back();
  }
  ++live_;
  p->set_command(::tlm::TLM_IGNORE_COMMAND);
  p->set_address(0);
  p->set_data_ptr(scratch_.data());
  p->set_data_length(0);
  p->set_streaming_width(0);
  p->set_byte_enable_ptr(nullptr);
  p->set_byte_enable_length(0);
  p->set_response_status(::tlm::TLM_INCOMPLETE_RESPONSE);
  p->set_dmi_allowed(false);
  p->set_gp_option(::tlm::TLM_MIN_PAYLOAD);
  p->extension.reset();
  p->acquire();
  return *p;
}

void PayloadPool::free(Payload* payload) {
  auto* p = static_cast<Pooled*>(payload);
  p->reset();  // drops what a foreign component attached for this transaction
  if (p->get_extension<DmaExtension>() != &p->extension)
    internal_error("PayloadPool", "somebody replaced the DMA extension");
  free_.push_back(p);
  --live_;
}

void PayloadPool::use_scratch(Payload& payload, unsigned bytes) {
  payload.set_data_ptr(scratch_.data());
  payload.set_data_length(bytes);
  payload.set_streaming_width(bytes);
  dma(payload).store_data = false;
}

unsigned char* PayloadPool::use_buffer(Payload& payload, unsigned bytes) {
  auto& p = static_cast<Pooled&>(payload);
  if (p.buffer.size() < bytes) p.buffer.resize(bytes);
  p.set_data_ptr(p.buffer.data());
  p.set_data_length(bytes);
  p.set_streaming_width(bytes);
  p.extension.store_data = true;
  return p.buffer.data();
}

DmaExtension& PayloadPool::lend_extension() {
  if (free_extensions_.empty()) {
    extensions_.push_back(std::make_unique<DmaExtension>());
    extensions_.back()->pool = this;
    free_extensions_.push_back(extensions_.back().get());
  }
  DmaExtension& e = *free_extensions_.back();
  free_extensions_.pop_back();
  e.reset();
  return e;
}

void PayloadPool::take_back(DmaExtension& extension) { free_extensions_.push_back(&extension); }

std::string PayloadPool::leak_report() const {
  struct Held {
    std::size_t count = 0;
    const Pooled* first = nullptr;
  };
  std::map<std::string, Held> by_holder;
  for (const auto& p : all_) {
    if (p->get_ref_count() == 0) continue;
    Held& held = by_holder[p->extension.holder == nullptr ? "(never sent)" : p->extension.holder];
    if (held.count++ == 0) held.first = p.get();
  }
  std::string report;
  for (const auto& [holder, held] : by_holder) {
    const char* command = held.first->is_read() ? "read" : held.first->is_write() ? "write" : "message";
    report +=
        fmt::format("{} holds {} payload{}, the first a {} of {} bytes at {:#x}\n", holder, held.count,
                    held.count == 1 ? "" : "s", command, held.first->get_data_length(), held.first->get_address());
  }
  return report;
}

}  // namespace iommusim::tlm
