// TLM-2.0 models as a third party might write them: they know nothing of our extension, pool or scheduler, keep time
// with plain SystemC means, and each uses one of the legal shapes of the base protocol.
#pragma once

#include <tlm_utils/peq_with_cb_and_phase.h>

#include <cstring>
#include <deque>
#include <map>
#include <systemc>
#include <tlm>
#include <vector>

namespace iommusim::test {

using ForeignPayload = ::tlm::tlm_generic_payload;

/// A memory of 64 KiB.
class ForeignTarget : public ::sc_core::sc_module, private ::tlm::tlm_fw_transport_if<> {
 public:
  enum class Style {
    end_request_on_return,     ///< TLM_UPDATED/END_REQ, BEGIN_RESP later
    end_request_later,         ///< TLM_ACCEPTED, END_REQ after `accept`, BEGIN_RESP later
    response_stands_for_both,  ///< TLM_ACCEPTED, BEGIN_RESP without END_REQ
    response_on_return,        ///< TLM_UPDATED/BEGIN_RESP annotated with the latency
    completed                  ///< TLM_COMPLETED annotated with the latency
  };
  /// `annotation` is put on END_REQ (on return) and on BEGIN_RESP calls.
  ForeignTarget(::sc_core::sc_module_name name, Style style, ::sc_core::sc_time latency,
                ::sc_core::sc_time annotation = ::sc_core::SC_ZERO_TIME,
                ::sc_core::sc_time accept = ::sc_core::SC_ZERO_TIME)
      : sc_module(name),
        socket("socket"),
        style_(style),
        latency_(latency),
        annotation_(annotation),
        accept_(accept),
        peq_(this, &ForeignTarget::due),
        bytes_(65536) {
    socket.bind(static_cast<::tlm::tlm_fw_transport_if<>&>(*this));
    SC_HAS_PROCESS(ForeignTarget);
    SC_METHOD(next_response);
    sensitive << free_;
    dont_initialize();
  }
  ::tlm::tlm_target_socket<64> socket;
  unsigned end_responses = 0;
  std::vector<::sc_core::sc_time> request_times;

 private:
  using Phase = ::tlm::tlm_phase;
  using Sync = ::tlm::tlm_sync_enum;
  Sync nb_transport_fw(ForeignPayload& p, Phase& phase, ::sc_core::sc_time& delay) override {
    if (phase == ::tlm::END_RESP) {
      ++end_responses;
      responding_ = false;
      free_.notify(::sc_core::SC_ZERO_TIME);  // not here: that would be a backward call inside a forward one
      return ::tlm::TLM_COMPLETED;
    }
    if (phase != ::tlm::BEGIN_REQ) return ::tlm::TLM_ACCEPTED;
    request_times.push_back(::sc_core::sc_time_stamp());
    switch (style_) {
      case Style::end_request_on_return:
        peq_.notify(p, ::tlm::BEGIN_RESP, delay + latency_);
        phase = ::tlm::END_REQ;
        delay += annotation_;
        return ::tlm::TLM_UPDATED;
      case Style::end_request_later:
        peq_.notify(p, ::tlm::END_REQ, delay + accept_);
        peq_.notify(p, ::tlm::BEGIN_RESP, delay + latency_);
        return ::tlm::TLM_ACCEPTED;
      case Style::response_stands_for_both:
        peq_.notify(p, ::tlm::BEGIN_RESP, delay + latency_);
        return ::tlm::TLM_ACCEPTED;
      case Style::response_on_return:
        if (responding_) {  // response exclusion: this one has to come by a call
          peq_.notify(p, ::tlm::BEGIN_RESP, delay + latency_);
          return ::tlm::TLM_ACCEPTED;
        }
        access(p);
        responding_ = true;
        phase = ::tlm::BEGIN_RESP;
        delay += latency_;
        return ::tlm::TLM_UPDATED;
      case Style::completed:
        access(p);
        delay += latency_;
        return ::tlm::TLM_COMPLETED;
    }
    return ::tlm::TLM_ACCEPTED;
  }
  void due(ForeignPayload& p, const Phase& phase) {
    if (phase == ::tlm::END_REQ) {
      Phase ph = ::tlm::END_REQ;
      ::sc_core::sc_time delay = annotation_;
      socket->nb_transport_bw(p, ph, delay);
    } else {
      responses_.push_back(&p);
      next_response();
    }
  }
  void next_response() {
    if (responding_ || responses_.empty()) return;
    ForeignPayload& p = *responses_.front();
    responses_.pop_front();
    access(p);
    Phase ph = ::tlm::BEGIN_RESP;
    ::sc_core::sc_time delay = annotation_;
    responding_ = true;
    if (socket->nb_transport_bw(p, ph, delay) != ::tlm::TLM_ACCEPTED) responding_ = false;
  }
  void access(ForeignPayload& p) {
    if (p.is_read()) std::memcpy(p.get_data_ptr(), &bytes_[p.get_address()], p.get_data_length());
    if (p.is_write()) std::memcpy(&bytes_[p.get_address()], p.get_data_ptr(), p.get_data_length());
    p.set_response_status(::tlm::TLM_OK_RESPONSE);
  }
  void b_transport(ForeignPayload& p, ::sc_core::sc_time&) override { access(p); }
  bool get_direct_mem_ptr(ForeignPayload&, ::tlm::tlm_dmi&) override { return false; }
  unsigned transport_dbg(ForeignPayload& p) override {
    access(p);
    return p.get_data_length();
  }

  Style style_;
  ::sc_core::sc_time latency_, annotation_, accept_;
  ::tlm_utils::peq_with_cb_and_phase<ForeignTarget> peq_;
  std::vector<unsigned char> bytes_;
  ::sc_core::sc_event free_;
  std::deque<ForeignPayload*> responses_;
  bool responding_ = false;
};

/// Sends payloads of its own, without our extension, one after the other as the target accepts them.
class ForeignInitiator : public ::sc_core::sc_module,
                         private ::tlm::tlm_bw_transport_if<>,
                         private ::tlm::tlm_mm_interface {
 public:
  enum class Style {
    completes,          ///< BEGIN_RESP returns TLM_COMPLETED, annotated with `annotation`
    updates,            ///< BEGIN_RESP returns TLM_UPDATED/END_RESP, annotated
    end_response_later  ///< BEGIN_RESP returns TLM_ACCEPTED, END_RESP after `annotation`
  };
  ForeignInitiator(::sc_core::sc_module_name name, Style style, ::sc_core::sc_time annotation = ::sc_core::SC_ZERO_TIME,
                   ::sc_core::sc_time request_annotation = ::sc_core::SC_ZERO_TIME)
      : sc_module(name),
        socket("socket"),
        style_(style),
        annotation_(annotation),
        request_annotation_(request_annotation),
        peq_(this, &ForeignInitiator::due) {
    socket.bind(static_cast<::tlm::tlm_bw_transport_if<>&>(*this));
    SC_HAS_PROCESS(ForeignInitiator);
    SC_METHOD(pump);
    sensitive << pump_;
  }
  ~ForeignInitiator() override {
    for (ForeignPayload* p : all_) delete p;
  }
  ::tlm::tlm_initiator_socket<64> socket;

  /// Queues a request at elaboration; `data` outlives the run.
  ForeignPayload& add(::tlm::tlm_command command, std::uint64_t address, unsigned char* data, unsigned bytes) {
    auto* p = new ForeignPayload(this);
    all_.push_back(p);
    p->acquire();
    p->set_command(command);
    p->set_address(address);
    p->set_data_ptr(data);
    p->set_data_length(bytes);
    p->set_streaming_width(bytes);
    queue_.push_back(p);
    return *p;
  }
  /// When BEGIN_RESP came, in order.
  std::vector<::sc_core::sc_time> response_times;
  std::vector<const ForeignPayload*> responses;
  unsigned extensions_left_behind = 0;
  /// The `index` of the extension to look for on finished payloads.
  unsigned foreign_to = ~0u;
  unsigned freed = 0;

 private:
  using Phase = ::tlm::tlm_phase;
  using Sync = ::tlm::tlm_sync_enum;
  void pump() {
    while (waiting_ == nullptr && !queue_.empty()) {
      ForeignPayload& p = *queue_.front();
      queue_.pop_front();
      waiting_ = &p;
      Phase phase = ::tlm::BEGIN_REQ;
      ::sc_core::sc_time delay = request_annotation_;
      const Sync sync = socket->nb_transport_fw(p, phase, delay);
      if (sync == ::tlm::TLM_UPDATED && phase == ::tlm::END_REQ) waiting_ = nullptr;
    }
  }
  Sync nb_transport_bw(ForeignPayload& p, Phase& phase, ::sc_core::sc_time& delay) override {
    if (phase == ::tlm::END_REQ || phase == ::tlm::BEGIN_RESP) {
      if (waiting_ == &p) {
        waiting_ = nullptr;
        pump_.notify(::sc_core::SC_ZERO_TIME);
      }
    }
    if (phase != ::tlm::BEGIN_RESP) return ::tlm::TLM_ACCEPTED;
    response_times.push_back(::sc_core::sc_time_stamp());
    responses.push_back(&p);
    if (foreign_to != ~0u && p.get_extension(foreign_to) != nullptr) ++extensions_left_behind;
    switch (style_) {
      case Style::completes:
        delay += annotation_;
        p.release();
        return ::tlm::TLM_COMPLETED;
      case Style::updates:
        delay += annotation_;
        phase = ::tlm::END_RESP;
        p.release();
        return ::tlm::TLM_UPDATED;
      case Style::end_response_later: peq_.notify(p, ::tlm::END_RESP, annotation_); return ::tlm::TLM_ACCEPTED;
    }
    return ::tlm::TLM_COMPLETED;
  }
  void due(ForeignPayload& p, const Phase&) {
    Phase phase = ::tlm::END_RESP;
    ::sc_core::sc_time delay = ::sc_core::SC_ZERO_TIME;
    socket->nb_transport_fw(p, phase, delay);
    p.release();
  }
  void invalidate_direct_mem_ptr(::sc_dt::uint64, ::sc_dt::uint64) override {}
  void free(ForeignPayload*) override { ++freed; }

  Style style_;
  ::sc_core::sc_time annotation_, request_annotation_;
  ::tlm_utils::peq_with_cb_and_phase<ForeignInitiator> peq_;
  ::sc_core::sc_event pump_;
  std::deque<ForeignPayload*> queue_;
  std::vector<ForeignPayload*> all_;
  ForeignPayload* waiting_ = nullptr;
};

}  // namespace iommusim::test
