#include "models/tlm/dma_extension.h"

#include "models/tlm/error.h"

namespace iommusim::tlm {

::tlm::tlm_extension_base* DmaExtension::clone() const {
  auto* copy = new DmaExtension;
  copy->copy_from(*this);
  return copy;
}

void DmaExtension::copy_from(const ::tlm::tlm_extension_base& other) {
  static_cast<DmaFields&>(*this) = static_cast<const DmaExtension&>(other);
}

void DmaExtension::free() {
  if (pool == nullptr) delete this;
}

void DmaExtension::hop_error(const char* what) { internal_error("DmaExtension", what); }

}  // namespace iommusim::tlm
