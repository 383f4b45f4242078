#include "tests/conformance/differential/history.h"

namespace iommusim::test::differential {

void History::waited(std::uint64_t version) {
  for (std::size_t i = 0; i < versions_.size() && first_ + i <= version; ++i) {
    if (versions_[i].invalidates) versions_[i].over = true;
  }
}

void History::requests_left(RequestNumber oldest, RequestNumber next) {
  for (Version& v : versions_) {
    if (v.over || v.invalidates || v.before > oldest) continue;
    v.over = true;
    v.from = next;
  }
  while (versions_.size() > 1 && over(versions_[1], oldest)) {
    versions_.pop_front();
    ++first_;
  }
}

bool History::settled() const {
  for (std::size_t i = 1; i < versions_.size(); ++i) {
    if (!versions_[i].over) return false;
  }
  return true;
}

// A state may be seen as long as the next change that alters what is asked for is not over.
bool History::allows(const Answer& got, unsigned device, const Request& request, RequestNumber number) const {
  if (!now().on) return same(got, now().answer(device, request));
  for (std::size_t c = versions_.size(); c-- > 0;) {  // whose context
    const Attachment& at = versions_[c].model.device(device);
    bool seen = true;
    for (std::size_t k = c + 1; k < versions_.size(); ++k) {
      if (versions_[k].model.device(device) == at) continue;
      seen = !over(versions_[k], number);
      break;
    }
    if (seen && tables_allow(got, at, request, number)) return true;
  }
  return false;
}

bool History::tables_allow(const Answer& got, const Attachment& at, const Request& request,
                           RequestNumber number) const {
  for (std::size_t t = versions_.size(); t-- > 0;) {
    if (!same(versions_[t].model.answer(at, request), got)) continue;
    std::size_t k = t + 1;
    while (k < versions_.size() && same(versions_[k].model.answer(at, request), got)) ++k;
    if (k == versions_.size() || !over(versions_[k], number)) return true;
  }
  return false;
}

}  // namespace iommusim::test::differential
