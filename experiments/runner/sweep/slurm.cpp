#include "experiments/runner/sweep/slurm.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "experiments/runner/exit_code.h"
#include "experiments/runner/sweep/layout.h"
#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

struct Answer {
  int status;
  std::string text;
};

Answer shell(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) throw base::UserError("cannot start a shell");
  Answer answer{0, ""};
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) answer.text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  while (!answer.text.empty() && answer.text.back() == '\n') answer.text.pop_back();
  return answer;
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

/// The number of a submitted job.
std::string submit(const std::string& arguments) {
  const Answer answer = shell("sbatch --parsable " + arguments);
  if (answer.status != 0) throw base::UserError("sbatch: " + answer.text);
  return answer.text.substr(0, answer.text.find(';'));  // "NUMBER;CLUSTER" in federations
}

/// Elements an array may have at most (MaxArraySize is one more than the largest index); Slurm's default when not told.
std::size_t most_elements() {
  const Answer answer = shell("scontrol show config");
  const std::size_t at = answer.text.find("MaxArraySize");
  std::size_t most = 0;
  if (at != std::string::npos && std::sscanf(answer.text.c_str() + at, "MaxArraySize = %zu", &most) == 1 && most > 0)
    return most;
  return 1001;
}

}  // namespace

std::size_t elements_of(std::size_t points, std::size_t points_per_task, std::size_t most) {
  if (points_per_task == 0) points_per_task = (points + 199) / 200;
  return std::min((points + points_per_task - 1) / points_per_task, most);
}

std::string array_script(const std::string& program, const std::string& study, const SweepOptions& options,
                         std::size_t elements) {
  std::string limits;
  if (options.limits.seconds > 0)
    limits += fmt::format(" --timeout {}", quoted(fmt::format("{:.3f} s", options.limits.seconds)));
  if (options.limits.memory > 0)
    limits += fmt::format(" --memory {}", quoted(fmt::format("{} B", options.limits.memory)));
  if (options.retry > 0) limits += fmt::format(" --retry {}", options.retry);
  return fmt::format(
      "#!/bin/sh\n"
      "# An element of a sweep: runs its share of the points, skipping those that have a valid result, so that it may "
      "be\n"
      "# requeued, or run twice at once, at any time.\n"
      "exec {} sweep {} -o {} --resume --share \"$SLURM_ARRAY_TASK_ID/{}\" -j \"${{SLURM_CPUS_PER_TASK:-1}}\" -q{}\n",
      quoted(program), quoted(study), quoted(options.output.string()), elements, limits);
}

int submit_to_slurm(const Study& study, SweepOptions options, const SlurmOptions& slurm) {
  options.output = fs::absolute(options.output).lexically_normal();
  options.prepare = true;
  const bool quiet = options.quiet;
  options.quiet = true;
  const int prepared = run_sweep(study, options);
  if (prepared != exit_ok) return prepared;
  const fs::path folder = options.output / "slurm", logs = folder / "log";
  std::error_code e;
  fs::create_directories(logs, e);  // a job whose log cannot be opened never starts, and says so nowhere
  if (e) throw base::UserError("cannot create " + logs.string() + ": " + e.message());
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  const std::string file = fs::absolute(study.path).lexically_normal().string();
  const std::size_t elements = elements_of(study.points.size(), slurm.points_per_task, most_elements());
  write_file(folder / "run.sh", array_script(program, file, options, elements));
  write_file(folder / "collect.sh",
             fmt::format("#!/bin/sh\nexec {} collect {}\n", quoted(program), quoted(options.output.string())));
  const std::string common =
      "-J " + quoted("iommusim-" + options.output.filename().string()) + " -D " + quoted(options.output.string());
  const std::string array =
      submit(fmt::format("{} --array=0-{} --requeue --open-mode=append -o {} {} {}", common, elements - 1,
                         quoted((logs / "%a.log").string()), slurm.sbatch, quoted((folder / "run.sh").string())));
  const std::string collect =
      submit(fmt::format("{} --dependency=afterany:{} -o {} {}", common, array, quoted((logs / "collect.log").string()),
                         quoted((folder / "collect.sh").string())));
  write_file(folder / "jobs", fmt::format("array {}\ncollect {}\n", array, collect));
  if (!quiet)
    std::cout << fmt::format(
        "{} points in {} elements of job {}, collected by job {}\nhow far it is: iommusim sweep status {}\n",
        study.points.size(), elements, array, collect, options.output.string());
  return exit_ok;
}

}  // namespace iommusim::runner
