#include "experiments/runner/trace/perfetto.h"

#include <iterator>
#include <nlohmann/json.hpp>

namespace iommusim::runner {
namespace {

constexpr std::size_t kFlushAt = 1 << 16;
/// Numbers of tracks; apart from those of processes, as a thread with its process's number passes for its main thread.
constexpr std::uint64_t kFirstThread = 10000;

std::string json_text(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string microseconds(base::Time t) { return fmt::format("{}.{:06}", t.ps() / 1000000, t.ps() % 1000000); }

}  // namespace

Perfetto::Perfetto(const PerfettoConfig& config, Time window, std::ostream& out)
    : config_(config),
      from_(config.from ? *config.from : window),
      to_(config.to ? *config.to : Time::max()),
      out_(out),
      next_look_(from_) {
  out_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
}

// The parts of an event that all have; the caller ends it.
void Perfetto::event(const char* phase, unsigned process, std::uint64_t thread, Time at) {
  fmt::format_to(std::back_inserter(text_), "{}{{\"ph\":\"{}\",\"pid\":{},\"tid\":{},\"ts\":{}", first_ ? "\n" : ",\n",
                 phase, process, thread, microseconds(at));
  first_ = false;
}

void Perfetto::close() {
  text_.push_back('}');
  if (text_.size() < kFlushAt) return;
  out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  text_.clear();
}

unsigned Perfetto::process(const std::string& name) {
  const auto [at, is_new] = processes_.emplace(name, static_cast<unsigned>(processes_.size() + 1));
  if (is_new) {
    event("M", at->second, 0, Time());
    fmt::format_to(std::back_inserter(text_), R"(,"name":"process_name","args":{{"name":{}}})", json_text(name));
    close();
  }
  return at->second;
}

Perfetto::TrackId Perfetto::track(const std::string& group, const std::string& name) {
  const auto [at, is_new] = names_.emplace(std::pair(group, name), static_cast<TrackId>(tracks_.size()));
  if (is_new) tracks_.push_back({group, name, 0, {}});
  return at->second;
}

void Perfetto::event(const char* phase, TrackId track, Time at) {
  Line& line = tracks_[track];
  if (line.process == 0) {
    line.process = process(line.group);
    event("M", line.process, kFirstThread + track, Time());
    fmt::format_to(std::back_inserter(text_), R"(,"name":"thread_name","args":{{"name":{}}})", json_text(line.name));
    close();
  }
  event(phase, line.process, kFirstThread + track, at);
}

std::uint32_t Perfetto::begin_dma(std::uint64_t n, Time now) {
  if (!open(now) || n % config_.sample != 0) return 0;
  return fresh_ = static_cast<std::uint32_t>(++traced_);
}

void Perfetto::details(Details details, std::uint32_t dma) {
  fmt::format_to(std::back_inserter(text_), ",\"args\":{{");
  const char* comma = "";
  if (dma != 0) {
    fmt::format_to(std::back_inserter(text_), "\"dma\":{}", dma);
    comma = ",";
  }
  for (const Detail& d : details) {
    const auto* number = std::get_if<std::uint64_t>(&d.value);
    fmt::format_to(std::back_inserter(text_), "{}\"{}\":{}", comma, d.key,
                   number != nullptr ? std::to_string(*number) : json_text(std::get<std::string>(d.value)));
    comma = ",";
  }
  text_.push_back('}');
}

void Perfetto::name(std::string_view what, Cause cause, Details more) {
  fmt::format_to(std::back_inserter(text_), ",\"name\":{}", json_text(what));
  if (cause.dma != 0 && cause.flows) {
    const bool begins = cause.dma == fresh_;
    fmt::format_to(std::back_inserter(text_), ",\"bind_id\":\"{:#x}\",{}\"flow_out\":true", cause.dma,
                   begins ? "" : "\"flow_in\":true,");
    if (begins) fresh_ = 0;
  }
  details(more, cause.dma);
}

void Perfetto::begin(TrackId track, std::string_view what, Time at, Cause cause, Details details) {
  Line& t = tracks_[track];
  t.shown.push_back(cause.dma != 0 || open(at));
  if (!t.shown.back()) return;
  event("B", track, at);
  name(what, cause, details);
  close();
}

void Perfetto::end(TrackId track, Time at, Details more) {
  Line& t = tracks_[track];
  if (t.shown.empty()) return;
  const bool shown = t.shown.back();
  t.shown.pop_back();
  if (!shown) return;
  event("E", track, at);
  details(more, 0);
  close();
}

void Perfetto::slice(TrackId track, std::string_view what, Time start, Time stop, Cause cause, Details details) {
  const Line& t = tracks_[track];
  // What is within a slice goes with it.
  const bool within = !t.shown.empty();
  if (within ? !t.shown.back() : cause.dma == 0 && !open(start)) return;
  event("X", track, start);
  fmt::format_to(std::back_inserter(text_), ",\"dur\":{}", microseconds(stop - start));
  name(what, cause, details);
  close();
}

void Perfetto::watch(const base::Group& root) {
  root.for_each([this](const std::string& path, const base::Group::Metric& metric) {
    if (const auto* level = std::get_if<base::Occupancy*>(&metric.ref)) queues_.push_back({path, *level});
  });
}

void Perfetto::levels(Time now) {
  next_look_ = now + config_.levels;
  const unsigned pid = process("queues");
  for (Queue& q : queues_) {
    const std::uint64_t level = q.level->level();
    if (level == q.last) continue;
    q.last = level;
    event("C", pid, 0, now);
    fmt::format_to(std::back_inserter(text_), R"(,"name":{},"args":{{"level":{}}})", json_text(q.path), level);
    close();
  }
}

void Perfetto::finish(Time now) {
  for (TrackId i = 0; i < tracks_.size(); ++i)
    while (!tracks_[i].shown.empty()) end(i, now, {});
  out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  text_.clear();
  out_ << "\n]}\n";
}

}  // namespace iommusim::runner
