// Texts made from field lists: resolved dump, JSON Schema, `describe`, Markdown reference.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/base/config/config.h"
#include "models/base/config/keys.h"

namespace iommusim::base {
namespace {

using Json = nlohmann::ordered_json;

/// "time, 1 ns to 10 us, default 80 ns" in parts.
struct Facts {
  std::string type, limits, value;
};
Facts facts(const FieldList& fields, const FieldList::Item& item) {
  void* member = item.member(const_cast<void*>(fields.defaults()));
  return {item.type->name(), item.type->limits(), item.required ? "required" : item.type->default_text(member)};
}
std::string cell(std::string text) {
  for (std::size_t i = 0; (i = text.find('|', i)) != std::string::npos; i += 2) text.insert(i, "\\");
  return text;
}

void collect(const FieldList& fields, std::vector<const FieldList*>& found) {
  if (std::find(found.begin(), found.end(), &fields) != found.end()) return;
  found.push_back(&fields);
  for (const FieldList::Item& item : fields.items())
    item.type->nested(nullptr, [&](const FieldList& inner, const void*) { collect(inner, found); });
}

}  // namespace

std::string dump_document(const FieldList& fields, const void* object) {
  return "schema: 1\n" + fields.dump(object, 0);
}

namespace {
/// A default as the schema's JSON; null when its text is none, as for a list of quantities.
std::optional<Json> default_json(const std::string& text, const Json& schema) {
  if (text.empty()) return std::nullopt;
  if (text == "null") return Json();
  if (text[0] == '"') return Json::parse(text);
  Json types = schema.value("type", Json::array());
  if (!types.is_array()) types = Json::array({types});
  const bool list = !types.empty() && types[0] == "array";
  const bool is_text = schema.contains("enum") || (types.size() <= 2 && !types.empty() && types[0] == "string" &&
                                                   (types.size() == 1 || types[1] == "null"));
  if (is_text || !Json::accept(text)) return list ? std::nullopt : std::optional<Json>(text);
  Json value = Json::parse(text);
  if (list && value.size() < schema.value("minItems", 0u))
    return std::nullopt;  // none, as long as the key is not given
  return value;
}
}  // namespace

nlohmann::ordered_json FieldList::schema(const void* object, bool whole) const {
  Json properties = Json::object(), required = Json::array();
  for (const Item& item : items_) {
    const void* member = object ? item.member(const_cast<void*>(object)) : nullptr;
    Json one = item.type->schema(member, whole);
    const std::string limits = item.type->limits();
    one["description"] = item.help + (limits.empty() || limits.compare(0, 3, "or ") == 0 ? "" : " (" + limits + ")") +
                         (item.source.empty() ? "" : ". Source: " + item.source);
    if (member && !item.required)
      if (auto value = default_json(item.type->default_text(member), one)) one["default"] = std::move(*value);
    properties[item.key] = std::move(one);
    if (item.required && whole) required.push_back(item.key);
  }
  Json out{{"type", "object"}, {"description", help_}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) out["required"] = required;
  return out;
}

nlohmann::ordered_json json_schema(const FieldList& fields) {
  Json body = fields.schema(fields.defaults(), false);
  Json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", fields.component()}};
  Json properties{{"schema", {{"const", 1}, {"description", "Version of the configuration format"}}},
                  {"include",
                   {{"type", "array"},
                    {"items", {{"type", "string"}}},
                    {"description", "Files merged below this one, relative to it"}}}};
  for (const auto& [key, value] : body["properties"].items()) properties[key] = value;
  body["properties"] = properties;
  body["required"] = Json::array({"schema"});
  out.update(body);
  // What an included file may give is required of a file without one only.
  Json required = Json::array();
  for (const FieldList::Item& item : fields.items())
    if (item.required) required.push_back(item.key);
  if (!required.empty()) {
    out["if"] = {{"not", {{"required", {"include"}}}}};
    out["then"] = {{"required", required}};
  }
  return out;
}

std::vector<const FieldList*> components(const FieldList& root) {
  std::vector<const FieldList*> found;
  collect(root, found);
  return found;
}

namespace {
std::string heading(const FieldList& fields) { return fields.component() + ": " + fields.help() + "\n"; }
std::string entry(const FieldList& fields, const FieldList::Item& item, std::size_t width) {
  const Facts f = facts(fields, item);
  std::string out = "  " + item.key + std::string(width - item.key.size() + 2, ' ') + f.type;
  if (!f.limits.empty()) out += ", " + f.limits;
  if (!f.value.empty()) out += item.required ? ", required" : ", default " + f.value;
  out += "\n" + std::string(width + 4, ' ') + item.help;
  if (!item.source.empty()) out += " [" + item.source + "]";
  return out + "\n";
}
}  // namespace

std::string describe(const FieldList& fields) {
  std::string out = heading(fields);
  std::size_t width = 0;
  for (const FieldList::Item& item : fields.items()) width = std::max(width, item.key.size());
  for (const FieldList::Item& item : fields.items()) out += entry(fields, item, width);
  return out;
}
std::string describe(const FoundKey& key) {
  return heading(*key.component) + entry(*key.component, *key.item, key.item->key.size());
}

std::string markdown(const FieldList& fields) {
  std::string out = "## " + fields.component() + "\n\n" + fields.help() +
                    "\n\n| key | type | range | default | meaning | source |\n|---|---|---|---|---|---|\n";
  for (const FieldList::Item& item : fields.items()) {
    const Facts f = facts(fields, item);
    out += "| `" + item.key + "` | " + cell(f.type) + " | " + cell(f.limits) + " | " + cell(f.value) + " | " +
           cell(item.help) + " | " + cell(item.source) + " |\n";
  }
  return out;
}

}  // namespace iommusim::base
