#include "models/endpoints/slowest_dmas.h"

#include <algorithm>

namespace iommusim::ep {

void SlowestDmas::insert(const SlowDma& dma) {
  if (heap_.size() == kept) {
    std::pop_heap(heap_.begin(), heap_.end(), slower);
    heap_.pop_back();
  }
  heap_.push_back(dma);
  std::push_heap(heap_.begin(), heap_.end(), slower);
}

std::vector<SlowDma> SlowestDmas::sorted() const {
  std::vector<SlowDma> list = heap_;
  std::stable_sort(list.begin(), list.end(), slower);
  return list;
}

}  // namespace iommusim::ep
