#include "models/memory/dram.h"

namespace iommusim::mem {

Dram::Dram(const DramConfig& config, tlm::Scheduler& scheduler, const std::string& name, DramChannel::Finish finish)
    : config_(config), map_(config_), newest_(config.channels) {
  for (unsigned i = 0; i < config.channels; ++i) {
    channels_.push_back(
        std::make_unique<DramChannel>(config_, map_, scheduler, name + ".channel" + std::to_string(i), i, finish));
  }
  parts_.reserve(64);
}

void Dram::gather(std::uint64_t line) {
  const DramMap::Local at = map_.local(line);
  if (const std::uint32_t newest = newest_[at.channel]; newest != 0) {
    DramChannel::Run& run = parts_[newest - 1].run;
    if (at.line - run.first < DramChannel::kRunLines) {
      run.lines |= std::uint64_t{1} << (at.line - run.first);
      return;
    }
  }
  parts_.push_back({at.channel, {at.line, 1}});
  newest_[at.channel] = static_cast<std::uint32_t>(parts_.size());
}

void Dram::add_stats(base::Group& group) {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    channels_[i]->add_stats(group.group("channel" + std::to_string(i)));
  }
}

}  // namespace iommusim::mem
