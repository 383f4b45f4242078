#include "models/iommu/core/actions.h"

#include "models/iommu/core/memory_access.h"

namespace iommusim::iommu {

Actions::Actions(tlm::Context& context, Architecture& architecture, tlm::InitiatorPort& walk, Owner& owner)
    : context_(context), architecture_(architecture), walk_(walk), owner_(owner) {}

void Actions::apply(const Effects& effects) {
  if (effects.record && writing_) {
    events_.push(effects);
  } else {
    carry_out(effects);
  }
}

void Actions::page_request(const PageRequest& request, const Context* context, const Fault& fault) {
  Page p{request, {}, fault};
  if (context != nullptr) p.context = *context;
  report(p);
}

void Actions::debug_resolved(const Translation* translation) {
  Debug d;
  if (translation != nullptr) d.translation = *translation;
  report(d);
}

void Actions::report(Event event) {
  if (idle()) {
    carry_out(reported(event));
  } else {
    events_.push(std::move(event));
  }
}

Effects Actions::reported(const Event& event) {
  struct Visitor {
    Architecture& a;
    Effects operator()(const Effects& e) const { return e; }
    Effects operator()(const FaultEvent& f) const { return a.record_fault(f); }
    Effects operator()(const Page& p) const {
      return a.page_request(p.request, p.context ? &*p.context : nullptr, p.fault);
    }
    Effects operator()(const InterruptMessage& m) const { return a.interrupt_failed(m); }
    Effects operator()(const Debug& d) const { return a.debug_response(d.translation ? &*d.translation : nullptr); }
  };
  return std::visit(Visitor{architecture_}, event);
}

// With a record, what comes after it waits until memory has answered.
void Actions::carry_out(const Effects& effects) {
  if (effects.flush) owner_.flush(*effects.flush);
  if (!effects.record) {
    finish(effects);
    return;
  }
  Effects rest = effects;
  rest.flush.reset();
  rest.record.reset();
  record_ = *effects.record;
  if (within_reach(architecture_, record_.address)) {
    writing_ = true;
    pending_.push_back(rest);
    walk_.send(memory_write(context_, record_.address, reinterpret_cast<unsigned char*>(record_.words.data()),
                            record_.bytes, tlm::Traffic::queue, kSlot));
    return;
  }
  carry_out(architecture_.record_written(record_.queue, false));
  if (writing_) {
    pending_.insert(pending_.begin(), rest);  // behind what the record written now announces
  } else {
    carry_out(rest);
  }
}

void Actions::finish(const Effects& effects) {
  if (effects.interrupt) owner_.send_interrupt(*effects.interrupt);
  if (effects.message) owner_.send_message(*effects.message);
  if (effects.debug_translation) owner_.resolve_debug_request();
  if (effects.more) apply(architecture_.further_effects());
  if (effects.queue_kicked) owner_.kick_commands();
}

void Actions::response(tlm::Payload& payload) {
  const bool ok = payload.is_response_ok();
  payload.release();
  writing_ = false;
  carry_out(architecture_.record_written(record_.queue, ok));
  while (!writing_ && (!pending_.empty() || !events_.empty())) {
    if (!pending_.empty()) {
      const Effects rest = std::move(pending_.back());
      pending_.pop_back();
      carry_out(rest);
    } else {
      carry_out(reported(events_.pop()));
    }
  }
}

}  // namespace iommusim::iommu
