// Scalars and choices; the defaults of ValueType. Structs, optionals, lists and variants are in composite_types.cpp.
#include "models/base/config/value_type.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/base/text.h"

namespace iommusim::base {

namespace {
[[noreturn]] void misuse(const ValueType& type, const char* refinement) {
  throw std::logic_error(std::string("field list: ") + refinement + " does not apply to a " + type.name());
}
}  // namespace
void ValueType::nested(const void*, const std::function<void(const FieldList&, const void*)>&) const {}
void ValueType::set_range(const std::string&, const std::string&) { misuse(*this, "range"); }
void ValueType::set_items(std::size_t, std::size_t) { misuse(*this, "items_between"); }
void ValueType::set_one_of(std::vector<std::string>) { misuse(*this, "one_of"); }
void ValueType::set_word(const std::string&, const std::string&) { misuse(*this, "word"); }
void ValueType::set_unique(const std::string&) { misuse(*this, "unique"); }
void ValueType::set_power_of_two() { misuse(*this, "power_of_two"); }
void ValueType::set_shape(const std::string&) { misuse(*this, "shape"); }
void ValueType::set_values(const FieldList& (*)()) { misuse(*this, "values"); }

namespace {

using Json = nlohmann::ordered_json;

std::string with_article(const std::string& noun) {
  return (std::string("aeiou").find(noun[0]) == std::string::npos ? "a " : "an ") + noun;
}

bool expect_scalar(const Node& node, const ReadContext& context, const std::string& name, const std::string& example) {
  if (node.kind == Node::Kind::scalar) return true;
  if (node.kind == Node::Kind::null)
    context.error(node.position, "has no value: write " + with_article(name) + " such as " + example);
  else
    context.error(node.position,
                  "expected " + with_article(name) + " such as " + example + ", found " + node.kind_name());
  return false;
}

/// The JSON value of YAML scalar text that this layer wrote.
Json json_of(const std::string& text, ScalarCodec::Json kind) {
  if (kind != ScalarCodec::Json::string || (!text.empty() && text[0] == '"')) return Json::parse(text);
  return text;
}

class ScalarType final : public ValueType {
 public:
  explicit ScalarType(const ScalarCodec& codec) : codec_(codec) {}

  bool read(const Node& node, void* object, const ReadContext& context) const override {
    if (!expect_scalar(node, context, name(), example())) return false;
    for (const auto& [word, value] : words_)
      if (node.text == word) {
        codec_.read(value_node(value), object);
        return true;
      }
    std::string error = codec_.read(node, object);
    if (!error.empty() && !words_.empty()) error += ", or the word " + word_list();
    if (error.empty()) error = beyond(object);
    if (!error.empty()) context.error(node.position, error);
    return error.empty();
  }
  std::string dump(const void* object, unsigned) const override { return " " + default_text(object) + "\n"; }
  std::string default_text(const void* object) const override {
    const std::string text = codec_.write(object);
    for (const auto& [word, value] : words_)
      if (value == text) return word;
    return text;
  }
  std::string name() const override { return codec_.name; }
  std::string example() const override { return texts_.empty() ? codec_.example : texts_[0]; }
  std::string limits() const override {
    std::vector<std::string> parts;
    if (!texts_.empty()) parts.push_back("one of " + join(texts_));
    if (low_ || high_) parts.push_back(range_text());
    if (power_of_two_) parts.push_back("a power of two");
    if (!words_.empty()) parts.push_back("or " + word_list());
    return join(parts);
  }
  Json schema(const void*, bool) const override {
    Json out;
    const std::string kind = codec_.name;
    switch (codec_.json) {
      case ScalarCodec::Json::boolean: out["type"] = "boolean"; break;
      case ScalarCodec::Json::natural: out = {{"type", "integer"}, {"minimum", 0}}; break;
      case ScalarCodec::Json::integer: out["type"] = "integer"; break;
      case ScalarCodec::Json::number: out["type"] = "number"; break;
      case ScalarCodec::Json::string: out["type"] = "string"; break;
    }
    if (kind == "fraction") out["type"] = Json::array({"string", "number"});
    if (kind == "address") out["type"] = Json::array({"string", "integer"});
    if (codec_.pattern[0] != 0) {
      out["pattern"] = codec_.pattern;
      out["patternErrorMessage"] = "Expected " + with_article(kind) + " such as " + codec_.example;  // read by editors
    }
    if (codec_.json != ScalarCodec::Json::boolean && codec_.json != ScalarCodec::Json::string) {
      if (low_) out["minimum"] = Json::parse(codec_.write(low_.get()));
      if (high_) out["maximum"] = Json::parse(codec_.write(high_.get()));
    } else if (codec_.json == ScalarCodec::Json::string && kind != "text") {
      out["examples"] = Json::array({json_of(codec_.example, codec_.json)});
    }
    if (!texts_.empty()) out["enum"] = texts_;
    if (words_.empty()) return out;
    Json any = Json::array({out});
    for (const auto& [word, value] : words_) any.push_back(Json{{"const", word}});
    return Json{{"anyOf", any}};
  }

  void set_range(const std::string& lowest, const std::string& highest) override {
    if (!lowest.empty()) low_ = value(lowest);
    if (!highest.empty()) high_ = value(highest);
  }
  void set_one_of(std::vector<std::string> texts) override {
    if (std::string(codec_.name) != "text") ValueType::set_one_of({});
    texts_ = std::move(texts);
  }
  void set_word(const std::string& word, const std::string& means) override {
    words_.emplace_back(word, codec_.write(value(means).get()));
  }
  void set_power_of_two() override {
    if (!codec_.count) ValueType::set_power_of_two();
    power_of_two_ = true;
  }

 private:
  static Node value_node(const std::string& text) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.style = Node::Style::cli;
    node.text = text.size() > 1 && text[0] == '"' ? text.substr(1, text.size() - 2) : text;
    return node;
  }
  std::shared_ptr<void> value(const std::string& text) const {
    auto made = codec_.make();
    if (const std::string error = codec_.read(value_node(text), made.get()); !error.empty())
      throw std::logic_error("field list: " + error);
    return made;
  }
  std::string range_text() const {
    if (!high_) return "at least " + codec_.write(low_.get());
    if (!low_) return "at most " + codec_.write(high_.get());
    return codec_.write(low_.get()) + " to " + codec_.write(high_.get());
  }
  std::string word_list() const {
    std::vector<std::string> names;
    for (const auto& [word, value] : words_) names.push_back(word);
    return join(names, " or ");
  }
  std::string beyond(const void* object) const {
    const std::string text = codec_.write(object);
    if ((low_ && codec_.less(object, low_.get())) || (high_ && codec_.less(high_.get(), object)))
      return "must be " + range_text() + ", not " + text;
    if (power_of_two_) {
      const std::uint64_t n = codec_.count(object);
      if (n == 0 || (n & (n - 1)) != 0) return "must be a power of two, not " + text;
    }
    if (texts_.empty()) return "";
    const auto& chosen = *static_cast<const std::string*>(object);
    for (const std::string& t : texts_)
      if (t == chosen) return "";
    return "'" + chosen + "' is none of " + join(texts_) + "." + did_you_mean(chosen, texts_);
  }

  const ScalarCodec& codec_;
  std::shared_ptr<void> low_, high_;
  bool power_of_two_ = false;
  std::vector<std::string> texts_;
  std::vector<std::pair<std::string, std::string>> words_;  // word, the value's text
};

class ChoiceType final : public ValueType {
 public:
  ChoiceType(ChoiceList choices, std::function<long long(const void*)> get, std::function<void(void*, long long)> set)
      : choices_(std::move(choices)), get_(std::move(get)), set_(std::move(set)) {
    if (choices_.empty()) throw std::logic_error("field list: an enum needs the names of its values");
  }
  bool read(const Node& node, void* object, const ReadContext& context) const override {
    if (!expect_scalar(node, context, "word", example())) return false;
    for (const auto& [word, value] : choices_)
      if (word == node.text) {
        set_(object, value);
        return true;
      }
    context.error(node.position,
                  "'" + node.text + "' is none of " + join(words()) + "." + did_you_mean(node.text, words()));
    return false;
  }
  std::string dump(const void* object, unsigned) const override { return " " + default_text(object) + "\n"; }
  std::string default_text(const void* object) const override {
    for (const auto& [word, value] : choices_)
      if (value == get_(object)) return write_string(word);
    throw std::logic_error("field list: a value of an enum has no name");
  }
  Json schema(const void*, bool) const override { return Json{{"enum", words()}}; }
  std::string name() const override { return "one of " + join(words()); }
  std::string example() const override { return choices_[0].first; }

 private:
  std::vector<std::string> words() const {
    std::vector<std::string> out;
    for (const auto& choice : choices_) out.push_back(choice.first);
    return out;
  }
  ChoiceList choices_;
  std::function<long long(const void*)> get_;
  std::function<void(void*, long long)> set_;
};

}  // namespace

ValueTypePtr make_scalar_type(const ScalarCodec& codec) { return std::make_shared<ScalarType>(codec); }
ValueTypePtr make_choice_type(ChoiceList choices, std::function<long long(const void*)> get,
                              std::function<void(void*, long long)> set) {
  return std::make_shared<ChoiceType>(std::move(choices), std::move(get), std::move(set));
}

}  // namespace iommusim::base
