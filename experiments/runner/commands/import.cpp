#include <fmt/format.h>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "experiments/import/counts.h"
#include "experiments/import/import.h"
#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "experiments/runner/progress.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

fs::path default_output(const fs::path& capture) {
  fs::path name = capture.lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  return name.filename().string() + ".trace.gz";
}

void show_progress(double share, void* context) { static_cast<Progress*>(context)->show("import", share, ""); }

void print_report(const importer::ImportReport& r, const fs::path& out) {
  std::cout << fmt::format("capture            {}\n", r.name) << fmt::format("records            {}\n", r.records)
            << fmt::format("clock anchors      {} (offset {:.6f} s)\n", r.anchors, r.clock_offset_s)
            << fmt::format("seeded mappings    {} ({} of them replaced one)\n", r.seeded, r.reseeded)
            << fmt::format("mappings advanced  {}\n", r.pulled)
            << fmt::format("contradictions     {}\n", r.contradictions)
            << fmt::format("unattributed       {} maps, {} unmaps\n", r.unattributed_maps, r.unattributed_unmaps)
            << fmt::format("assumed accesses   {} of unknown length or direction, {} probes\n", r.assumed_accesses,
                           r.probes)
            << fmt::format("lines not used     {} kernel, {} unit\n", r.unknown_kernel_lines, r.unknown_unit_lines)
            << fmt::format("written            {}\n", out.string());
}

}  // namespace

int import_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(
      self,
      "Merges both sides of a capture folder (Linux ftrace, QEMU log) into one trace file that platforms replay.\n"
      "--counts prints a trace's counts as CSV, in the columns of the captures' oracle; CAPTURE may then be a trace "
      "file.");
  options.add()("output,o", boost::program_options::value<std::string>(),
                "Trace file to write (default: CAPTURE's name with .trace.gz)")(
      "force", "Replaces an existing trace file")("counts", "Prints the counts of the trace as CSV")(
      "quiet,q", "No progress bar, no report");
  options.positional("capture", 1);
  if (!options.parse(arguments)) return exit_ok;
  options.require("capture", "a capture folder");
  const fs::path capture = options.words("capture").front();
  std::error_code e;
  if (options.has("counts") && fs::is_regular_file(capture, e)) {
    std::cout << importer::counts_csv_header() << "\n"
              << importer::counts_csv_row(importer::count_trace(capture.string())) << "\n";
    return exit_ok;
  }
  const fs::path out = options.has("output") ? fs::path(options.word("output")) : default_output(capture);
  if (fs::exists(fs::symlink_status(out, e)) && !options.has("force")) {
    throw base::UserError(out.string() + " exists already. Choose another file with -o, or replace it with --force.");
  }
  Progress progress(!options.has("quiet"));
  importer::ImportOptions import_options;
  import_options.progress = &show_progress;
  import_options.progress_context = &progress;
  const importer::ImportReport report = importer::import_capture(capture.string(), out.string(), import_options);
  progress.clear();
  if (options.has("counts")) {
    std::cout << importer::counts_csv_header() << "\n"
              << importer::counts_csv_row(importer::count_trace(out.string())) << "\n";
  } else if (!options.has("quiet")) {
    print_report(report, out);
  }
  return exit_ok;
}

}  // namespace iommusim::runner
