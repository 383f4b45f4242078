#include "models/memory/memory_node.h"

#include <algorithm>

namespace iommusim::mem {

MemoryNode::MemoryNode(tlm::Context& context, const MemoryConfig& config, unsigned number, const std::string& name,
                       DramModel model, Finish finish)
    : context_(context),
      llc_latency_(config.llc.latency),
      remote_reads_(config.llc.remote_reads),
      llc_(config.llc, context.seed, name + ".llc"),
      slices_(config.llc),
      finish_(finish),
      open_(context.scheduler, tlm::SlotPool<Open>::kUnlimited) {
  if (model == DramModel::internal) {
    dram_ = std::make_unique<Dram>(config.dram, context.scheduler, name + ".dram",
                                   tlm::delegate<&MemoryNode::finished>(this));
  } else {
    backend_ = std::make_unique<tlm::InitiatorPort>(("backend" + std::to_string(number)).c_str(), context,
                                                    static_cast<tlm::InitiatorPort::Owner&>(*this));
  }
}

Time MemoryNode::start(Access access, KindStats& stats) {
  const tlm::Payload& payload = *access.payload;
  traffic_ = access.extension->traffic;
  const bool write = payload.is_write();
  const std::uint64_t first = payload.get_address() / kLineBytes;
  swap_ = access.extension->compare_and_swap;
  const unsigned bytes = std::max(tlm::bytes_touched(payload, *access.extension), 1u);  // zero-length: its line
  const std::uint64_t last = (payload.get_address() + bytes - 1) / kLineBytes;
  const Time now = context_.scheduler.now();
  starting_ = {access, 0, Time(), Time(), Time()};
  one_line_ = first == last;
  const bool past_cache = !write && access.from != access.home && remote_reads_ == RemoteReads::uncached;
  for (std::uint64_t line = first; line <= last; ++line) {
    past_cache ? dram_access(line, false, stats) : line_access(line, write, now, stats);
  }
  if (!one_line_ && dram_ != nullptr) dram_done(dram_->read_gathered([this] { return ticket(); }));
  if (ticket_ == kNoTicket) return done(starting_);
  // Parts wait; those that did not may have been the later ones.
  Open& open = open_[ticket_];
  open.llc_done = starting_.llc_done;
  open.lookup_wait = starting_.lookup_wait;
  open.dram_done = std::max(open.dram_done, starting_.dram_done);
  const Ticket own = ticket_;
  ticket_ = kNoTicket;
  if (--open.parts > 0) return Time::max();
  open_.release(own);
  return done(open);
}

void MemoryNode::line_access(std::uint64_t line, bool write, Time now, KindStats& stats) {
  using Source = LastLevelCache::Source;
  const LastLevelCache::Outcome outcome = llc_.access(line, traffic_, write, swap_);
  const Time wait = slices_.take(line, now);
  if (wait > starting_.lookup_wait) starting_.lookup_wait = wait;
  if (outcome.source == Source::cache) {
    ++stats.llc_lines;
    starting_.llc_done = std::max(starting_.llc_done, now + wait + llc_latency_);
  } else {
    dram_access(line, outcome.source == Source::dram_write, stats);
  }
  if (outcome.write_back) write_back(*outcome.write_back);
}

void MemoryNode::dram_access(std::uint64_t line, bool write, KindStats& stats) {
  ++stats.dram_lines;
  ++dram_lines_;
  const auto waits = [this] { return ticket(); };
  if (backend_ != nullptr) {
    send(line, write, ticket());
  } else if (write) {
    const Time at = dram_->write(line, waits);
    if (at != Time::max()) dram_done(at);
  } else if (one_line_) {
    dram_done(dram_->read(line, waits));
  } else {
    dram_->gather(line);
  }
}

void MemoryNode::write_back(std::uint64_t line) {
  ++dram_lines_;
  if (backend_ != nullptr) {
    send(line, true, kNoTicket);
  } else {
    dram_->write(line, [] { return kNoTicket; });
  }
}

// The ticket of the access being started, for one part more that waits; made at the first, when start() counts as one.
Ticket MemoryNode::ticket() {
  if (ticket_ == kNoTicket) {
    ticket_ = *open_.acquire();
    open_[ticket_] = starting_;
    open_[ticket_].parts = 1;
  }
  ++open_[ticket_].parts;
  return ticket_;
}

void MemoryNode::finished(Ticket ticket, Time at) {
  Open& open = open_[ticket];
  open.dram_done = std::max(open.dram_done, at);
  if (--open.parts > 0) return;
  open_.release(ticket);
  finish_(open.access, done(open));
}

// A plain transaction of the base protocol: a line, without contents.
void MemoryNode::send(std::uint64_t line, bool write, Ticket ticket) {
  tlm::Payload& payload = context_.pool.acquire();
  context_.pool.use_scratch(payload, kLineBytes);
  payload.set_command(write ? ::tlm::TLM_WRITE_COMMAND : ::tlm::TLM_READ_COMMAND);
  payload.set_address(line * kLineBytes);
  tlm::DmaExtension& extension = tlm::dma(payload);
  extension.space = tlm::AddressSpace::hpa;
  extension.traffic = traffic_;
  extension.dma = ticket;
  backend_->send(payload);
}

void MemoryNode::response(tlm::InitiatorPort&, tlm::Payload& payload) {
  const Ticket ticket = tlm::dma(payload).dma;
  const ::tlm::tlm_response_status status = payload.get_response_status();
  payload.release();
  if (status != ::tlm::TLM_OK_RESPONSE) ++backend_errors_;
  if (ticket == kNoTicket) return;
  if (status != ::tlm::TLM_OK_RESPONSE) open_[ticket].access.payload->set_response_status(status);
  finished(ticket, context_.scheduler.now() + llc_latency_);
}

void MemoryNode::add_stats(base::Group& group) {
  base::Group& llc = group.group("llc");
  llc_.add_stats(llc);
  slices_.add_stats(llc);
  base::Group& dram = group.group("dram");
  dram.add("lines", dram_lines_, "1", "64-byte lines asked of DRAM, write-backs included");
  if (dram_ != nullptr) {
    dram_->add_stats(dram);
  } else {
    dram.add("errors", backend_errors_, "1", "Transactions the external model answered with an error");
  }
}

}  // namespace iommusim::mem
