#include "tests/conformance/riscv/scenario.h"

#include <zlib.h>

#include <memory>

namespace iommusim::conformance {

std::uint64_t number(const Json& value) {
  if (value.is_number_unsigned() || value.is_number_integer()) return value.get<std::uint64_t>();
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    std::size_t used = 0;
    const std::uint64_t n = text.rfind("0x", 0) == 0 ? std::stoull(text, &used, 16) : 0;
    if (used == text.size() && used > 2) return n;
  }
  throw std::invalid_argument("a number is expected instead of " + value.dump());
}
std::uint64_t number(const Json& object, const char* key, std::uint64_t otherwise) {
  const auto it = object.find(key);
  return it == object.end() ? otherwise : number(*it);
}
std::string hex(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

namespace {

struct Close {
  void operator()(gzFile f) const { gzclose(f); }
};

/// The lines of a file; zlib reads plain text as it is.
std::vector<std::string> lines_of(const std::string& file) {
  std::unique_ptr<gzFile_s, Close> in(gzopen(file.c_str(), "rb"));
  if (!in) throw BadFile(file + ": cannot be opened");
  std::string text;
  char block[1 << 16];
  int n = 0;
  while ((n = gzread(in.get(), block, sizeof block)) > 0) text.append(block, static_cast<std::size_t>(n));
  int error = Z_OK;
  gzerror(in.get(), &error);
  if (n < 0 || error == Z_BUF_ERROR || error == Z_DATA_ERROR) throw BadFile(file + ": is damaged (gzip)");
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

void add_line(Scenario& s, unsigned line, Json json, bool& ended) {
  const std::string kind = json.at("t").get<std::string>();
  if (ended) throw std::invalid_argument("nothing may follow the line 'end'");
  if (s.header.is_null() != (kind == "scenario"))
    throw std::invalid_argument("the first line, and no other, is of type 'scenario'");
  if (kind == "scenario") {
    if (json.at("schema") != "riscv-iommu-refvec-1")
      throw std::invalid_argument("schema " + json.at("schema").dump() + " is not riscv-iommu-refvec-1");
    for (const Json& tag : json.at("tags")) {
      if (tag.get<std::string>().rfind("impl:", 0) == 0) s.implementation_defined = true;
    }
    s.header = std::move(json);
  } else if (kind == "mem") {
    for (const Json& w : json.at("w")) s.memory[number(w.at(0))] = number(w.at(1));
  } else if (kind == "op" || kind == "drain") {
    s.steps.push_back(Line{line, std::move(json)});
  } else if (kind == "end") {
    ended = true;
  } else {
    throw std::invalid_argument("unknown type of line '" + kind + "'");
  }
}

}  // namespace

Scenario read_scenario(const std::string& file) {
  Scenario s;
  s.file = file;
  bool ended = false;
  unsigned line = 0;
  for (const std::string& text : lines_of(file)) {
    ++line;
    if (text.empty()) continue;
    try {
      add_line(s, line, Json::parse(text), ended);
    } catch (const std::exception& e) {
      throw BadFile(file + ":" + std::to_string(line) + ": " + e.what());
    }
  }
  if (!ended) throw BadFile(file + ": ends without a line of type 'end'");
  return s;
}

}  // namespace iommusim::conformance
