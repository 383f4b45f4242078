// The journal of a sweep: a line of JSON per run that ended, appended as it ends. With it a resumed sweep and `collect`
// need not read results again; without it nothing is lost, as results are what counts.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace iommusim::runner {

struct RunRecord {
  std::string point;
  std::uint64_t seed = 0;
  std::string point_sha256;  ///< of the configuration of the point's replication 0: which study it belongs to
  bool done = false;
  // of a run that is done
  std::string columns;                   ///< digest of the list of metrics, see columns_digest
  std::vector<double> row;               ///< the metrics; NaN: the result does not have it
  std::int64_t modified = 0, bytes = 0;  ///< of result.json, in ns
  double cpu = 0;                        ///< seconds the simulation took
  // of one that failed
  std::string status;  ///< "exit status 1", "signal 6", "timed out after 10 s"
  std::string lines;   ///< the last lines it wrote
};

class Journal {
 public:
  /// Opens for appending. `name` is "journal.jsonl", or one's own for each process that writes at the same time.
  Journal(const std::filesystem::path& root, const std::string& name);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  void append(const RunRecord& record);

  /// Every readable record of every journal in `root`, file by file in order of name; a line cut short is passed over.
  static void read(const std::filesystem::path& root, const std::function<void(RunRecord&&)>& visit);

 private:
  int fd_;
  std::filesystem::path path_;
};

/// Sets `modified` and `bytes` from a run's folder; false when it has no result.json.
bool stat_result(const std::filesystem::path& folder, RunRecord& record);

}  // namespace iommusim::runner
