// Random maps, unmaps, superpages, contexts and requests on each architecture without time, against a std::map: with no
// caches every request sees the present, with unbounded ones what an invalidation has not yet made over may still be
// seen. A failing sequence is cut down to what is needed to fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "models/base/config/variants.h"
#include "tests/conformance/differential/effort.h"
#include "tests/conformance/differential/software.h"

namespace iommusim::test::differential {
namespace {

using Operations = std::vector<Operation>;
using Caches = UntimedUnit::Caches;

/// One unit and its software, from boot on.
class Session {
 public:
  Session(const Variant& variant, Caches caches)
      : software(variant, memory_),
        architecture_(variant.config->make_architecture()),
        unit_(*architecture_, memory_, caches) {
    unit_.write(software.boot());
  }

  /// Carries one operation out, if possible now. What is wrong, or nothing.
  std::optional<std::string> step(const Operation& op) {
    if (!software.possible(op)) return std::nullopt;
    switch (op.kind) {
      case Operation::Kind::access: return access(op);
      case Operation::Kind::flush: return flush();
      case Operation::Kind::toggle: unit_.write(software.toggle(requests)); break;
      default:
        if (software.pending() >= Software::kMostPending - 2) {
          if (const auto wrong = flush()) return wrong;
        }
        software.apply(op, requests);
    }
    software.history.requests_left(requests, requests);
    return std::nullopt;
  }

 private:
  Memory memory_;

 public:
  Software software;
  RequestNumber requests = 0;
  std::uint64_t translated = 0;

 private:
  std::optional<std::string> access(const Operation& op) {
    const Request request = Software::request(op);
    const Answer got = answer_of(unit_.resolve(request));
    const RequestNumber number = requests++;
    translated += got.outcome == Resolution::Outcome::translated ? 1u : 0u;
    if (software.history.allows(got, op.device, request, number)) return std::nullopt;
    return op.to_text() + ": " + got.to_text() + ", but now it " +
           software.history.now().answer(op.device, request).to_text() +
           (software.history.settled() ? "" : ", and no state it may still see is like that");
  }
  std::optional<std::string> flush() {
    const Software::Submission s = software.submit();
    unit_.write(s.tail);
    const std::uint64_t word = memory_.read64(s.status_address.align_down(8));
    if (static_cast<std::uint32_t>(word >> 8 * s.status_address.offset_in(8)) != s.status)
      return "the wait command of a flush has not written its status";
    software.completed(s);
    software.history.requests_left(requests, requests);
    return std::nullopt;
  }

  std::unique_ptr<Architecture> architecture_;
  UntimedUnit unit_;
};

std::optional<std::string> failure(const Variant& variant, Caches caches, const Operations& operations) {
  Session session(variant, caches);
  for (const Operation& op : operations) {
    if (auto wrong = session.step(op)) return wrong;
  }
  return std::nullopt;
}

/// Leaves out what is not needed to fail: ever smaller pieces of the sequence.
Operations shortest(const Variant& variant, Caches caches, Operations operations) {
  for (std::size_t piece = operations.size() / 2; piece != 0; piece /= 2) {
    for (std::size_t at = 0; at < operations.size();) {
      Operations fewer = operations;
      const auto first = fewer.begin() + static_cast<long>(at);
      fewer.erase(first, first + static_cast<long>(std::min(piece, fewer.size() - at)));
      if (failure(variant, caches, fewer)) {
        operations = std::move(fewer);
      } else {
        at += piece;
      }
    }
  }
  return operations;
}

std::string report(const Variant& variant, Caches caches, std::uint64_t seed, const Operations& operations) {
  const Operations few = shortest(variant, caches, operations);
  std::string out = "\nIOMMUSIM_SEED=" + std::to_string(seed) + " on " + variant.name + ":\n";
  for (const Operation& op : few) out += "  " + op.to_text() + "\n";
  return out + *failure(variant, caches, few);
}

/// A sequence of about `accesses` accesses from one seed. Returns how many requests were translated.
std::uint64_t run(const Variant& variant, Caches caches, std::uint64_t seed, unsigned accesses) {
  Generator generator(variant, seed);
  base::RandomStream random(seed, "order");
  Operations done;
  Session session(variant, caches);
  const auto step = [&](const Operation& op) {
    done.push_back(op);
    return session.step(op);
  };
  // Begins with every device somewhere.
  for (unsigned d = 0; d < Software::kDevices - 1; ++d) {
    Operation op;
    op.kind = Operation::Kind::attach;
    op.device = d;
    op.to = Attachment{Attachment::Mode::domain, d % Software::kDomains};
    step(op);
  }
  while (session.requests < accesses) {
    const Model& now = session.software.history.now();
    const bool change = random.below(8) == 0;
    if (step(change ? generator.change(now) : generator.access(now))) {
      ADD_FAILURE() << report(variant, caches, seed, done);
      return session.translated;
    }
  }
  return session.translated;
}

struct Untimed : ::testing::TestWithParam<Variant> {
  void sequences(Caches caches, std::uint64_t first_seed) {
    constexpr unsigned kAccesses = 2500;
    std::uint64_t requests = 0, translated = 0;
    const std::uint64_t asked = seed_asked_for();
    for (std::uint64_t i = 0; i < (asked != 0 ? 1 : effort(50)) && !HasFailure(); ++i) {
      translated += run(GetParam(), caches, asked != 0 ? asked : first_seed + i, kAccesses);
      requests += kAccesses;
    }
    std::printf("%llu requests, %llu of them translated\n", static_cast<unsigned long long>(requests),
                static_cast<unsigned long long>(translated));
    if (HasFailure()) return;
    EXPECT_GT(translated, requests / 4) << "or the test shows little";
  }
};

TEST_P(Untimed, WithoutCachesEveryRequestIsAnsweredAsTheMapSays) { sequences(Caches::none, 1000); }
TEST_P(Untimed, WithUnboundedCachesOnlyWhatIsNotYetInvalidatedMayBeOld) { sequences(Caches::unbounded, 2000); }

INSTANTIATE_TEST_SUITE_P(Differential, Untimed, ::testing::ValuesIn(variants()),
                         [](const auto& v) { return v.param.name; });

TEST(DifferentialVariants, CoverEveryArchitecture) {
  std::set<std::string> covered;
  for (const Variant& v : variants()) covered.insert(v.architecture);
  for (const auto* a : base::Variants<ArchitectureConfig>::all()) EXPECT_EQ(covered.count(a->name), 1u) << a->name;
}

}  // namespace
}  // namespace iommusim::test::differential
