#include "models/endpoints/workload/generator.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/error.h"
#include "models/base/stats/metrics.h"

namespace iommusim::ep {

namespace {

std::vector<double> weights_of(const GeneratorConfig& config) {
  std::vector<double> weights;
  for (const AddressStreamConfig& s : config.streams) weights.push_back(s.weight);
  return weights;
}

}  // namespace

Generator::Arrivals::Arrivals(const GeneratorConfig& config, const WorkloadSite& site)
    : random_(site.seed, site.name + ".gaps"),
      gaps_(config.gaps),
      rate_(config.rate.value()),
      mean_(1e12 / static_cast<double>(config.rate.value())),
      start_(config.start),
      at_(config.start) {
  if (gaps_ == Gaps::poisson) advance();  // the first arrival is a gap after the start; constant gaps begin at it
}

// Constant gaps: arrival k is at start + floor(k / rate), so that the rate is exact for ever. Poisson: the fraction is
// carried.
void Generator::Arrivals::advance() {
  ++index_;
  if (gaps_ == Gaps::constant) {
    at_ = start_ + base::Time::ps(static_cast<std::uint64_t>(base::u128{index_} * 1000000000000u / rate_));
    return;
  }
  const double gap = base::exponential(random_, mean_) + fraction_;
  const auto whole = static_cast<std::uint64_t>(gap);
  fraction_ = gap - static_cast<double>(whole);
  at_ += base::Time::ps(whole);
}

Generator::Generator(const GeneratorConfig& config, const WorkloadSite& site)
    : loop_(config.loop),
      window_(config.window),
      start_(config.start),
      count_(config.count),
      write_done_(config.write_done),
      choose_(weights_of(config)),
      arrivals_(config, site),
      mix_(site.seed, site.name + ".mix"),
      addresses_(site.seed, site.name + ".addresses") {
  for (const AddressStreamConfig& stream : config.streams)
    streams_.push_back(make_stream(stream, site, streams_.size()));
}

Generator::Stream Generator::make_stream(const AddressStreamConfig& config, const WorkloadSite& site,
                                         std::size_t index) const {
  Stream stream;
  stream.reads = config.reads.value();
  stream.relaxed_ordering = config.relaxed_ordering;
  stream.size = config.size->make();
  const std::uint64_t largest = stream.size->largest(), shift = config.misalignment.value(),
                      offset = config.offset.value();
  const std::uint64_t window =
      config.window.value() != 0 ? config.window.value() : site.bytes - std::min(offset, site.bytes);
  if (offset > site.bytes || window > site.bytes - offset) {
    throw base::UserError(fmt::format("{}: streams[{}]: offset {} and window {} exceed the buffer of {}", site.name,
                                      index, to_text(config.offset), to_text(base::Bytes(window)),
                                      to_text(base::Bytes(site.bytes))));
  }
  if (window < shift + largest) {
    throw base::UserError(fmt::format("{}: streams[{}]: a window of {} does not hold a DMA of {} at misalignment {}",
                                      site.name, index, to_text(base::Bytes(window)), to_text(base::Bytes(largest)),
                                      to_text(config.misalignment)));
  }
  stream.unit = config.unit.value() != 0 ? config.unit.value() : (largest + shift + 63) / 64 * 64;
  stream.first = site.base.value() + offset + shift;
  stream.pattern = config.pattern->make((window - shift - largest) / stream.unit + 1);
  return stream;
}

Generator::Draw Generator::draw(base::RandomStream& mix) const {
  const std::size_t index = streams_.size() == 1 ? 0 : choose_(mix);
  const Stream& stream = streams_[index];
  const std::uint32_t bytes = stream.size->draw(mix);
  const bool write = stream.reads < 1 && !mix.chance(stream.reads);
  return {index, bytes, write};
}

Workload::Next Generator::next(base::Time now) {
  if (count_ != 0 && taken_.dmas == count_) return Next::finished();
  if (now < start_) return Next::later(start_);
  DmaRequest dma;
  if (loop_ == Loop::closed) {
    if (in_progress_ >= window_) return Next::wait();
    dma.intended = now;
  } else {
    if (arrivals_.next() > now) return Next::later(arrivals_.next());
    dma.intended = arrivals_.next();
    arrivals_.advance();
  }
  const Draw d = draw(mix_);
  Stream& stream = streams_[d.stream];
  dma.iova = base::Iova(stream.first + stream.pattern->next(addresses_) * stream.unit);
  dma.bytes = d.bytes;
  dma.write = d.write;
  dma.write_done = write_done_;
  dma.relaxed_ordering = stream.relaxed_ordering;
  ++in_progress_;
  ++taken_.dmas;
  taken_.bytes += d.bytes;
  return Next::take(dma);
}

void Generator::done(const DmaResult&, base::Time) { --in_progress_; }

Workload::Offered Generator::offered(base::Time now) const {
  Offered all = taken_;
  if (loop_ == Loop::closed) return all;
  Arrivals arrivals = arrivals_;
  base::RandomStream mix = mix_;
  for (; arrivals.next() <= now && (count_ == 0 || all.dmas < count_); arrivals.advance()) {
    ++all.dmas;
    all.bytes += draw(mix).bytes;
  }
  return all;
}

}  // namespace iommusim::ep
