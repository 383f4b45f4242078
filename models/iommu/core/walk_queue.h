// Requests that wait for a walker, and who is next.
#pragma once

#include <algorithm>
#include <vector>

#include "models/iommu/core/transaction.h"
#include "models/iommu/core/walker_pool_config.h"

namespace iommusim::iommu {

/// One line for all, or one per requester where an order between requesters or a limit for each is to be kept. A
/// request taken goes on or is put back.
class WalkQueue {
 public:
  /// `by_requester`: a requester that may not have a walker does not keep the others waiting.
  WalkQueue(WalkerOrder order, bool by_requester) : fair_(order == WalkerOrder::fair), by_requester_(by_requester) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// The youngest of all.
  void push(Transaction& t) {
    line(t).list.push(t);
    ++size_;
  }
  /// As the oldest of its requester.
  void put_back(Transaction& t) {
    line(t).list.push_front(t);
    ++size_;
  }
  /// Requests older than all that wait, oldest first.
  void push_older(TransactionList& older) {
    TransactionList reversed;
    while (Transaction* t = older.pop()) reversed.push_front(*t);
    while (Transaction* t = reversed.pop()) put_back(*t);
  }
  /// The next one whose requester `may(requester)` have a walker; null if there is none. One line: the oldest, whoever
  /// asks.
  template <class May>
  Transaction* take(May may) {
    Line* best = nullptr;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& l = lines_[fair_ ? (turn_ + i) % lines_.size() : i];
      if (l.list.empty() || (by_requester_ && !may(*l.requester))) continue;
      if (best == nullptr || l.list.front()->ticket < best->list.front()->ticket) best = &l;
      if (fair_) break;
    }
    if (best == nullptr) return nullptr;
    if (fair_) turn_ = static_cast<std::size_t>(best - lines_.data()) + 1;
    --size_;
    return best->list.pop();
  }

 private:
  struct Line {
    Requester* requester = nullptr;
    TransactionList list;
  };
  Line& line(const Transaction& t) {
    Requester* const key = by_requester_ ? t.requester : nullptr;
    const auto found = std::find_if(lines_.begin(), lines_.end(), [key](const Line& l) { return l.requester == key; });
    if (found != lines_.end()) return *found;
    lines_.push_back(Line{key, {}});
    return lines_.back();
  }

  bool fair_, by_requester_;
  std::vector<Line> lines_;
  std::size_t turn_ = 0;  ///< fair: the line that is asked first
  std::size_t size_ = 0;
};

}  // namespace iommusim::iommu
