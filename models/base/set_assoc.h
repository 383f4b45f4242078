// The one set-associative container: IOTLB, context cache, walk caches, last-level cache. Sets of up to 32 ways compare
// a byte of hash per way; wider sets, full associativity included, use a hash index. LRU, FIFO and both kinds of lookup
// are O(1); nothing is allocated after construction. It has no notion of time: ports and latencies belong to the
// modules that own one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/base/cache_config.h"
#include "models/base/hash_index.h"
#include "models/base/policies/lru.h"
#include "models/base/tag_prints.h"

namespace iommusim::base {

/// Key: equality comparable and default constructible, like Value. `Hash(key)` tells entries of a set apart;
/// `Index(key)` modulo the number of sets chooses the set (default: the hash; give one to index by low page-number
/// bits).
template <class Key, class Value, class Hash = std::hash<Key>, class Index = Hash>
class SetAssoc {
 public:
  struct Inserted {
    Value* value = nullptr;  ///< the new entry; null when the cache has no entries or no allowed way
    std::optional<std::pair<Key, Value>> evicted;  ///< what was replaced
    std::size_t cleared = 0;                       ///< entries dropped by when_full: clear
  };

  /// Throws UserError for a shape or policy that CacheConfig's own checks reject. `seed` and `name` choose the stream
  /// of random replacement; name the cache after its module.
  explicit SetAssoc(const CacheConfig& config, std::uint64_t seed = 0, const std::string& name = "", Hash hash = Hash(),
                    Index index = Index())
      : hash_(hash),
        index_(index),
        ways_(config.ways == 0 ? config.entries : config.ways),
        when_full_(config.when_full),
        wide_(ways_ > scan_limit),
        slots_(config.entries),
        lookup_(wide_ ? config.entries : 0),
        prints_(wide_ || config.entries == 0 ? 0 : config.entries / ways_, ways_) {
    check_shape(config);
    if (config.entries == 0) return;
    sets_ = config.entries / ways_;
    set_mask_ = (sets_ & (sets_ - 1)) == 0 ? sets_ - 1 : 0;
    policy_ = ReplacementRegistry::make(config.policy, PolicyShape{sets_, ways_, seed, name});
    lru_ = dynamic_cast<Lru*>(policy_.get());
    valid_.resize(std::size_t{sets_} * words());
    used_.resize(sets_);
  }

  /// The value, or null; a hit is told to the policy.
  Value* find(const Key& key) {
    const Place p = locate(key);
    if (p.slot == HashIndex::none) return nullptr;
    touch(p);
    return &slots_[p.slot].value;
  }
  /// The value, or null; the policy does not notice.
  const Value* peek(const Key& key) const {
    const std::uint32_t slot = locate(key).slot;
    return slot == HashIndex::none ? nullptr : &slots_[slot].value;
  }

  /// Fills `key`; a present key gets the new value and counts as a hit. A free allowed way is taken first (the lowest),
  /// then `when_full` decides. `allowed` restricts the ways of the fill (at most 64 ways then); a present key stays
  /// where it is.
  Inserted insert(const Key& key, const Value& value, WayMask allowed = all_ways) {
    Inserted result;
    if (slots_.empty()) return result;
    Place p = locate(key);
    if (p.slot != HashIndex::none) {
      touch(p);
      slots_[p.slot].value = value;
      result.value = &slots_[p.slot].value;
      return result;
    }
    return write(p, key, value, allowed);
  }
  /// Fills `key` without looking whether it is present: another entry with the same key. Lookups find either.
  Inserted insert_again(const Key& key, const Value& value) {
    if (slots_.empty()) return {};
    Place p;
    p.set = set_of(key);
    p.hash = wide_ ? mix_bits(hash_(key)) : hash_(key);
    return write(p, key, value, all_ways);
  }

  /// Keeps a way of the set where `key` would go free for a later fill: no other fill takes it before release(). Evicts
  /// if no way is free (`when_full` does not apply). False in the first member: every way of the set is reserved.
  std::pair<bool, std::optional<std::pair<Key, Value>>> reserve(const Key& key) {
    std::pair<bool, std::optional<std::pair<Key, Value>>> result{false, std::nullopt};
    if (slots_.empty()) return result;
    if (reserved_.empty()) reserved_.resize(sets_);
    const std::uint32_t set = set_of(key);
    if (reserved_[set] == ways_) return result;
    if (used_[set] + reserved_[set] == ways_) result.second = take_out(set, victim(set, all_ways));
    ++reserved_[set];
    result.first = true;
    return result;
  }
  /// Gives back what reserve(key) kept.
  void release(const Key& key) { --reserved_[set_of(key)]; }

  /// True when the key was present.
  bool erase(const Key& key) {
    const Place p = locate(key);
    if (p.slot == HashIndex::none) return false;
    drop(p.set, p.slot - p.set * ways_, key);
    return true;
  }
  /// Drops every entry for which predicate(key, value) holds, in slot order; returns how many. Linear in the entries.
  template <class Predicate>
  std::size_t erase_if(Predicate predicate) {
    std::size_t count = 0;
    each_slot([&](std::uint32_t set, std::uint32_t way) {
      const Slot& s = slots_[set * ways_ + way];
      if (predicate(s.key, s.value)) {
        drop(set, way, s.key);
        ++count;
      }
    });
    return count;
  }
  void clear() {
    erase_if([](const Key&, const Value&) { return true; });
  }
  /// Calls visit(key, value) for each entry, in slot order.
  template <class Visit>
  void for_each(Visit visit) const {
    each_slot([&](std::uint32_t set, std::uint32_t way) {
      visit(slots_[set * ways_ + way].key, slots_[set * ways_ + way].value);
    });
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return slots_.size(); }
  std::uint32_t sets() const { return sets_; }
  std::uint32_t ways() const { return ways_; }

 private:
  static constexpr std::uint32_t scan_limit = 32;  // above it a probe of the index is cheaper than comparing prints
  struct Slot {
    Key key{};
    Value value{};
  };
  struct Place {
    std::uint32_t set = 0, slot = HashIndex::none;
    std::uint64_t hash = 0;
  };

  Inserted write(const Place& p, const Key& key, const Value& value, WayMask allowed) {
    Inserted result;
    if (ways_ <= 64 && (allowed & low_bits(ways_)) == low_bits(ways_)) allowed = all_ways;
    if (allowed != all_ways && (ways_ > 64 || (allowed & low_bits(ways_)) == 0)) return result;
    if (allowed != all_ways) allowed &= low_bits(ways_);
    std::uint32_t way = free_way(p.set, allowed);
    if (way == HashIndex::none && used_[p.set] == 0) return result;  // every way is reserved
    if (way == HashIndex::none && when_full_ == WhenFull::clear) {
      result.cleared = size_;
      clear();
      way = free_way(p.set, allowed);
    } else if (way == HashIndex::none) {
      way = victim(p.set, allowed);
      result.evicted = take_out(p.set, way);
    }
    const std::uint32_t slot = p.set * ways_ + way;
    slots_[slot] = {key, value};
    valid_[std::size_t{p.set} * words() + way / 64] |= std::uint64_t{1} << way % 64;
    ++used_[p.set];
    ++size_;
    wide_ ? lookup_.insert(p.hash, slot) : prints_.set(p.set, way, TagPrints::of(p.hash));
    lru_ ? lru_->on_fill(p.set, way) : policy_->on_fill(p.set, way);
    result.value = &slots_[slot].value;
    return result;
  }
  std::uint32_t reserved_in(std::uint32_t set) const { return reserved_.empty() ? 0 : reserved_[set]; }
  /// A way to replace; requires an entry in the set.
  std::uint32_t victim(std::uint32_t set, WayMask allowed) {
    if (used_[set] == ways_) return lru_ ? lru_->victim(set, allowed) : policy_->victim(set, allowed);
    // The other ways are reserved: policies know only sets whose every allowed way holds an entry.
    const std::uint64_t* valid = &valid_[std::size_t{set} * words()];
    if (ways_ <= 64) return policy_->victim(set, allowed & valid[0]);
    std::uint32_t way = policy_->victim(set, all_ways);
    while ((valid[way / 64] >> way % 64 & 1) == 0) way = (way + 1) % ways_;
    return way;
  }
  std::pair<Key, Value> take_out(std::uint32_t set, std::uint32_t way) {
    Slot& old = slots_[set * ways_ + way];
    std::pair<Key, Value> entry(std::move(old.key), std::move(old.value));
    drop(set, way, entry.first);
    return entry;
  }
  static constexpr WayMask low_bits(std::uint32_t n) { return n >= 64 ? all_ways : (WayMask{1} << n) - 1; }
  std::uint32_t words() const { return (ways_ + 63) / 64; }
  static void check_shape(const CacheConfig& config) {
    if (config.ways != 0 && (config.ways > config.entries || config.entries % config.ways != 0))
      throw UserError("a cache of " + std::to_string(config.entries) + " entries cannot have " +
                      std::to_string(config.ways) + " ways");
  }
  std::uint32_t set_of(const Key& key) const {
    if (sets_ <= 1) return 0;
    const std::uint64_t i = index_(key);
    return static_cast<std::uint32_t>(set_mask_ != 0 ? i & set_mask_ : i % sets_);
  }
  Place locate(const Key& key) const {
    Place p;
    if (slots_.empty()) return p;
    p.set = set_of(key);
    if (wide_) {
      p.hash = mix_bits(hash_(key));
      p.slot = lookup_.find(p.hash, [&](std::uint32_t s) { return slots_[s].key == key; });
      return p;
    }
    p.hash = hash_(key);
    const Slot* slots = &slots_[p.set * ways_];
    const std::uint32_t way =
        prints_.find(p.set, TagPrints::of(p.hash), [&](std::uint32_t w) { return slots[w].key == key; });
    if (way != TagPrints::none) p.slot = p.set * ways_ + way;
    return p;
  }
  void touch(const Place& p) {
    const std::uint32_t way = p.slot - p.set * ways_;
    lru_ ? lru_->on_hit(p.set, way) : policy_->on_hit(p.set, way);
  }
  std::uint32_t free_way(std::uint32_t set, WayMask allowed) const {
    if (used_[set] + reserved_in(set) >= ways_) return HashIndex::none;
    for (std::uint32_t w = 0; w < words(); ++w) {
      const std::uint64_t free = ~valid_[std::size_t{set} * words() + w] & low_bits(ways_ - 64 * w) & allowed;
      if (free != 0) return 64 * w + static_cast<std::uint32_t>(__builtin_ctzll(free));
    }
    return HashIndex::none;
  }
  void drop(std::uint32_t set, std::uint32_t way, const Key& key) {
    const std::uint32_t slot = set * ways_ + way;
    wide_ ? lookup_.erase(mix_bits(hash_(key)), slot) : prints_.set(set, way, 0);
    valid_[std::size_t{set} * words() + way / 64] &= ~(std::uint64_t{1} << way % 64);
    --used_[set];
    --size_;
    policy_->on_invalidate(set, way);
  }
  template <class Body>
  void each_slot(Body body) const {
    for (std::uint32_t set = 0; set < sets_; ++set)
      for (std::uint32_t w = 0; w < words(); ++w)
        for (std::uint64_t bits = valid_[std::size_t{set} * words() + w]; bits != 0; bits &= bits - 1)
          body(set, 64 * w + static_cast<std::uint32_t>(__builtin_ctzll(bits)));
  }

  Hash hash_;
  Index index_;
  std::uint32_t sets_ = 0, ways_;
  std::uint64_t set_mask_ = 0;  // 0 when the number of sets is no power of two
  WhenFull when_full_;
  bool wide_;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> valid_;     // bit per way
  std::vector<std::uint32_t> used_;      // valid ways of each set
  std::vector<std::uint32_t> reserved_;  // ways of each set kept free by reserve(); empty until it is called
  HashIndex lookup_;                     // when wide_
  TagPrints prints_;                     // when not
  std::size_t size_ = 0;
  std::unique_ptr<Replacement> policy_;
  Lru* lru_ = nullptr;  // the policy again when it is LRU, to call it without indirection
};

}  // namespace iommusim::base
