#include "experiments/runner/sweep/record.h"

#include <filesystem>
#include <fstream>

#include "experiments/runner/sweep/reference.h"
#include "experiments/runner/sweep/selection.h"
#include "experiments/runner/version.h"
#include "models/base/config/raw.h"
#include "models/base/sha256.h"

namespace iommusim::runner {
namespace {

using Json = nlohmann::ordered_json;

/// Whole numbers as integers, as in results.csv.
Json number_json(double v) { return Json::parse(number_text(v)); }
Json value_json(const FactorValue& v) { return v.number ? number_json(*v.number) : Json(v.text); }

Json raw_json(const base::Node& node) {
  switch (node.kind) {
    case base::Node::Kind::null: return nullptr;
    case base::Node::Kind::scalar: return value_json(factor_value(node.text));
    case base::Node::Kind::list: {
      Json out = Json::array();
      for (const base::Node& item : node.items) out.push_back(raw_json(item));
      return out;
    }
    case base::Node::Kind::map: {
      Json out = Json::object();
      for (const base::MapEntry& e : node.entries) out[e.key] = raw_json(e.value);
      return out;
    }
  }
  return nullptr;
}

Json published_json(const Study& study, const PublishedConfig& p) {
  Json out{{"series", p.series}, {"label", p.label}, {"x", p.x}, {"y", p.y}};
  if (p.file.empty()) return out;
  std::vector<Reference::Key> keys;
  for (const base::MapEntry& e : p.where.node.entries) keys.push_back({e.key, factor_value(e.value.text)});
  for (const auto& [x, y] : Reference(study.path, p.file).pairs(keys, p.x_column, p.y_column)) {
    out["x"].push_back(x.number ? Json(*x.number) : Json(x.text));
    out["y"].push_back(y);
  }
  return out;
}

/// The values that `where` means, conditions resolved: whoever draws compares only. The study has checked it.
Json where_json(const Study& study, const base::Node& where) {
  base::Diagnostics none;
  Json out = Json::object();
  const Selection selection(study, where, {none, ""});
  for (const Selection::Term& term : selection.terms()) {
    Json values = Json::array();
    for (const FactorValue& v : study.factors[term.factor].values)
      if (term.values.count(&v)) values.push_back(value_json(v));
    out[study.factors[term.factor].name] = values.size() == 1 ? values[0] : values;
  }
  return out;
}

constexpr const char* kPlotKinds[] = {"lines", "bars", "stacked", "heat", "scatter"};

Json plot_json(const Study& study, const PlotConfig& p) {
  Json out{{"name", p.name}, {"kind", kPlotKinds[static_cast<int>(p.kind)]}};
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  text("title", p.title);
  out["x"] = p.x;
  out["y"] = raw_json(p.y.node);
  text("series", p.series);
  text("z", p.z);
  if (!p.where.node.entries.empty()) out["where"] = where_json(study, p.where.node);
  text("baseline", p.baseline);
  if (p.log_x) out["log_x"] = true;
  if (p.log_y) out["log_y"] = true;
  if (p.x_bytes) out["x_bytes"] = true;
  text("x_label", p.x_label);
  text("y_label", p.y_label);
  text("z_label", p.z_label);
  Json published = Json::array();
  for (const PublishedConfig& one : p.published) published.push_back(published_json(study, one));
  if (!published.empty()) out["published"] = std::move(published);
  return out;
}

Json factor_json(const Factor& f) {
  Json values = Json::array();
  for (const FactorValue& value : f.values) {
    Json one{{"text", value.text}};
    if (value.number) one["number"] = number_json(*value.number);
    values.push_back(std::move(one));
  }
  return {{"name", f.name}, {"unit", f.unit()}, {"description", f.description}, {"values", std::move(values)}};
}

/// `{"name": ..., "run": ..., "settings": ..., "columns": ...` without the closing brace.
std::string point_json(const Study& study, const Point& point, const Resolver::Checked& checked) {
  Json settings = Json::object(), columns = Json::object();
  for (const SettingGroup* group : point.settings)
    for (const SettingGroup::Setting& s : group->settings) settings[s.path] = flow_text(s.value);
  for (std::size_t f = 0; f < study.factors.size(); ++f)
    if (point.values[f]) columns[study.factors[f].name] = value_json(*point.values[f]);
  const Json json{{"name", point.name},   {"run", std::filesystem::path(study.files[point.file]).filename().string()},
                  {"settings", settings}, {"columns", columns},
                  {"seed", checked.seed}, {"configuration_sha256", checked.sha256}};
  std::string text = json.dump();
  text.pop_back();
  return text;
}

std::string cell(const Json& value) {
  if (value.is_number()) return number_text(value.get<double>());
  return value.is_string() ? csv_cell(value.get<std::string>()) : "";
}

PointRecord point_record(std::string json, const Json& parsed, const std::vector<std::string>& factors) {
  PointRecord p;
  p.json = std::move(json);
  p.name = parsed.at("name");
  p.seed = parsed.at("seed");
  p.sha256 = parsed.at("configuration_sha256").get<std::vector<std::string>>();
  for (const std::string& f : factors) p.cells += cell(parsed.at("columns").value(f, Json())) + ",";
  return p;
}

Json claim_json(const Claim& claim, const ClaimResult* result) {
  Json out{{"text", claim.text}, {"metric", claim.metric}, {"status", result ? to_text(result->status) : "pending"}};
  out["value"] = result && result->value == result->value ? Json(result->value) : Json();
  out["figures"] = result ? result->figures : "";
  out["reference"] = claim.reference.empty() ? Json() : Json(claim.reference);
  out["check"] = to_json(claim);
  return out;
}

}  // namespace

std::string columns_digest(const std::vector<MetricColumn>& metrics) {
  std::string text = std::string(version()) + "\n";
  for (const MetricColumn& m : metrics) text += m.column + "\n" + m.path + "\n" + number_text(m.scale) + "\n";
  return base::sha256_hex(text).substr(0, 16);
}

SweepRecord record_of(const Study& study, const std::vector<Resolver::Checked>& checked,
                      std::vector<MetricColumn> metrics) {
  SweepRecord r;
  r.metrics = std::move(metrics);
  r.claims = study.claims;
  r.head = {{"schema", 1},
            {"title", study.config.title},
            {"description", study.config.description},
            {"study", std::filesystem::path(study.path).filename().string()},
            {"simulator", {{"name", "iommusim"}, {"version", version()}}}};
  Json factors = Json::array(), plots = Json::array();
  for (const Factor& f : study.factors) {
    factors.push_back(factor_json(f));
    r.factor_names.push_back(f.name);
  }
  for (const PlotConfig& p : study.config.plots) plots.push_back(plot_json(study, p));
  r.head["factors"] = std::move(factors);
  r.head["plots"] = std::move(plots);
  r.replicated = study.replicated();
  if (const auto& replications = study.config.replications) {
    r.rule.count = replications->count;
    if (const auto& until = replications->until) {
      r.rule = {replications->count,       true,         until->within.value(),
                until->confidence.value(), until->batch, until->at_most};
      r.until_metric = static_cast<int>(study.metric_index(until->metric));
    }
  }
  for (std::size_t p = 0; p < study.points.size(); ++p) {
    std::string json = point_json(study, study.points[p], checked[p]);
    r.points.push_back(point_record(json, Json::parse(json + "}"), r.factor_names));
  }
  return r;
}

void write_study(const SweepLayout& layout, const SweepRecord& record, const SweepOutcome& outcome,
                 const std::function<std::vector<RunState>(std::size_t)>& runs_of) {
  Json head = record.head;
  Json metrics = Json::array(), claims = Json::array(), failures = Json::array();
  for (const MetricColumn& m : record.metrics)
    metrics.push_back(
        {{"column", m.column}, {"path", m.path}, {"scale", m.scale}, {"unit", m.unit}, {"description", m.description}});
  for (std::size_t i = 0; i < record.claims.size(); ++i)
    claims.push_back(claim_json(record.claims[i], i < outcome.claims.size() ? &outcome.claims[i] : nullptr));
  for (const Failure& f : outcome.failures)
    failures.push_back({{"point", f.point}, {"seed", f.seed}, {"status", f.status}, {"lines", f.lines}});
  head["metrics"] = std::move(metrics);
  head["replications"] = nullptr;
  if (record.replicated) {
    head["replications"] = {{"count", record.rule.count}};
    if (record.rule.until)
      head["replications"]["until"] = {{"metric", record.metrics[static_cast<std::size_t>(record.until_metric)].column},
                                       {"within", record.rule.within},
                                       {"confidence", record.rule.confidence},
                                       {"batch", record.rule.batch},
                                       {"at_most", record.rule.at_most}};
  }
  head["claims"] = std::move(claims);
  head["summary"] = {{"points", record.points.size()},
                     {"runs", outcome.runs},
                     {"done", outcome.done},
                     {"failed", outcome.failed},
                     {"pending", outcome.pending}};
  head["failures"] = std::move(failures);

  std::string text = head.dump(1, ' ', false, Json::error_handler_t::replace);
  text.resize(text.rfind('\n'));  // the points come before the last brace
  write_file(layout.study(), [&](std::ostream& out) {
    out << text << ",\n \"points\": [";
    for (std::size_t p = 0; p < record.points.size(); ++p) {
      Json runs = Json::array();
      for (const RunState& run : runs_of(p)) {
        runs.push_back({{"seed", run.seed},
                        {"folder", layout.relative(record.points[p].name, run.seed).string()},
                        {"state", run.state}});
        if (!run.sha256.empty()) runs.back()["configuration_sha256"] = run.sha256;
      }
      out << (p == 0 ? "\n  " : ",\n  ") << record.points[p].json << ",\"runs\":" << runs.dump() << "}";
    }
    out << "\n ]\n}\n";
  });
}

/// A file of ours that somebody else may have written: names must not lead out of the folder, claims not out of the
/// points.
void check_record(const SweepRecord& record, const std::filesystem::path& path) {
  const auto broken = [&](const std::string& why) { throw base::UserError(path.string() + " is broken: " + why); };
  for (const PointRecord& p : record.points) {
    if (p.name.empty() || p.name[0] == '.' || p.name.find('/') != std::string::npos)
      broken("'" + p.name + "' is no name of a point");
    if (p.sha256.empty()) broken("point " + p.name + " has no configuration_sha256");
  }
  const ReplicationRule& rule = record.rule;
  const auto probability = [](double p) { return p > 0 && p < 1; };
  if (rule.count < 1 || rule.count > kMostReplications) broken("replications.count");
  if (rule.until && (record.until_metric < 0 || rule.batch < 1 || rule.at_most < rule.count ||
                     rule.at_most > kMostReplications || !probability(rule.confidence) || !(rule.within > 0)))
    broken("replications.until");
  const std::size_t n = record.points.size();
  for (const Claim& c : record.claims) {
    bool inside = true;
    for (const Claim::Row& row : c.rows) inside = inside && row.point < n && row.base.value_or(0) < n;
    for (const auto& chain : c.chains)
      for (const std::size_t p : chain) inside = inside && p < n;
    if (!inside) broken("claim '" + c.text + "' names a point that does not exist");
  }
}

/// Of the runs of a point behind those whose digests the point lists itself.
std::vector<std::string> later_digests(const Json& point) {
  std::vector<std::string> digests;
  const auto runs = point.find("runs");
  if (runs == point.end() || !runs->is_array()) return digests;
  for (std::size_t r = point.at("configuration_sha256").size(); r < runs->size(); ++r)
    digests.push_back((*runs)[r].value("configuration_sha256", ""));
  return digests;
}

SweepRecord read_study(const std::filesystem::path& root) {
  const auto path = root / "study.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) throw base::UserError(root.string() + " is no folder of a sweep: it has no study.json");
  SweepRecord r;
  bool in_points = false;
  std::vector<std::string> point_texts;
  std::vector<std::vector<std::string>> later;
  const auto each = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) in_points = parsed == "points";
    if (!in_points || depth != 2 || event != Json::parse_event_t::object_end) return true;
    later.push_back(later_digests(parsed));
    parsed.erase("runs");
    std::string text = parsed.dump();
    text.pop_back();
    point_texts.push_back(std::move(text));
    return false;  // points are kept as texts: a tenth of the memory
  };
  try {
    Json head = Json::parse(in, each);
    head.at("title").get_ref<const std::string&>();
    for (const Json& f : head.at("factors")) {
      r.factor_names.push_back(f.at("name"));
      for (const char* key : {"unit", "description"}) f.at(key).get_ref<const std::string&>();
    }
    for (const Json& m : head.at("metrics"))
      r.metrics.push_back({m.at("column"), m.at("path"), m.at("scale"), m.at("unit"), m.at("description")});
    for (const Json& c : head.at("claims")) {
      Claim claim = claim_from_json(c.at("check"));
      claim.text = c.at("text");
      claim.metric = c.at("metric");
      if (c.at("reference").is_string()) claim.reference = c.at("reference");
      r.claims.push_back(std::move(claim));
    }
    const Json& replications = head.at("replications");
    r.replicated = !replications.is_null();
    if (r.replicated) r.rule.count = replications.at("count");
    if (r.replicated && replications.contains("until")) {
      const Json& u = replications["until"];
      r.rule = {r.rule.count, true, u.at("within"), u.at("confidence"), u.at("batch"), u.at("at_most")};
      for (std::size_t i = 0; i < r.metrics.size(); ++i)
        if (r.metrics[i].column == u.at("metric")) r.until_metric = static_cast<int>(i);
    }
    for (std::string& text : point_texts) {
      const Json parsed = Json::parse(text + "}");
      r.points.push_back(point_record(std::move(text), parsed, r.factor_names));
      r.points.back().later = std::move(later[r.points.size() - 1]);
    }
    for (const char* key : {"metrics", "replications", "claims", "summary", "failures", "points"}) head.erase(key);
    r.head = std::move(head);
  } catch (const Json::exception&) {
    throw base::UserError(path.string() + " is broken: it is not as a sweep writes it\n`iommusim sweep STUDY -o " +
                          root.string() + " --resume` writes it again");
  }
  check_record(r, path);
  return r;
}

}  // namespace iommusim::runner
