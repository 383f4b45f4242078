#include "models/endpoints/trace/replay_mappings.h"

#include <algorithm>

namespace iommusim::ep {

std::vector<std::uint32_t> ReplayMappings::take(std::uint64_t space, base::Iova iova, std::uint64_t bytes) {
  std::vector<std::uint32_t> numbers;
  auto it = by_address_.lower_bound({space, iova.value()});
  while (it != by_address_.end() && it->first.first == space && it->first.second < iova.value() + bytes) {
    if (std::find(numbers.begin(), numbers.end(), it->second.number) == numbers.end())
      numbers.push_back(it->second.number);
    it = by_address_.erase(it);
  }
  return numbers;
}

}  // namespace iommusim::ep
