// The unit's side of a capture: lines of QEMU's trace log, parsed but not interpreted.
#pragma once

#include <string>

#include "experiments/import/descriptor.h"
#include "models/endpoints/trace/gz_lines.h"

namespace iommusim::importer {

enum class UnitKind {
  mark,
  hit,
  fill,
  iotlb_reset,
  descriptor,
  enable,
  interrupt,
  fault,
  passthrough,
  virtio_map,
  virtio_unmap,
  virtio_attach,
  virtio_translate,
  virtio_translated,
  nvme_asq,
  nvme_acq,
  nvme_create_sq,
  nvme_create_cq,
  nvme_dbbuf,
  nvme_doorbell_sq,
  nvme_doorbell_cq,
  nvme_admin,
  nvme_io,
  nvme_read,
  nvme_write,
  nvme_prp,
  nvme_segment,
  nvme_completion,
  nvme_msix,
  e1000e_tx,
  e1000e_rx,
  e1000e_rx_data,
  e1000e_msix,
};

/// One event of the unit's log. What the numbers mean is beside the parser's table (unit_log.cpp).
struct UnitEvent {
  UnitKind kind = UnitKind::mark;
  std::uint64_t time = 0;  ///< ns since 1970, host clock
  std::uint32_t line = 0;
  std::uint64_t a = 0, b = 0, c = 0, d = 0, e = 0;
};

/// Streams the events of a QEMU log in file order. Lines of other events are ignored by name; what is no log line at
/// all, and a known event whose details do not parse, is a positioned base::UserError.
class UnitLog {
 public:
  explicit UnitLog(const std::string& path) : lines_(path) {}
  bool next(UnitEvent& event);
  std::uint64_t ignored() const { return ignored_; }
  const ep::GzLines& lines() const { return lines_; }

 private:
  bool parse(std::string_view line, UnitEvent& event);

  ep::GzLines lines_;
  std::uint64_t ignored_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace iommusim::importer
