// What a packet on a link is called, in tables and on tracks.
#pragma once

#include <string>
#include <string_view>

#include "models/pcie/transmitter.h"

namespace iommusim::pcie {

/// As the specification abbreviates it: "MRd", "CplD".
std::string_view name_of(TlpKind kind);
/// "posted", "non_posted", "completion".
std::string_view name_of(FlowClass flow);
/// Of completions "SC", "UR", "CA"; "" of everything else.
std::string_view status_of(const SentTlp& sent);
/// "" of posted requests.
std::string tag_of(const SentTlp& sent);
/// "" without one.
std::string pasid_of(const SentTlp& sent);

}  // namespace iommusim::pcie
