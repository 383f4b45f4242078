// A tracer that keeps what it is told, as one line of text per slice: "group/track what start-stop dma flow", times in
// ps.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "models/tlm/tracer.h"

namespace iommusim::test {

class RecordedTracks final : public tlm::Tracer {
 public:
  /// One DMA of so many is traced; 0: none.
  explicit RecordedTracks(std::uint64_t sample = 1) : sample_(sample) {}

  TrackId track(const std::string& group, const std::string& name) override {
    names_.push_back(group + "/" + name);
    open_.emplace_back();
    return static_cast<TrackId>(names_.size() - 1);
  }
  std::uint32_t begin_dma(std::uint64_t n, base::Time) override {
    return sample_ == 0 || n % sample_ != 0 ? 0 : ++dmas_;
  }
  void begin(TrackId track, std::string_view what, base::Time at, Cause cause, Details) override {
    open_[track].push_back(slices.size());
    starts_.push_back(at);
    slices.push_back(line(track, what, cause));
  }
  void end(TrackId track, base::Time at, Details) override {
    close(open_[track].back(), at);
    open_[track].pop_back();
  }
  void slice(TrackId track, std::string_view what, base::Time start, base::Time stop, Cause cause, Details) override {
    starts_.push_back(start);
    slices.push_back(line(track, what, cause));
    close(slices.size() - 1, stop);
  }

  /// In the order of being told of them.
  std::vector<std::string> slices;
  std::vector<std::string> of(const std::string& prefix) const {
    std::vector<std::string> found;
    for (const std::string& s : slices)
      if (s.compare(0, prefix.size(), prefix) == 0) found.push_back(s);
    return found;
  }

 private:
  std::string line(TrackId track, std::string_view what, Cause cause) const {
    return fmt::format("{} {} @{}{}", names_[track], what, cause.dma, cause.flows ? " flow" : "");
  }
  void close(std::size_t slice, base::Time at) { slices[slice] += fmt::format(" {}-{}", starts_[slice].ps(), at.ps()); }

  const std::uint64_t sample_;
  std::uint32_t dmas_ = 0;
  std::vector<std::string> names_;
  std::vector<std::vector<std::size_t>> open_;  // by track: indices of slices begun and not ended
  std::vector<base::Time> starts_;              // by slice
};

}  // namespace iommusim::test
