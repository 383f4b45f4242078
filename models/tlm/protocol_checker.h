// A probe that tests put on a link: passes everything through unchanged and writes down each breach of the base
// protocol.
//
// Checks IEEE 1666-2011 sections 14.7, 14.8 and 15.2 as far as they can be seen on one link: order of phases of each
// transaction, request and response exclusion, legal return values, attributes that may not change, memory manager
// present, times that do not run backward, and no call against the direction of one in progress on this link. Extended
// phases pass unchecked.
#pragma once

#include <string>
#include <tlm>
#include <unordered_map>
#include <vector>

#include "models/tlm/dma_extension.h"

namespace iommusim::tlm {

class ProtocolChecker : public ::sc_core::sc_module,
                        private ::tlm::tlm_fw_transport_if<>,
                        private ::tlm::tlm_bw_transport_if<> {
 public:
  explicit ProtocolChecker(::sc_core::sc_module_name name);

  ::tlm::tlm_target_socket<64> from_initiator;
  ::tlm::tlm_initiator_socket<64> to_target;

  /// One line per breach: time, link, what and which rule. Empty is what a test wants.
  const std::vector<std::string>& violations() const { return violations_; }
  /// Transactions begun and not finished.
  std::size_t open() const { return transactions_.size(); }
  /// Requests seen.
  std::uint64_t requests() const { return requests_; }

 private:
  enum class State { requested, accepted, responding };
  struct Transaction {
    State state = State::requested;
    ::sc_core::sc_time last;  // of its latest phase, annotation included
    ::tlm::tlm_command command = ::tlm::TLM_IGNORE_COMMAND;
    unsigned char* data = nullptr;
    unsigned length = 0;
    unsigned streaming_width = 0;
  };

  ::tlm::tlm_sync_enum nb_transport_fw(Payload& p, ::tlm::tlm_phase& phase, ::sc_core::sc_time& delay) override;
  ::tlm::tlm_sync_enum nb_transport_bw(Payload& p, ::tlm::tlm_phase& phase, ::sc_core::sc_time& delay) override;
  void b_transport(Payload& p, ::sc_core::sc_time& delay) override { to_target->b_transport(p, delay); }
  bool get_direct_mem_ptr(Payload& p, ::tlm::tlm_dmi& dmi) override { return to_target->get_direct_mem_ptr(p, dmi); }
  unsigned transport_dbg(Payload& p) override { return to_target->transport_dbg(p); }
  void invalidate_direct_mem_ptr(::sc_dt::uint64 start, ::sc_dt::uint64 end) override {
    from_initiator->invalidate_direct_mem_ptr(start, end);
  }

  void begin_request(Payload& p, const ::sc_core::sc_time& delay);
  void end_request(Payload& p, const ::sc_core::sc_time& delay);
  void begin_response(Payload& p, const ::sc_core::sc_time& delay);
  void end_response(Payload& p, const ::sc_core::sc_time& delay);
  void returned_from_request(Payload& p, ::tlm::tlm_sync_enum sync, const ::tlm::tlm_phase& phase,
                             const ::sc_core::sc_time& delay);
  void check_attributes(const Payload& p, const Transaction& t);
  void check_time(Transaction& t, const ::sc_core::sc_time& delay);
  Transaction* find(Payload& p, const char* phase);
  void violation(const std::string& what);

  std::unordered_map<Payload*, Transaction> transactions_;
  Payload* requesting_ = nullptr;
  Payload* responding_ = nullptr;
  unsigned forward_depth_ = 0;
  unsigned backward_depth_ = 0;
  std::uint64_t requests_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace iommusim::tlm
