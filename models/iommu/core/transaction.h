// One request TLP on its way through the remapping unit.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "models/base/types.h"
#include "models/iommu/api/request.h"
#include "models/iommu/core/observer.h"
#include "models/tlm/dma_extension.h"

namespace iommusim::iommu {

struct Requester;
struct RequesterStats;

/// State of one request from arrival to the moment it leaves the unit. Slots are pooled; links are intrusive.
///
/// `context` is what the lookup in progress has found. It is never carried over simulated time outside a walker: a
/// request that has waited, for whatever, looks its contexts up again, so that none goes on under a context that has
/// been invalidated meanwhile.
struct Transaction {
  /// What the unit does with it in the end.
  enum class Purpose : std::uint8_t {
    access,        ///< a memory access, an interrupt or a translation request
    page_request,  ///< a page request message: only its device context is looked for
    message,       ///< another message from a device: nothing is looked up
    own            ///< asked by software through the unit's debug registers
  };
  tlm::Payload* payload = nullptr;
  Request request;
  Context context;
  Outcome outcome;
  Requester* requester = nullptr;
  RequesterStats* process_stats = nullptr;  ///< of its PASID
  std::uint64_t ticket = 0;                 ///< arrival order within the unit
  std::uint64_t process_key = 0;            ///< of its process context, if has_process
  static constexpr std::uint16_t kNoPort = 0xffff;
  std::uint16_t port = kNoPort;  ///< upstream port whose first-level IOTLB it is looked up in
  Purpose purpose = Purpose::access;
  RequestClass request_class = RequestClass::ordinary;
  bool has_process = false;
  bool shared = false;  ///< has missed the first level: looked up in the shared IOTLB
  bool waited = false;  ///< for a walk or a walker: its next lookup is made at once
  bool posted = false;
  bool relaxed = false;    ///< relaxed ordering: may pass posted writes
  bool ready = false;      ///< resolved; waits only for ordering
  bool refused = false;    ///< a read that found its requester's window full
  bool queued = false;     ///< in its requester's read queue
  bool may_leave = false;  ///< read queue: only older reads hold it back
  bool answered = false;   ///< the unit itself answers: leaves the order without going downstream
  bool stale = false;      ///< what it was resolved by has been invalidated since
  // What is in the statistics already: a request may look again after waiting.
  bool counted = false;
  bool context_counted = false;
  bool process_counted = false;
  bool first_level_counted = false;
  bool iotlb_counted = false;
  bool merge_counted = false;
  std::uint32_t epoch = 0;      ///< of Drain, once resolved
  Transaction* next = nullptr;  ///< the one list it is on: a walk's waiters, blocked reads
};
/// Pool of transactions with stable addresses; grows to the largest number ever in flight and never shrinks.
class TransactionPool {
 public:
  Transaction& acquire() {
    if (free_.empty()) {
      slots_.emplace_back();
      ++live_;
      return slots_.back();
    }
    Transaction& t = *free_.back();
    free_.pop_back();
    ++live_;
    t = Transaction{};
    return t;
  }
  void release(Transaction& t) {
    --live_;
    free_.push_back(&t);
  }
  std::size_t live() const { return live_; }

 private:
  std::deque<Transaction> slots_;
  std::vector<Transaction*> free_;
  std::size_t live_ = 0;
};

/// First-in first-out list through Transaction::next.
class TransactionList {
 public:
  bool empty() const { return head_ == nullptr; }
  Transaction* front() const { return head_; }
  void push(Transaction& t) {
    t.next = nullptr;
    (head_ == nullptr ? head_ : tail_->next) = &t;
    tail_ = &t;
  }
  void push_front(Transaction& t) {
    t.next = head_;
    if (head_ == nullptr) tail_ = &t;
    head_ = &t;
  }
  /// Moves all of `other` behind this list's last.
  void append(TransactionList& other) {
    if (other.head_ == nullptr) return;
    (head_ == nullptr ? head_ : tail_->next) = other.head_;
    tail_ = other.tail_;
    other = TransactionList{};
  }
  Transaction* pop() {
    Transaction* t = head_;
    if (t != nullptr) head_ = t->next;
    return t;
  }

 private:
  Transaction* head_ = nullptr;
  Transaction* tail_ = nullptr;
};

}  // namespace iommusim::iommu
