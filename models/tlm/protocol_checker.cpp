#include "models/tlm/protocol_checker.h"

#include <fmt/format.h>

namespace iommusim::tlm {

using ::sc_core::sc_time;
using ::tlm::tlm_phase;
using ::tlm::tlm_sync_enum;

// NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
ProtocolChecker::ProtocolChecker(::sc_core::sc_module_name name)
    : sc_module(name), from_initiator("from_initiator"), to_target("to_target") {
  from_initiator.bind(static_cast<::tlm::tlm_fw_transport_if<>&>(*this));
  to_target.bind(static_cast<::tlm::tlm_bw_transport_if<>&>(*this));
}

void ProtocolChecker::violation(const std::string& what) {
  violations_.push_back(fmt::format("{} {}: {}", ::sc_core::sc_time_stamp().to_string(), name(), what));
}

ProtocolChecker::Transaction* ProtocolChecker::find(Payload& p, const char* phase) {
  const auto it = transactions_.find(&p);
  if (it != transactions_.end()) return &it->second;
  violation(fmt::format("{} for a transaction that is not in progress", phase));
  return nullptr;
}

void ProtocolChecker::check_time(Transaction& t, const sc_time& delay) {
  const sc_time at = ::sc_core::sc_time_stamp() + delay;
  if (at < t.last) violation("a phase is annotated with a time before the previous phase of its transaction");
  t.last = at;
}

void ProtocolChecker::check_attributes(const Payload& p, const Transaction& t) {
  if (p.get_command() != t.command) violation("the command changed during the transaction");
  if (p.get_data_ptr() != t.data) violation("the data pointer changed during the transaction");
  if (p.get_data_length() != t.length) violation("the data length changed during the transaction");
  if (p.get_streaming_width() != t.streaming_width) violation("the streaming width changed during the transaction");
  if (t.command != ::tlm::TLM_IGNORE_COMMAND && p.get_response_status() == ::tlm::TLM_INCOMPLETE_RESPONSE) {
    violation("a response with incomplete status");
  }
}

void ProtocolChecker::begin_request(Payload& p, const sc_time& delay) {
  ++requests_;
  if (requesting_ != nullptr) violation("request exclusion: BEGIN_REQ before the previous request has ended");
  if (!p.has_mm() || p.get_ref_count() < 1) violation("a non-blocking transaction without memory manager or reference");
  const bool access = p.get_command() != ::tlm::TLM_IGNORE_COMMAND;
  if (access && p.get_data_ptr() == nullptr) violation("a read or write with a null data pointer");
  if (access && p.get_data_length() > 0 && p.get_streaming_width() == 0) violation("streaming width 0");
  if (p.get_response_status() != ::tlm::TLM_INCOMPLETE_RESPONSE) violation("a request whose status is not incomplete");
  const bool fresh =
      transactions_
          .insert_or_assign(&p, Transaction{State::requested, ::sc_core::sc_time_stamp() + delay, p.get_command(),
                                            p.get_data_ptr(), p.get_data_length(), p.get_streaming_width()})
          .second;
  if (!fresh) violation("BEGIN_REQ for a transaction that is still in progress");
  requesting_ = &p;
}

void ProtocolChecker::end_request(Payload& p, const sc_time& delay) {
  Transaction* t = find(p, "END_REQ");
  if (t == nullptr) return;
  if (t->state != State::requested) violation("END_REQ for a request that has already ended");
  check_time(*t, delay);
  t->state = State::accepted;
  if (requesting_ == &p) requesting_ = nullptr;
}

void ProtocolChecker::begin_response(Payload& p, const sc_time& delay) {
  Transaction* t = find(p, "BEGIN_RESP");
  if (t == nullptr) return;
  if (responding_ != nullptr) violation("response exclusion: BEGIN_RESP before the previous response has ended");
  if (t->state == State::responding) violation("BEGIN_RESP twice for one transaction");
  check_time(*t, delay);
  check_attributes(p, *t);
  t->state = State::responding;
  if (requesting_ == &p) requesting_ = nullptr;  // END_REQ is implied
  responding_ = &p;
}

void ProtocolChecker::end_response(Payload& p, const sc_time& delay) {
  Transaction* t = find(p, "END_RESP");
  if (t == nullptr) return;
  if (t->state != State::responding) violation("END_RESP without BEGIN_RESP");
  check_time(*t, delay);
  if (responding_ == &p) responding_ = nullptr;
  transactions_.erase(&p);
}

void ProtocolChecker::returned_from_request(Payload& p, tlm_sync_enum sync, const tlm_phase& phase,
                                            const sc_time& delay) {
  if (sync == ::tlm::TLM_ACCEPTED) return;
  if (sync == ::tlm::TLM_COMPLETED) {
    Transaction* t = find(p, "TLM_COMPLETED");
    if (t == nullptr) return;
    check_time(*t, delay);
    check_attributes(p, *t);
    if (requesting_ == &p) requesting_ = nullptr;
    transactions_.erase(&p);
  } else if (phase == ::tlm::END_REQ) {
    end_request(p, delay);
  } else if (phase == ::tlm::BEGIN_RESP) {
    begin_response(p, delay);
  } else {
    violation(fmt::format("BEGIN_REQ returned TLM_UPDATED with phase {}", phase.get_name()));
  }
}

tlm_sync_enum ProtocolChecker::nb_transport_fw(Payload& p, tlm_phase& phase, sc_time& delay) {
  if (backward_depth_ > 0) violation("a forward call from inside a backward call");
  const tlm_phase sent = phase;
  if (sent == ::tlm::BEGIN_REQ) {
    begin_request(p, delay);
  } else if (sent == ::tlm::END_RESP) {
    end_response(p, delay);
  } else if (sent == ::tlm::END_REQ || sent == ::tlm::BEGIN_RESP) {
    violation(fmt::format("{} on the forward path", sent.get_name()));
  }
  ++forward_depth_;
  const tlm_sync_enum sync = to_target->nb_transport_fw(p, phase, delay);
  --forward_depth_;
  if (sent == ::tlm::BEGIN_REQ) {
    returned_from_request(p, sync, phase, delay);
  } else if (sent == ::tlm::END_RESP && sync == ::tlm::TLM_UPDATED) {
    violation("END_RESP returned TLM_UPDATED");
  }
  return sync;
}

tlm_sync_enum ProtocolChecker::nb_transport_bw(Payload& p, tlm_phase& phase, sc_time& delay) {
  if (forward_depth_ > 0) violation("a backward call from inside a forward call");
  const tlm_phase sent = phase;
  if (sent == ::tlm::END_REQ) {
    end_request(p, delay);
  } else if (sent == ::tlm::BEGIN_RESP) {
    begin_response(p, delay);
  } else if (sent == ::tlm::BEGIN_REQ || sent == ::tlm::END_RESP) {
    violation(fmt::format("{} on the backward path", sent.get_name()));
  }
  ++backward_depth_;
  const tlm_sync_enum sync = from_initiator->nb_transport_bw(p, phase, delay);
  --backward_depth_;
  if (sent == ::tlm::END_REQ && sync != ::tlm::TLM_ACCEPTED) violation("END_REQ returned other than TLM_ACCEPTED");
  if (sent == ::tlm::BEGIN_RESP) {
    // The payload may be gone to its pool by now: only its address is used.
    if (sync == ::tlm::TLM_COMPLETED || (sync == ::tlm::TLM_UPDATED && phase == ::tlm::END_RESP)) {
      if (transactions_.count(&p) != 0) end_response(p, delay);
    } else if (sync == ::tlm::TLM_UPDATED) {
      violation(fmt::format("BEGIN_RESP returned TLM_UPDATED with phase {}", phase.get_name()));
    }
  }
  return sync;
}

}  // namespace iommusim::tlm
