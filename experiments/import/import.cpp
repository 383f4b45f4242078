#include "experiments/import/import.h"

#include <utility>

#include "experiments/import/merger.h"

namespace iommusim::importer {

ImportReport import_capture(const std::string& directory, const std::string& out_path, const ImportOptions& options) {
  ImportReport report;
  Capture capture = load_capture(directory);
  const Alignment alignment = align_logs(capture);
  report.name = capture.header.name;
  report.anchors = alignment.anchors;
  report.clock_offset_s = static_cast<double>(alignment.offset) / 1e9;
  capture.header.unit_clock_start = alignment.unit_start;
  for (auto& device : capture.header.devices) device.domain = alignment.domain_at(device.requester, 0);
  ep::TraceWriter out(out_path, capture.header);
  Merger(capture, alignment, options, out, report).run();
  out.close();
  return report;
}

}  // namespace iommusim::importer
