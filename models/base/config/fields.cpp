#include "models/base/config/fields.h"

#include <stdexcept>

#include "models/base/text.h"

namespace iommusim::base {

void Report::error(const std::string& path, const std::string& message) {
  failed_ = true;
  const ReadContext at{
      context_.diagnostics,
      path.empty() ? context_.path : context_.path + (context_.path.empty() || path[0] == '[' ? "" : ".") + path};
  at.error(position_of(node_, path), message);
}

FieldList::Item& FieldList::last() {
  if (items_.empty()) throw std::logic_error("field list '" + component_ + "': a refinement before the first field");
  return items_.back();
}
void FieldList::add(Item item) {
  for (const Item& present : items_)
    if (present.key == item.key)
      throw std::logic_error("field list '" + component_ + "': two fields '" + item.key + "'");
  items_.push_back(std::move(item));
}

bool FieldList::read(const Node& node, void* object, const ReadContext& context, const std::string& also) const {
  if (node.kind != Node::Kind::map) {
    context.error(node.position, "expected a map of the keys of " + component_ + ", found " + node.kind_name());
    return false;
  }
  bool good = true;
  std::vector<std::string> keys;
  for (const Item& item : items_) keys.push_back(item.key);
  for (const MapEntry& entry : node.entries) {
    if (entry.key == also) continue;
    const Item* match = nullptr;
    for (const Item& item : items_)
      if (item.key == entry.key) match = &item;
    if (match) {
      good &= match->type->read(entry.value, match->member(object), context.at_key(entry.key));
      continue;
    }
    const std::string near = did_you_mean(entry.key, keys);
    context.at_key(entry.key).error(entry.position, "unknown key." + (near.empty() ? " Known: " + join(keys) : near));
    good = false;
  }
  for (const Item& item : items_)
    if (item.required && !node.find(item.key)) {
      context.at_key(item.key).error(node.position, "is missing: " + item.help);
      good = false;
    }
  if (!good) return false;  // rules over several fields would complain about defaults the user never meant
  Report report(node, context);
  for (const auto& check : checks_) check(object, report);
  return !report.failed();
}

std::string FieldList::dump(const void* object, unsigned indent) const {
  std::string out;
  for (const Item& item : items_)
    out +=
        std::string(indent, ' ') + item.key + ":" + item.type->dump(item.member(const_cast<void*>(object)), indent + 2);
  return out;
}

}  // namespace iommusim::base
