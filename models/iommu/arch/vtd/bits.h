// Bit fields as this architecture's files call them.
#pragma once

#include "models/iommu/api/bits.h"

namespace iommusim::iommu::vtd {

using namespace bits;

}  // namespace iommusim::iommu::vtd
