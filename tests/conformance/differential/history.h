// The states that software's structures have gone through, and which of them a request may still see: a change is over
// for a request once the invalidation that makes it known has been waited for; until then the old state is as right as
// the new. Adding what was absent takes no invalidation, and is over for requests that arrive when none older is
// inside.
#pragma once

#include <cstdint>
#include <deque>

#include "tests/conformance/differential/model.h"

namespace iommusim::test::differential {

/// Number of a request in order of arrival.
using RequestNumber = std::uint64_t;

class History {
 public:
  explicit History(Model initial) { versions_.push_back({std::move(initial), true, true, 0, 0}); }

  const Model& now() const { return versions_.back().model; }
  /// Number of the present state; every change makes the next.
  std::uint64_t version() const { return first_ + versions_.size() - 1; }

  /// Begins a change: the state to modify. `next`: number of the next request to arrive.
  Model& change(bool invalidates, RequestNumber next) {
    versions_.push_back({versions_.back().model, invalidates, false, next, 0});
    return versions_.back().model;
  }
  /// A wait command that was submitted in this version has completed.
  void waited(std::uint64_t version);
  /// All requests before `oldest` have left; `next` is the next to arrive.
  void requests_left(RequestNumber oldest, RequestNumber next);
  /// True if no change is under way: whatever arrives now sees the present state only.
  bool settled() const;

  /// Whether a request that arrived as the `number`-th and leaves now may get this answer. Its context and its tables
  /// may be those of different moments.
  bool allows(const Answer& got, unsigned device, const Request& request, RequestNumber number) const;

 private:
  struct Version {
    Model model;
    // Of the change that led here:
    bool invalidates;
    bool over;
    RequestNumber before;  ///< without invalidation: requests of smaller numbers were inside
    RequestNumber from;    ///< over, without invalidation: requests from this number on see it
  };
  bool tables_allow(const Answer& got, const Attachment& at, const Request& request, RequestNumber number) const;
  bool over(const Version& v, RequestNumber number) const { return v.over && (v.invalidates || number >= v.from); }

  std::deque<Version> versions_;
  std::uint64_t first_ = 0;
};

}  // namespace iommusim::test::differential
