// What a random test does: changes of software's structures, invalidations, accesses of devices. Plain data, so that a
// failing sequence can be cut down and shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/base/random/stream.h"
#include "tests/conformance/differential/history.h"

namespace iommusim::test::differential {

struct Operation {
  enum class Kind : std::uint8_t {
    map,     ///< domain, first, bytes, output, rights, max_page
    unmap,   ///< domain, first, bytes, scope, leaf_hint
    attach,  ///< device, to
    flush,   ///< submits what unmaps and attachments have left to invalidate, and waits
    toggle,  ///< translation of the whole unit off or on
    access   ///< device, first (address), bytes, rights (needed)
  };
  enum class Scope : std::uint8_t { pages, domain, global };
  Kind kind = Kind::access;
  unsigned domain = 0;
  unsigned device = 0;
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;
  std::uint64_t output = 0;
  std::uint64_t max_page = 4096;
  Rights rights;
  Attachment to;
  Scope scope = Scope::pages;
  bool leaf_hint = false;  ///< if no table goes, say so
  std::string to_text() const;
};

/// Draws operations. Addresses come from few places, so that they are used again soon; a part of the accesses goes
/// where something was mapped until recently, a part anywhere in 64 bits.
class Generator {
 public:
  Generator(const Variant& variant, std::uint64_t seed);
  /// A change, flush or toggle; not every one is possible in the present state (Software::possible).
  Operation change(const Model& model);
  Operation access(const Model& model);
  /// What looks like an interrupt is none of these tests' business.
  static bool interrupt(std::uint64_t address) { return address >> 20 == 0xfee; }

 private:
  Operation map(const Model& model);
  Operation unmap(const Model& model);
  Operation attach(const Model& model);
  std::uint64_t place(const Model& model, unsigned domain, std::uint64_t align);

  const Variant& variant_;
  base::RandomStream random_;
  std::vector<std::uint64_t> recent_;  ///< addresses that were mapped or unmapped lately
  std::size_t next_recent_ = 0;
};

}  // namespace iommusim::test::differential
