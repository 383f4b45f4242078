// System software of the random tests: carries operations out with an architecture's driver, keeps the history, and
// writes the command queue. Memory and register writes take no time of their own; who calls decides when they happen.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/iommu/api/driver.h"
#include "models/iommu/core/stale_hit_oracle.h"
#include "models/memory/sparse_memory.h"
#include "tests/conformance/differential/operation.h"

namespace iommusim::test::differential {

/// Memory with an allocator that hands out at once what has just been released, zeroed: a walk that still holds a
/// pointer to it is found out.
class Memory : public TableMemory {
 public:
  std::uint64_t read64(Hpa a) override { return contents.read64(a); }
  void write64(Hpa a, std::uint64_t value) override { contents.write64(a, value); }
  Hpa allocate(std::uint64_t bytes) override;
  void release(Hpa block, std::uint64_t bytes) override;
  mem::SparseMemory contents;

 private:
  std::map<std::uint64_t, std::vector<Hpa>> free_;  ///< by size
  std::uint64_t next_ = std::uint64_t{1} << 33;
};

class Software {
 public:
  Software(const Variant& variant, Memory& memory);
  /// The register writes that bring the unit up, translation on.
  std::vector<RegisterWrite> boot();

  static constexpr unsigned kDomains = 4, kDevices = 6;
  static SourceId source(unsigned device);
  /// The device with that source.
  static unsigned device(SourceId source);
  static Request request(const Operation& access);

  /// Whether software may do it now; what it may not is skipped, so that any part of a sequence is one.
  bool possible(const Operation& op) const;
  /// Writes tables or contexts. `next`: number of the next request to arrive.
  void apply(const Operation& op, RequestNumber next);
  /// Switches translation: no request may be inside, nothing to invalidate. What stands in the caches is invalidated by
  /// the next submission.
  std::vector<RegisterWrite> toggle(RequestNumber next);

  /// A batch of commands with a wait at its end, in memory and not yet rung.
  struct Submission {
    RegisterWrite tail;
    std::uint64_t version = 0;
    Hpa status_address;
    std::uint32_t status = 0;
    std::vector<std::uint64_t> releases;  ///< by domain: unmaps so far that took tables out of use
  };
  bool to_invalidate() const { return !pending_.empty(); }
  /// Commands and their wait for all that is pending. At most kMostPending commands may be: flush before there are
  /// more.
  Submission submit();
  void completed(const Submission& s);
  /// The oracle of the timed unit, to be told of each call that takes something away: from before the tables change
  /// until its invalidation has been waited for.
  void tell(StaleHitOracle* oracle) { oracle_ = oracle; }
  static constexpr std::size_t kMostPending = 64;
  std::size_t pending() const { return pending_.size(); }

  History history;
  Driver& driver() { return *driver_; }

 private:
  void map(const Operation& op, RequestNumber next);
  void unmap(const Operation& op, RequestNumber next);
  void attach(const Operation& op, RequestNumber next);
  void invalidate_pages(unsigned domain, std::uint64_t first, std::uint64_t bytes, bool leaf_only);
  void invalidate(Invalidation::Kind kind, unsigned domain = 0, SourceId source = SourceId());
  void put(const Invalidation& command);

  /// Addresses whose tables went. Until that has been invalidated and waited for a walker may hold pointers to them and
  /// miss what is mapped there anew: software gives out such addresses no earlier (Linux: queue_iova).
  struct Closed {
    unsigned domain;
    std::uint64_t first, bytes, version;
  };

  const Variant& variant_;
  Memory& memory_;
  std::unique_ptr<Driver> driver_;
  std::vector<std::unique_ptr<PageTables>> tables_;
  std::vector<std::uint64_t> releases_;
  std::vector<Invalidation> pending_;
  std::vector<Closed> closed_;
  /// A call that takes something away, not yet waited for.
  struct Call {
    std::uint64_t name;
    Iova first;
    std::uint64_t bytes, version;
  };
  void begin_call(const std::vector<SourceId>& sources, Iova first, std::uint64_t bytes);
  StaleHitOracle* oracle_ = nullptr;
  std::vector<Call> calls_;
  std::uint64_t next_call_ = 0;
  Hpa status_;
  std::uint32_t tail_ = 0, submissions_ = 0;
};

}  // namespace iommusim::test::differential
