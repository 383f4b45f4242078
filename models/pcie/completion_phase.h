// The extended phase of a non-final completion TLP on the backward path. Ignorable, as its data is in the payload when
// the last one, the response, has come.
#pragma once

#include <tlm>

namespace iommusim::pcie {

TLM_DECLARE_EXTENDED_PHASE(COMPLETION_TLP);

}  // namespace iommusim::pcie
