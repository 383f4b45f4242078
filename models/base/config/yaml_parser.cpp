// YAML text to Node tree over yaml-cpp's events. yaml-cpp's own tree keeps the first of two equal keys in silence,
// expands aliases without bound and knows no sources; its event interface shows everything as written.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "models/base/config/document.h"

namespace iommusim::base {
namespace {

/// Ends the parse after an error that was already reported.
struct Stop {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, std::shared_ptr<const std::string> source, const LoadLimits& limits,
              Diagnostics& diagnostics)
      : text_(text), source_(std::move(source)), limits_(limits), diagnostics_(diagnostics) {}

  Node take() { return std::move(root_); }
  Position position(const YAML::Mark& mark) const {
    return mark.is_null()
               ? Position{source_, 0, 0}
               : Position{source_, static_cast<unsigned>(mark.line + 1), static_cast<unsigned>(mark.column + 1)};
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) fail(mark, "a key is missing before ':'");
    Node node;
    node.position =
        stack_.empty() || stack_.back().node.kind == Node::Kind::list ? position(mark) : stack_.back().key_position;
    finish(std::move(node), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    if (tag != "?") check_closed(mark);
    if (expects_key()) {
      if (anchor != 0) fail(mark, "a key cannot have an anchor");
      take_key(mark, value, tag == "?");
      return;
    }
    Node node;
    node.kind = Node::Kind::scalar;
    node.style = tag == "?" ? Node::Style::plain : Node::Style::quoted;
    node.position = position(mark);
    node.text = value;
    finish(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) fail(mark, "a key cannot be an alias");
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) fail(mark, "an alias refers to the value it is part of");
    // Counted before the copy: a few lines of aliases of aliases would otherwise fill the memory.
    count(mark, it->second.nodes, it->second.bytes);
    finish(it->second.node, 0, false);
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false, drop_value = false;
    std::string key;
    Position key_position;
    std::size_t nodes_before = 0, bytes_before = 0;
  };
  struct Anchored {
    Node node;
    std::size_t nodes, bytes;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) {
    diagnostics_.add(position(mark), path(), message);
    throw Stop();
  }
  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == Node::Kind::map && !stack_.back().has_key;
  }
  std::string path() const {
    std::string out;
    for (const Frame& f : stack_) {
      if (f.node.kind == Node::Kind::list)
        out += "[" + std::to_string(f.node.items.size()) + "]";
      else if (f.has_key)
        out += (out.empty() ? "" : ".") + f.key;
    }
    return out;
  }
  void count(const YAML::Mark& mark, std::size_t nodes, std::size_t bytes) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > limits_.nodes)
      fail(mark, "more than " + std::to_string(limits_.nodes) + " values, aliases counted as often as used");
    if (bytes_ > 8 * limits_.bytes) fail(mark, "too much text, aliases counted as often as used");
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?" && tag != "!" && !tag.empty())
      diagnostics_.add(position(mark), path(), "tags such as '" + tag + "' are not supported: remove it");
  }
  /// yaml-cpp takes the end of the file for a closing quote when a line end comes before it.
  void check_closed(const YAML::Mark& mark) {
    const auto start = static_cast<std::size_t>(mark.pos);
    const char quote = start < text_.size() ? text_[start] : '\0';
    if (quote != '"' && quote != '\'') return;  // a block scalar
    std::size_t i = start + 1;
    while (i < text_.size() && text_[i] != quote) i += quote == '"' && text_[i] == '\\' ? 2 : 1;
    if (i >= text_.size()) fail(mark, "the quote is not closed");
  }
  void take_key(const YAML::Mark& mark, const std::string& key, bool plain) {
    Frame& f = stack_.back();
    count(mark, 1, key.size());
    f.has_key = true;
    f.key = key;
    f.key_position = position(mark);
    f.drop_value = false;
    if (plain && key == "<<") {
      diagnostics_.add(f.key_position, path(), "merge keys are not supported: use `include`, or write the values out");
      f.drop_value = true;
    } else if (const MapEntry* first = f.node.find_entry(key)) {
      diagnostics_.add(f.key_position, path(),
                       "duplicate key, first given at line " + std::to_string(first->position.line));
      f.drop_value = true;
    } else if (key.empty()) {
      diagnostics_.add(f.key_position, path(), "a key is empty");
      f.drop_value = true;
    }
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    check_tag(mark, tag);
    if (expects_key()) fail(mark, "a key must be a text, not a list or a map (is a bracket left open?)");
    if (stack_.size() >= limits_.depth) fail(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    Frame frame;
    frame.node.kind = kind;
    frame.node.position = position(mark);
    frame.anchor = anchor;
    frame.nodes_before = nodes_;
    frame.bytes_before = bytes_;
    count(mark, 1, 0);
    stack_.push_back(std::move(frame));
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.anchor != 0) keep(frame.anchor, frame.node, nodes_ - frame.nodes_before, bytes_ - frame.bytes_before);
    attach(std::move(frame.node));
  }
  void finish(Node node, YAML::anchor_t anchor, bool counted = true) {
    YAML::Mark mark;
    mark.line = static_cast<int>(node.position.line) - 1;
    mark.column = static_cast<int>(node.position.column) - 1;
    if (counted) count(mark, 1, node.text.size());
    if (anchor != 0) keep(anchor, node, 1, node.text.size());
    attach(std::move(node));
  }
  void keep(YAML::anchor_t anchor, const Node& node, std::size_t nodes, std::size_t bytes) {
    YAML::Mark mark;
    mark.line = static_cast<int>(node.position.line) - 1;
    mark.column = static_cast<int>(node.position.column) - 1;
    count(mark, nodes, bytes);  // the copy takes memory too
    anchors_.insert_or_assign(anchor, Anchored{node, nodes, bytes});
  }
  void attach(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& f = stack_.back();
    if (f.node.kind == Node::Kind::list) {
      f.node.items.push_back(std::move(node));
    } else {
      if (!f.drop_value) f.node.entries.push_back({f.key, f.key_position, std::move(node)});
      f.has_key = false;
    }
  }

  std::string_view text_;
  std::shared_ptr<const std::string> source_;
  const LoadLimits& limits_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0, bytes_ = 0;
};

/// Bytes of the UTF-8 character at `p`; 0 when it is none (RFC 3629: no overlong forms, surrogates, or values above
/// 10FFFF).
std::size_t utf8_length(const unsigned char* p, std::size_t left) {
  if (p[0] < 0x80) return 1;
  const std::size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((p[i] & 0xc0) != 0x80) return 0;
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
      (p[0] == 0xf4 && p[1] > 0x8f))
    return 0;
  return n;
}

/// What is wrong with the bytes before any YAML is looked for; true when nothing is.
bool check_bytes(std::string_view text, const std::shared_ptr<const std::string>& source, const LoadLimits& limits,
                 Diagnostics& diagnostics) {
  const auto report = [&](unsigned line, unsigned column, const std::string& message) {
    diagnostics.add({source, line, column}, "", message);
    return false;
  };
  if (text.empty()) return report(0, 0, "the file is empty");
  if (text.size() > limits.bytes)
    return report(0, 0, "larger than " + std::to_string(limits.bytes) + " bytes: not a configuration file");
  unsigned line = 1, column = 1;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = utf8_length(p + i, text.size() - i);
    if (n == 0) return report(line, column, "not UTF-8 text: is this a binary file, or in another encoding?");
    if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t') || p[i] == 0x7f)
      return report(line, column,
                    p[i] == 0 ? "a NUL byte: this is a binary file, not YAML" : "a control character: not a text file");
    column = p[i] == '\n' ? 1 : column + 1;
    line += p[i] == '\n';
    i += n;
  }
  return true;
}

/// YAML reads '> 4' as the beginning of a folded text; who wrote it meant a condition.
std::string hint(std::string_view text, const YAML::Mark& mark) {
  const auto at = static_cast<std::size_t>(std::max(mark.pos, 0));
  if (at >= text.size()) return "";
  const std::size_t sign = text.rfind('>', at), line = text.rfind('\n', at);
  const bool here = sign != std::string_view::npos && (line == std::string_view::npos || sign > line);
  return here && sign + 4 > at ? ". A text that begins with '>' is written in quotes" : "";
}

}  // namespace

Node parse_yaml(std::string_view text, const std::string& name, const LoadLimits& limits, Diagnostics& diagnostics) {
  const auto source = std::make_shared<const std::string>(name);
  if (!check_bytes(text, source, limits, diagnostics)) return {};
  TreeBuilder builder(text, source, limits, diagnostics);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) diagnostics.add({source, 0, 0}, "", "the file holds no value");
    Node root = builder.take();
    TreeBuilder rest(text, source, limits, diagnostics);
    if (parser.HandleNextDocument(rest))
      diagnostics.add(rest.take().position, "",
                      "the file goes on after its value: wrong indentation, or a second document ('---')");
    return root;
  } catch (const Stop&) {
  } catch (const YAML::Exception& e) {
    diagnostics.add(builder.position(e.mark), "", "not valid YAML: " + e.msg + hint(text, e.mark));
  }
  return {};
}

}  // namespace iommusim::base
