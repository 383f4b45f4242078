#include "experiments/runner/sweep/slurm.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/program_options/parsers.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "experiments/runner/exit_code.h"
#include "experiments/runner/sweep/layout.h"
#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

struct Answer {
  int status;
  std::string text;  ///< of both outputs
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

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The number of a submitted job; what else sbatch says goes to standard error.
std::string submit(const std::string& arguments) {
  const Answer answer = shell("sbatch --parsable " + arguments);
  std::string job, rest;
  for (std::size_t begin = 0; begin < answer.text.size();) {
    const std::size_t end = std::min(answer.text.find('\n', begin), answer.text.size());
    const std::string line = answer.text.substr(begin, end - begin);
    const std::string number = line.substr(0, line.find(';'));  // "NUMBER;CLUSTER" in federations
    if (is_number(number))
      job = number;
    else
      rest += (rest.empty() ? "" : "\n") + line;
    begin = end + 1;
  }
  if (answer.status != 0 || job.empty()) throw base::UserError(rest.empty() ? "sbatch failed" : rest);
  if (!rest.empty()) std::cerr << rest << "\n";
  return job;
}

/// The user's options as words for the shell.
std::string sbatch_options(const std::string& text) {
  try {
    std::string words;
    for (const std::string& word : boost::program_options::split_unix(text)) words += shell_quoted(word) + " ";
    return words;
  } catch (const std::exception& e) {
    throw base::UserError("--sbatch: " + text + ": " + e.what());
  }
}

/// Throws base::UserError when a job that an earlier call has submitted for this folder may still run.
void refuse_while_queued(const fs::path& jobs) {
  std::ifstream in(jobs);
  for (std::string what, job; in >> what >> job;) {
    if (!is_number(job)) continue;
    const Answer answer = shell("squeue -h -o %i -j " + job);
    if (answer.status == 0 && !answer.text.empty())
      throw base::UserError(
          fmt::format("job {} of this sweep is in Slurm's queue still: wait for it, or `scancel {}` first", job, job));
  }
}

/// A log of a job as sbatch wants to be told of it: '%' begins a pattern there.
std::string log_option(const fs::path& root, const std::string& pattern) {
  std::string path;
  for (const char c : (root / "slurm" / "log").string()) path += c == '%' ? "%%" : std::string(1, c);
  return " -o " + shell_quoted(path + "/" + pattern);
}

struct Jobs {
  std::string array, collect;
};

Jobs submit_jobs(const fs::path& root, std::size_t elements, const std::string& asked) {
  const std::string name = " -J " + shell_quoted("iommusim-" + root.filename().string()) + " ";
  const std::string folder = " -D " + shell_quoted(root.string());
  const fs::path scripts = root / "slurm";
  const auto script = [&](const char* file) { return " " + shell_quoted((scripts / file).string()); };
  Jobs jobs;
  try {  // what has to hold comes after what was asked for: the last of two options counts
    jobs.array =
        submit(name + asked + folder + fmt::format(" --array=0-{} --requeue --open-mode=append", elements - 1) +
               log_option(root, "%a.log") + script("run.sh"));
    write_file(scripts / "jobs", "array " + jobs.array + "\n");
    jobs.collect = submit(name + asked + folder + " -n 1 -c 1 --dependency=afterany:" + jobs.array +
                          log_option(root, "collect.log") + script("collect.sh"));
  } catch (const base::UserError& error) {
    if (!jobs.array.empty()) shell("scancel " + jobs.array);
    throw base::UserError(std::string(error.what()) + "\nNothing is submitted. " + root.string() +
                          " is prepared: go on with --slurm --resume.");
  }
  write_file(scripts / "jobs", fmt::format("array {}\ncollect {}\n", jobs.array, jobs.collect));
  return jobs;
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
    limits += fmt::format(" --timeout {}", shell_quoted(fmt::format("{:.0f} ns", 1e9 * options.limits.seconds)));
  if (options.limits.memory > 0)
    limits += fmt::format(" --memory {}", shell_quoted(fmt::format("{} B", options.limits.memory)));
  if (options.retry > 0) limits += fmt::format(" --retry {}", options.retry);
  return fmt::format(
      "#!/bin/sh\n"
      "# An element of a sweep: runs its share of the points, skipping those that have a valid result, so that it may "
      "be\n"
      "# requeued, or run twice at once, at any time.\n"
      "exec {} sweep {} -o {} --resume --share \"$SLURM_ARRAY_TASK_ID/{}\" -j \"${{SLURM_CPUS_PER_TASK:-1}}\" -q{}\n",
      shell_quoted(program), shell_quoted(study), shell_quoted(options.output.string()), elements, limits);
}

int submit_to_slurm(const Study& study, SweepOptions options, const SlurmOptions& slurm) {
  options.output = fs::absolute(options.output).lexically_normal();
  if (!options.output.has_filename()) options.output = options.output.parent_path();  // a trailing slash
  options.prepare = true;
  const std::string asked = sbatch_options(slurm.sbatch);
  const fs::path folder = options.output / "slurm";
  if (shell("command -v sbatch").status != 0)
    throw base::UserError("--slurm: there is no sbatch here; run it where jobs are submitted");
  if (options.output.string().find('\\') != std::string::npos)
    throw base::UserError("--slurm: no log can be in " + options.output.string() + ": sbatch gives '\\' a meaning");
  refuse_while_queued(folder / "jobs");
  const bool quiet = options.quiet;
  options.quiet = true;
  const int prepared = run_sweep(study, options);
  if (prepared != exit_ok) return prepared;
  if (options.resume && is_complete(study, options.output)) {  // nothing to submit: the table and its claims
    options.quiet = quiet;
    options.prepare = false;
    return run_sweep(study, options);
  }
  std::error_code e;
  fs::create_directories(folder / "log", e);  // a job whose log cannot be opened never starts, and says so nowhere
  if (e) throw base::UserError("cannot create " + folder.string() + ": " + e.message());
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  const std::string file = fs::absolute(study.path).lexically_normal().string();
  const std::size_t elements = elements_of(study.points.size(), slurm.points_per_task, most_elements());
  write_file(folder / "run.sh", array_script(program, file, options, elements));
  write_file(folder / "collect.sh", fmt::format("#!/bin/sh\nexec {} collect {}\n", shell_quoted(program),
                                                shell_quoted(options.output.string())));
  const auto [array, collect] = submit_jobs(options.output, elements, asked);
  if (!quiet)
    std::cout << fmt::format(
        "{} points in {} elements of job {}, collected by job {}\nhow far it is: iommusim sweep status {}\n",
        study.points.size(), elements, array, collect, options.output.string());
  return exit_ok;
}

}  // namespace iommusim::runner
