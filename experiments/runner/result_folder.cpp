#include "experiments/runner/result_folder.h"

#include <fstream>

#include "experiments/runner/run_log.h"
#include "experiments/runner/trace/trace_files.h"
#include "platforms/topology_json.h"

namespace iommusim::runner {
namespace {

/// Takes the scalars of the top and of `simulator`, and ends the parse at `window`, which comes after all of them.
class HeadReader : public nlohmann::json_sax<nlohmann::ordered_json> {
 public:
  ResultHead head;
  bool complete = false;

  bool key(std::string& name) override {
    key_ = name;
    complete = depth_ == 1 && name == "window";
    return !complete;
  }
  bool string(std::string& text) override {
    if (key_ == "version") head.version = text;
    if (key_ == "configuration_sha256") head.configuration_sha256 = text;
    return true;
  }
  bool number_unsigned(std::uint64_t value) override {
    if (key_ == "seed") head.seed = value;
    return true;
  }
  bool start_object(std::size_t) override { return ++depth_, true; }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool binary(nlohmann::ordered_json::binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  std::string key_;
  int depth_ = 0;
};

}  // namespace

RunOutcome run_into(OutputFolder& folder, const ExperimentConfig& config, const Provenance& provenance,
                    Progress& progress) {
  TraceFiles traces(config.trace, config.run.warm_up, folder);
  RunOutcome outcome = run_experiment(config, provenance, progress, &traces);
  progress.clear();
  folder.write("result.json", to_bytes(outcome.result));
  folder.write("resolved.yaml", base::dump_config(config));
  folder.write("latency.csv", outcome.latency_csv);
  folder.write("worst.json", outcome.worst_json);
  folder.write("topology.json", platforms::topology_json(config.platform, config.workloads));
  folder.write("run.log", run_log(outcome));
  return outcome;
}

std::optional<ResultHead> read_result_head(const std::filesystem::path& folder) {
  std::ifstream file(folder / "result.json", std::ios::binary);
  if (!file) return std::nullopt;
  HeadReader reader;
  nlohmann::ordered_json::sax_parse(file, &reader, nlohmann::json::input_format_t::json, false);
  return reader.complete ? std::optional<ResultHead>(reader.head) : std::nullopt;
}

}  // namespace iommusim::runner
