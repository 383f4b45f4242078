#include "models/base/config/diagnostics.h"

#include <algorithm>
#include <tuple>

namespace iommusim::base {
namespace {

std::vector<Diagnostic> sort_unique(std::vector<Diagnostic> items) {
  const auto key = [](const Diagnostic& d) {
    return std::make_tuple(d.position.source ? *d.position.source : std::string(), d.position.line, d.position.column);
  };
  std::stable_sort(items.begin(), items.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
  items.erase(std::unique(items.begin(), items.end(),
                          [](const Diagnostic& a, const Diagnostic& b) { return a.text() == b.text(); }),
              items.end());
  return items;
}
/// What came from a file may hold anything: control bytes are spelt out, endless texts cut.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (out.size() > 2000) return out + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}
std::string lines(const std::vector<Diagnostic>& items) {
  std::string out;
  for (const Diagnostic& d : items) out += d.text() + "\n";
  return out;
}

}  // namespace

std::string to_text(const Position& position) {
  const std::string source = position.source ? *position.source : "configuration";
  return position.line == 0 ? source
                            : source + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::string Diagnostic::text() const {
  return to_text(position) + ": " + printable((path.empty() ? "" : path + ": ") + message);
}

ConfigError::ConfigError(std::vector<Diagnostic> diagnostics)
    : UserError([&] {
        std::string text = lines(sort_unique(diagnostics));
        if (!text.empty()) text.pop_back();
        return text;
      }()),
      diagnostics_(sort_unique(std::move(diagnostics))) {}

void Diagnostics::add(Position position, std::string path, std::string message) {
  items_.push_back({std::move(position), std::move(path), std::move(message)});
}
std::vector<Diagnostic> Diagnostics::sorted() const { return sort_unique(items_); }
std::string Diagnostics::text() const { return lines(sorted()); }
void Diagnostics::raise() const {
  if (!items_.empty()) throw ConfigError(items_);
}

}  // namespace iommusim::base
