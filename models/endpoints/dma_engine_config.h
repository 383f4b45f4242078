// What a DMA engine is and what it costs. Meaning, unit, range and source of each member: fields().
#pragma once

#include <cstdint>

#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::base {
template <class T>
class Fields;
}

namespace iommusim::ep {

struct DmaEngineConfig {
  unsigned tags = 32;     ///< 0: as many as tag_bits give
  unsigned tag_bits = 8;  ///< 5, 8, 10 or 14
  unsigned posted_window = 64;
  unsigned dmas = 256;
  base::Time issue_latency;
  base::Time read_interval;
  base::Time write_interval;
  base::Time completion_latency;
  base::Time latency_per_kib;
  base::Bytes copy_unit{1};
  base::Time completion_timeout = base::Time::ms(50);
  bool store_data = false;

  static const base::Fields<DmaEngineConfig>& fields();
};

}  // namespace iommusim::ep
