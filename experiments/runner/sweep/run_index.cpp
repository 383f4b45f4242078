#include "experiments/runner/sweep/run_index.h"

#include <fstream>

#include "experiments/runner/result_folder.h"
#include "experiments/runner/sweep/figures.h"
#include "experiments/runner/version.h"

namespace iommusim::runner {

std::vector<double> row_of(const nlohmann::ordered_json& metrics, const std::vector<MetricColumn>& columns) {
  std::vector<double> row;
  for (const MetricColumn& m : columns) {
    const auto figure = find_figure(metrics, m.path);
    row.push_back(figure ? figure->value * m.scale : kNoFigure);
  }
  return row;
}

RunIndex::RunIndex(const SweepRecord& record, const SweepLayout& layout)
    : record_(record), layout_(layout), columns_(columns_digest(record.metrics)) {
  std::unordered_map<std::string, std::size_t> points;
  for (std::size_t p = 0; p < record.points.size(); ++p) points.emplace(record.points[p].name, p);
  Journal::read(layout.root(), [&](RunRecord&& run) {
    const auto at = points.find(run.point);
    if (at == points.end()) return;
    const PointRecord& point = record.points[at->second];
    if (run.point_sha256 != point.sha256.front() || run.seed < point.seed) return;  // of another study
    if (run.seed - point.seed >= kMostReplications) return;
    const RunId id{at->second, static_cast<unsigned>(run.seed - point.seed)};
    const auto known = runs_.find(key(id));
    if (!run.done && known != runs_.end() && known->second.done) return;
    put(id, std::move(run));
  });
}

void RunIndex::put(RunId id, RunRecord record) {
  if (record.columns != columns_) record.row.clear();
  std::string().swap(record.point);  // the key says it, and there may be many
  std::string().swap(record.point_sha256);
  std::string().swap(record.columns);
  runs_.insert_or_assign(key(id), std::move(record));
}

const RunRecord* RunIndex::done(RunId id) {
  const auto at = runs_.find(key(id));
  const auto folder = layout_.folder(record_.points[id.point].name, seed(id));
  RunRecord now;
  if (!stat_result(folder, now)) return nullptr;
  const bool known = at != runs_.end() && at->second.done;
  if (known && at->second.modified == now.modified && at->second.bytes == now.bytes &&
      at->second.row.size() == record_.metrics.size())
    return &at->second;
  const PointRecord& point = record_.points[id.point];
  const auto head = read_result_head(folder);
  if (!head || head->version != version() || head->seed != seed(id)) return nullptr;
  // A result that is beyond what study.json knows and was replaced since is not the one the journal tells of.
  const std::size_t first = point.sha256.size();
  const std::string expected = id.replication < first                        ? point.sha256[id.replication]
                               : digest_of_                                  ? digest_of_(id)
                               : id.replication - first < point.later.size() ? point.later[id.replication - first]
                                                                             : "";
  if (head->configuration_sha256 != expected) return nullptr;
  if (!read_result(id, now)) return nullptr;
  if (known) now.cpu = at->second.cpu;
  now.point = point.name;
  now.seed = seed(id);
  now.point_sha256 = point.sha256.front();
  now.columns = columns_;
  now.done = true;
  if (journal_) journal_->append(now);
  put(id, std::move(now));
  return &runs_.at(key(id));
}

std::string RunIndex::later_digest(RunId id) const {
  const PointRecord& point = record_.points[id.point];
  if (id.replication < point.sha256.size()) return "";
  const auto head = read_result_head(layout_.folder(point.name, seed(id)));
  return head ? head->configuration_sha256 : "";
}

const RunRecord* RunIndex::failed(RunId id) {
  const auto at = runs_.find(key(id));
  return at == runs_.end() || at->second.done ? nullptr : &at->second;
}

bool RunIndex::read_result(RunId id, RunRecord& out) const {
  std::ifstream file(layout_.folder(record_.points[id.point].name, seed(id)) / "result.json", std::ios::binary);
  const auto document = nlohmann::ordered_json::parse(file, nullptr, false);
  if (!document.is_object() || !document.contains("metrics")) return false;
  out.row = row_of(document["metrics"], record_.metrics);
  return true;
}

}  // namespace iommusim::runner
