#include "models/pcie/tlp_text.h"

#include "models/tlm/dma_extension.h"

namespace iommusim::pcie {

std::string_view name_of(TlpKind kind) {
  switch (kind) {
    case TlpKind::memory_read: return "MRd";
    case TlpKind::memory_write: return "MWr";
    case TlpKind::completion_with_data: return "CplD";
    case TlpKind::completion: return "Cpl";
    case TlpKind::message: return "Msg";
    case TlpKind::message_with_data: return "MsgD";
    case TlpKind::configuration_read: return "CfgRd";
    case TlpKind::configuration_write: return "CfgWr";
    case TlpKind::translation_request: return "TrReq";
  }
  return "?";
}

std::string_view name_of(FlowClass flow) {
  switch (flow) {
    case FlowClass::posted: return "posted";
    case FlowClass::non_posted: return "non_posted";
    case FlowClass::completion: return "completion";
  }
  return "?";
}

/// Of completions only, as the specification abbreviates them.
std::string_view status_of(const SentTlp& sent) {
  if (sent.flow != FlowClass::completion) return "";
  switch (tlm::dma(sent.payload).status) {
    case tlm::CompletionStatus::ok: return "SC";
    case tlm::CompletionStatus::unsupported_request: return "UR";
    case tlm::CompletionStatus::completer_abort: return "CA";
    case tlm::CompletionStatus::timeout:
    case tlm::CompletionStatus::function_reset: break;
  }
  return "";  // what the requester finds by itself travels on no link
}

/// Posted requests have no tag that anybody looks at (PCIe 6.0 section 2.2.6.2).
std::string tag_of(const SentTlp& sent) {
  return sent.flow == FlowClass::posted ? "" : std::to_string(tlm::dma(sent.payload).tag);
}

std::string pasid_of(const SentTlp& sent) {
  return sent.tlp.pasid ? std::to_string(tlm::dma(sent.payload).pasid.value()) : "";
}

}  // namespace iommusim::pcie
