#include "tests/conformance/riscv/compare.h"

#include <set>

namespace iommusim::conformance {

namespace {

bool same(const Json& a, const Json& b);

bool same_object(const Json& expected, const Json& got) {
  for (const auto& [key, value] : expected.items()) {
    if (key == "iotval2_mask") continue;
    if (!got.contains(key)) return false;
    if (key == "iotval2" && expected.contains("iotval2_mask")) {
      const std::uint64_t mask = number(expected.at("iotval2_mask"));
      if (((number(value) ^ number(got.at(key))) & mask) != 0) return false;
    } else if (!same(value, got.at(key))) {
      return false;
    }
  }
  return true;
}

bool same(const Json& a, const Json& b) {
  if (a.is_object()) return b.is_object() && same_object(a, b);
  if (a.is_array()) {
    if (!b.is_array() || a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same(a[i], b[i])) return false;
    }
    return true;
  }
  const auto is_number = [](const Json& j) {
    return j.is_number() || (j.is_string() && j.get_ref<const std::string&>().rfind("0x", 0) == 0);
  };
  return is_number(a) && is_number(b) ? number(a) == number(b) : a == b;
}

class Differences {
 public:
  void add(const std::string& key, const Json& expected, const Json& got) {
    text += (text.empty() ? "" : "; ") + key + ": expected " + expected.dump() + ", got " + got.dump();
  }
  std::string text;
};

/// Words written: those listed must hold what is listed, others what they held before.
void compare_memory(const Json& expected, const Json& got, Differences& out) {
  std::set<std::uint64_t> listed;
  if (expected.contains("mem")) {
    for (const Json& w : expected.at("mem")) {
      const std::uint64_t address = number(w.at(0));
      listed.insert(address);
      const std::uint64_t now =
          got.at("words").contains(hex(address)) ? number(got.at("words").at(hex(address))) : number(w.at(1)) + 1;
      if (now != number(w.at(1)))
        out.add("mem[" + hex(address) + "]", w.at(1),
                got.at("words").contains(hex(address)) ? got.at("words").at(hex(address)) : Json("unchanged"));
    }
  }
  for (const auto& [address, value] : got.at("changed").items()) {
    if (listed.count(std::stoull(address, nullptr, 16)) == 0) out.add("mem[" + address + "]", "unchanged", value);
  }
}

}  // namespace

std::string differences(const Json& op, const Json& expected, const Json& got, bool records_listed) {
  static const std::set<std::string> kLists{"fq", "pq", "msg"};
  static const std::set<std::string> kHints{"size_impl",    "pa_impl", "global_impl", "w_impl",
                                            "mem_on_fault", "mem",     "mask"};
  Differences out;
  const Json none = nullptr, empty = Json::array();
  const auto skipped = [&](const std::string& key) {
    if (kHints.count(key) != 0) return true;
    if (key == "w") {
      // Without a request to write, a model need not tell that it would be allowed.
      const bool may_refuse = number(op, "nw") == 1 && number(got, "w") == 0;
      return expected.contains("w_impl") || may_refuse;
    }
    return expected.contains(key + "_impl");
  };
  // A page base says where the address asked for goes; how large a range the answer covers may be a choice.
  const auto destination = [&op](const Json& answer) {
    return number(answer, "addr") + (number(op, "iova") & (number(answer, "size") - 1));
  };
  for (const auto& [key, value] : expected.items()) {
    if (key == "cause" && op.at("op") == "dbg" && !got.contains(key)) continue;  // filtered: no record
    if (kLists.count(key) != 0 || key == "sync" || skipped(key)) continue;
    if (!got.contains(key)) {
      out.add(key, value, none);
    } else if (key == "addr" && expected.contains("size_impl")) {
      if (destination(expected) != destination(got)) out.add(key, value, got.at(key));
    } else if (key == "val") {
      const std::uint64_t mask = number(expected, "mask", ~std::uint64_t{0});
      if ((number(got.at(key)) & mask) != number(value)) out.add(key, value, got.at(key));
    } else if (!same(value, got.at(key))) {
      out.add(key, value, got.at(key));
    }
  }
  for (const char* key : {"msi", "mrif"}) {
    if (got.contains(key) && !expected.contains(key)) out.add(key, none, got.at(key));
  }
  for (const std::string& key : kLists) {
    if (!records_listed && key != "msg") continue;
    const Json& list = expected.contains(key) ? expected.at(key) : empty;
    if (!same(list, got.at(key))) out.add(key, list, got.at(key));
  }
  const Json& sync = expected.contains("sync") ? expected.at("sync") : none;
  if (!same(sync, got.at("sync"))) out.add("sync", sync, got.at("sync"));
  compare_memory(expected, got, out);
  return out.text;
}

}  // namespace iommusim::conformance
