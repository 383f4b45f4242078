#include "models/base/config/document.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "models/base/text.h"

namespace iommusim::base {
namespace {

namespace fs = std::filesystem;

/// A scalar entry of both maps that differs, e.g. the `type` of a variant.
bool type_differs(const Node& a, const Node& b) {
  const Node *x = a.find("type"), *y = b.find("type");
  return x && y && (x->kind != y->kind || x->text != y->text);
}

/// Reads at most limit + 1 bytes, so that endless files (devices, pipes) end.
bool read_file(const fs::path& path, std::size_t limit, std::string& text, std::string& error) {
  std::error_code code;
  const auto status = fs::status(path, code);
  if (!fs::exists(status)) return error = "cannot be read: no such file", false;
  if (fs::is_directory(status)) return error = "cannot be read: it is a folder", false;
  std::ifstream file(path, std::ios::binary);
  text.resize(limit + 1);
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof()) return error = "cannot be read: permission denied or input error", false;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return true;
}

constexpr const char* kHowToShipped =
    ". A file that comes with the program is included as <configs/platforms/NAME.yaml>";

/// The nearest folder above `file` that holds a `configs` folder, else its own.
fs::path default_root(const fs::path& file) {
  std::error_code code;
  for (fs::path folder = file.parent_path();; folder = folder.parent_path()) {
    if (fs::is_directory(folder / "configs", code)) return folder;
    if (folder == folder.parent_path()) return file.parent_path();
  }
}
bool is_below(const fs::path& file, const fs::path& root) {
  auto f = file.begin();
  for (auto r = root.begin(); r != root.end(); ++r, ++f)
    if (!r->empty() && (f == file.end() || *f != *r)) return false;
  return true;
}

class Loader {
 public:
  Loader(const LoadOptions& options, Diagnostics& diagnostics) : options_(options), diagnostics_(diagnostics) {}

  void set_root(const fs::path& main_file) {
    std::error_code code;
    root_ = options_.include_root.empty() ? default_root(main_file) : fs::weakly_canonical(options_.include_root, code);
  }
  /// `shown` is the path as the user knows it; a file that cannot be read is an error at `asked`, where it was named.
  Node file(const std::string& shown, const Diagnostic& asked) {
    std::error_code code;
    const fs::path path = fs::weakly_canonical(shown, code);
    std::string text, error;
    if (!read_file(shown, options_.limits.bytes, text, error)) {
      diagnostics_.add(asked.position, asked.path, asked.message + error);
      return {};
    }
    open_.insert(path);
    Node node = document(text, shown, fs::path(shown).parent_path());
    open_.erase(path);
    return node;
  }
  Node document(std::string_view text, const std::string& shown, const fs::path& folder) {
    const std::size_t before = diagnostics_.size();
    Node own = parse_yaml(text, shown, options_.limits, diagnostics_);
    if (own.kind != Node::Kind::map) {
      if (diagnostics_.size() == before)
        diagnostics_.add(
            own.position.source ? own.position : Position{std::make_shared<const std::string>(shown), 0, 0}, "",
            "expected a map of keys and values, found " + std::string(own.kind_name()));
      return {};
    }
    check_schema(own);
    Node merged = includes(own, folder);
    if (merged.kind == Node::Kind::null) return own;
    merge(merged, own);
    return merged;
  }

 private:
  void check_schema(Node& root) {
    MapEntry* entry = root.find_entry("schema");
    if (!entry) {
      diagnostics_.add(root.position, "schema", "is missing: a file begins with 'schema: 1'");
      return;
    }
    const Node& value = entry->value;
    if (value.kind != Node::Kind::scalar || value.style == Node::Style::quoted || value.text != "1")
      diagnostics_.add(value.position, "schema", "this program reads schema 1: write 'schema: 1'");
    root.entries.erase(root.entries.begin() + (entry - root.entries.data()));
  }
  /// The merged included files; null when there are none. Removes the key.
  Node includes(Node& root, const fs::path& folder) {
    MapEntry* entry = root.find_entry("include");
    if (!entry) return {};
    const Node list = std::move(entry->value);
    root.entries.erase(root.entries.begin() + (entry - root.entries.data()));
    if (list.kind != Node::Kind::list) {
      diagnostics_.add(list.position, "include",
                       "expected a list of files such as [../parts/ddr4.yaml], found " + std::string(list.kind_name()));
      return {};
    }
    Node merged;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      const Node part = include(list.items[i], "include[" + std::to_string(i) + "]", folder);
      if (part.kind != Node::Kind::map) continue;
      if (merged.kind == Node::Kind::null)
        merged = part;
      else
        merge(merged, part);
    }
    return merged;
  }
  Node include(const Node& item, const std::string& path, const fs::path& folder) {
    const auto reject = [&](const std::string& message) {
      diagnostics_.add(item.position, path, message);
      return Node();
    };
    if (item.kind != Node::Kind::scalar || item.text.empty())
      return reject("expected a file name, found " + std::string(item.kind_name()));
    const std::string& text = item.text;
    const bool shipped = text.front() == '<' && text.back() == '>';
    const fs::path asked = shipped ? text.substr(1, text.size() - 2) : text;
    if (shipped && shipped_.empty())
      return reject("'" + text + "' is not here: set IOMMUSIM_SHARE to the folder that holds iommusim's configs");
    if (asked.is_absolute())
      return reject("'" + text + "' is absolute: write it relative to this file" + kHowToShipped);
    const std::string shown = ((shipped ? shipped_ : folder) / asked).lexically_normal().string();
    std::error_code code;
    const fs::path real = fs::weakly_canonical(fs::absolute(shown), code);
    const bool allowed = (!shipped_.empty() && is_below(real, shipped_)) || (!shipped && is_below(real, root_));
    if (code || !allowed)
      return reject("'" + text + "' lies outside of " + (shipped ? shipped_ : root_).string() + kHowToShipped);
    if (open_.count(real)) return reject("'" + item.text + "' includes itself");
    if (++count_ > options_.limits.includes)
      return reject("more than " + std::to_string(options_.limits.includes) + " included files");
    return file(shown, {item.position, path, "'" + text + "' "});
  }

  const LoadOptions& options_;
  Diagnostics& diagnostics_;
  fs::path root_;
  const fs::path shipped_ = shipped_root();
  std::set<fs::path> open_;
  std::size_t count_ = 0;
};

}  // namespace

std::string shipped_root() {
  std::error_code code;
  const auto is_it = [&](const fs::path& folder) {
    return fs::exists(folder / "configs/schema/experiment.json", code);
  };
  if (const char* given = std::getenv("IOMMUSIM_SHARE")) {
    const fs::path folder = fs::weakly_canonical(given, code);
    return is_it(folder) ? folder.string() : "";
  }
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  const fs::path installed = program.parent_path().parent_path() / "share/iommusim";
  if (is_it(installed)) return installed.string();
  for (fs::path folder = program.parent_path(); folder != folder.parent_path(); folder = folder.parent_path())
    if (is_it(folder)) return folder.string();
  return "";
}

void merge(Node& base, const Node& over) {
  if (base.kind != Node::Kind::map || over.kind != Node::Kind::map || type_differs(base, over)) {
    base = over;
    return;
  }
  base.position = over.position;
  for (const MapEntry& entry : over.entries) {
    if (MapEntry* present = base.find_entry(entry.key)) {
      present->position = entry.position;
      merge(present->value, entry.value);
    } else {
      base.entries.push_back(entry);
    }
  }
}

Node load_document(const std::string& file, const LoadOptions& options, Diagnostics& diagnostics) {
  Loader loader(options, diagnostics);
  std::error_code code;
  loader.set_root(fs::weakly_canonical(file, code));
  Node root = loader.file(file, {{std::make_shared<const std::string>(file), 0, 0}, "", ""});
  if (root.kind == Node::Kind::map)
    for (const std::string& o : options.overrides) apply_override(root, o, diagnostics);
  return root;
}

Node parse_document(std::string_view text, const std::string& name, const LoadOptions& options,
                    Diagnostics& diagnostics) {
  Loader loader(options, diagnostics);
  std::error_code code;
  loader.set_root(fs::current_path(code) / "text");
  Node root = loader.document(text, name, "");
  if (root.kind == Node::Kind::map)
    for (const std::string& o : options.overrides) apply_override(root, o, diagnostics);
  return root;
}

}  // namespace iommusim::base
