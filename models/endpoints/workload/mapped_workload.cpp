#include "models/endpoints/workload/mapped_workload.h"

namespace iommusim::ep {

Workload::Next MappedWorkload::next(base::Time now) {
  asking_ = true;
  Next answer = Next::wait();
  while (!ahead_.full()) {
    answer = inner_->next(now);
    if (answer.kind != Next::Kind::dma) break;
    map(answer.dma);
    answer = Next::wait();
  }
  asking_ = false;
  if (!ready_.empty()) {
    const std::uint32_t index = ready_.pop();
    ahead_.release(index);
    return Next::take(ahead_[index]);
  }
  if (answer.kind == Next::Kind::finished && ahead_.in_use() != 0) return Next::wait();
  return answer;
}

void MappedWorkload::map(const DmaRequest& dma) {
  const std::uint32_t index = *ahead_.acquire();
  ahead_[index] = dma;
  ahead_[index].write_done = WriteDone::visible;
  policy_->acquire(dma.iova.value(), dma.bytes, dma.write ? iommu::kWrite : iommu::kRead,
                   [this, index](base::Iova iova) { mapped(index, iova); });
}

void MappedWorkload::mapped(std::uint32_t index, base::Iova iova) {
  ahead_[index].iova = iova;
  ready_.push(index);
  if (stopped_) {
    stop();
  } else if (!asking_) {
    engine_.wake();
  }
}

void MappedWorkload::done(const DmaResult& result, base::Time now) {
  policy_->release(result.request.iova, result.request.bytes);
  inner_->done(result, now);
}

void MappedWorkload::stop() {
  stopped_ = true;
  while (!ready_.empty()) {
    const std::uint32_t index = ready_.pop();
    policy_->release(ahead_[index].iova, ahead_[index].bytes);
    ahead_.release(index);
  }
}

}  // namespace iommusim::ep
