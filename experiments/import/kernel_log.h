// The kernel's side of a capture: lines of Linux ftrace, parsed but not interpreted.
#pragma once

#include <string>

#include "experiments/import/descriptor.h"
#include "models/endpoints/trace/gz_lines.h"

namespace iommusim::importer {

enum class KernelKind {
  mark,
  map_page,
  map_page_ret,
  map_sg,
  map_sg_ret,
  alloc,
  unmap_page,
  unmap_sg,
  free,
  map,
  unmap,
  attach,
  submit
};

/// One event of the kernel log. Fields an event lacks are zero.
struct KernelEvent {
  KernelKind kind = KernelKind::mark;
  std::uint64_t time = 0;  ///< ns of the guest clock
  std::uint32_t line = 0;
  std::uint32_t cpu = 0, pid = 0;
  char level = '.';  ///< interrupt level: '.' task, 's' soft irq, 'h' hard irq
  base::Bdf device;  ///< the function, before aliasing
  std::uint64_t iova = 0, paddr = 0, size = 0, offset = 0;
  std::uint32_t direction = 0, count = 0, number = 0;
  Descriptor descriptor;
  std::string text;
};

/// Streams the events of an ftrace text. Lines of other events are ignored by name; what is no ftrace line at all, and
/// a known event whose details do not parse, is a positioned base::UserError.
class KernelLog {
 public:
  explicit KernelLog(const std::string& path) : lines_(path) {}
  bool next(KernelEvent& event);
  std::uint64_t ignored() const { return ignored_; }
  const ep::GzLines& lines() const { return lines_; }

 private:
  bool parse(std::string_view line, KernelEvent& event);

  ep::GzLines lines_;
  std::uint64_t ignored_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace iommusim::importer
