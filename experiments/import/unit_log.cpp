#include "experiments/import/unit_log.h"

#include <array>
#include <unordered_map>

#include "experiments/import/log_fields.h"

namespace iommusim::importer {
namespace {

/// An event and the keys whose numbers become a to e. A key "" ends the list; "#n" means the n-th word.
struct Form {
  std::string_view name;
  UnitKind kind;
  std::array<std::string_view, 5> keys;
};

constexpr Form forms[] = {
    {"pci_cfg_write", UnitKind::mark, {"<- "}},
    {"vtd_iotlb_page_hit", UnitKind::hit, {"sid ", "iova ", "slpte ", "domain "}},
    {"vtd_iotlb_page_update", UnitKind::fill, {"sid ", "iova ", "slpte ", "domain "}},
    {"vtd_iotlb_reset", UnitKind::iotlb_reset, {}},
    {"vtd_inv_desc", UnitKind::descriptor, {"low ", "high "}},
    {"vtd_dmar_enable", UnitKind::enable, {"enable "}},
    {"vtd_ir_remap_msi_req", UnitKind::interrupt, {"addr ", "data "}},
    {"vtd_dmar_fault", UnitKind::fault, {"sid ", "fault ", "addr ", "write "}},
    {"vtd_pt_enable_fast_path", UnitKind::passthrough, {"sid "}},
    {"virtio_iommu_map", UnitKind::virtio_map, {"domain=", "virt_start=", "virt_end=", "phys_start=", "flags="}},
    {"virtio_iommu_unmap", UnitKind::virtio_unmap, {"domain=", "virt_start=", "virt_end="}},
    {"virtio_iommu_attach", UnitKind::virtio_attach, {"domain=", "endpoint="}},
    {"virtio_iommu_translate", UnitKind::virtio_translate, {"rid=", "addr=", "flag="}},
    {"virtio_iommu_translate_out", UnitKind::virtio_translated, {"#0", "#2", "sid="}},
    {"pci_nvme_mmio_asqaddr", UnitKind::nvme_asq, {"address="}},
    {"pci_nvme_mmio_acqaddr", UnitKind::nvme_acq, {"address="}},
    {"pci_nvme_create_sq", UnitKind::nvme_create_sq, {"addr=", "sqid=", "cqid=", "qsize="}},
    {"pci_nvme_create_cq", UnitKind::nvme_create_cq, {"addr=", "cqid=", "vector=", "qsize="}},
    {"pci_nvme_dbbuf_config", UnitKind::nvme_dbbuf, {"dbs_addr=", "eis_addr="}},
    {"pci_nvme_mmio_doorbell_sq", UnitKind::nvme_doorbell_sq, {"sqid ", "new_tail "}},
    {"pci_nvme_mmio_doorbell_cq", UnitKind::nvme_doorbell_cq, {"cqid ", "new_head "}},
    {"pci_nvme_admin_cmd", UnitKind::nvme_admin, {"cid ", "sqid ", "opc "}},
    {"pci_nvme_io_cmd", UnitKind::nvme_io, {"cid ", "sqid ", "opc "}},
    {"pci_nvme_read", UnitKind::nvme_read, {"cid ", "count "}},
    {"pci_nvme_write", UnitKind::nvme_write, {"cid ", "count "}},
    {"pci_nvme_map_prp", UnitKind::nvme_prp, {"trans_len ", "len ", "prp1 ", "prp2 "}},
    {"pci_nvme_map_addr", UnitKind::nvme_segment, {"addr ", "len "}},
    {"pci_nvme_enqueue_req_completion", UnitKind::nvme_completion, {"cid ", "cqid "}},
    {"pci_nvme_irq_msix", UnitKind::nvme_msix, {"vector "}},
    {"e1000e_tx_descr", UnitKind::e1000e_tx, {"#0", "#2"}},  // buffer, word 2 (printed without 0x)
    {"e1000e_rx_descr", UnitKind::e1000e_rx, {"PA: "}},
    {"e1000e_rx_desc_buff_write", UnitKind::e1000e_rx_data, {"addr: ", "offset: ", "length: "}},
    {"e1000e_irq_msix_notify_vec", UnitKind::e1000e_msix, {"vector "}},
};

const Form* find_form(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const Form*> map;
    for (const auto& form : forms) map[form.name] = &form;
    return map;
  }();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

std::optional<std::uint64_t> word_number(std::string_view details, unsigned index) {
  ep::Words words(details);
  for (unsigned i = 0; i < index; ++i) words.next();
  return ep::parse_number(words.next(), 16);
}

}  // namespace

bool UnitLog::next(UnitEvent& event) {
  std::string_view line;
  while (lines_.next(line)) {
    if (line.empty()) continue;
    if (parse(line, event)) return true;
    ++ignored_;
  }
  return false;
}

bool UnitLog::parse(std::string_view line, UnitEvent& event) {
  const auto at = line.find('@'), colon = line.find(':');
  std::optional<std::uint64_t> time;
  if (at != std::string_view::npos && colon != std::string_view::npos && at < colon &&
      ep::parse_number(line.substr(0, at), 10))
    time = parse_seconds(line.substr(at + 1, colon - at - 1));
  if (!time) lines_.fail("no line of a QEMU log (TID@SECONDS:EVENT ...): '" + std::string(line.substr(0, 60)) + "'");
  if (*time < last_) lines_.fail("the recorder's clock runs backwards here");
  last_ = *time;
  auto details = line.substr(colon + 1);
  const auto end = details.find(' ');
  const auto name = details.substr(0, end);
  const Form* form = find_form(name);
  if (!form) return false;
  details.remove_prefix(std::min(details.size(), name.size() + 1));
  // The marks are writes of the job script to a scratch register of the host bridge; other configuration writes are not
  // of interest.
  if (form->kind == UnitKind::mark && details.rfind("mch 00:00.0 @0x3c <- ", 0) != 0) return false;
  event = UnitEvent{form->kind, *time, lines_.line()};
  std::uint64_t* const numbers[] = {&event.a, &event.b, &event.c, &event.d, &event.e};
  for (unsigned i = 0; i < form->keys.size() && !form->keys[i].empty(); ++i) {
    const auto key = form->keys[i];
    const auto value =
        key[0] == '#' ? word_number(details, static_cast<unsigned>(key[1] - '0')) : number_after(details, key);
    if (!value)
      lines_.fail("the details of '" + std::string(name) + "' are not understood: '" +
                  std::string(details.substr(0, 80)) + "'");
    *numbers[i] = *value;
  }
  if ((form->kind == UnitKind::hit || form->kind == UnitKind::fill || form->kind == UnitKind::fault) &&
      event.a > 0xffff)
    lines_.fail("a requester id beyond 16 bits");
  return true;
}

}  // namespace iommusim::importer
