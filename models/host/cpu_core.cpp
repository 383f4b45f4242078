#include "models/host/cpu_core.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "models/base/error.h"

namespace iommusim::host {

CpuCore::CpuCore(::sc_core::sc_module_name name, tlm::Context& context, const CpuCoreConfig& config, unsigned number)
    : Module(name, context),
      port("port", context, *this),
      config_(config),
      number_(number),
      waiter_(context.scheduler, std::string(this->name()) + ".thread"),
      track_(context, "cores", this->name()) {
  SC_HAS_PROCESS(CpuCore);
  SC_THREAD(run);
  // Drivers recurse little but call through architectures; sanitizers make frames several times larger.
  set_stack_size(512 * 1024);

  stats().add("tasks", tasks_done_, "1", "Tasks finished");
  stats().add("task_time", task_time_, "ps", "Time from the start of a task to its end, waiting included");
  stats().add("busy", busy_, "1", "Share of time in which the core works, waits for memory, polls or spins");
  stats().add("queued_tasks", queued_, "1", "Tasks submitted and not finished");
  stats().add("memory_reads", reads_, "1", "Memory reads issued, of 64 bytes or less");
  stats().add("memory_writes", written_lines_, "1", "Memory writes issued, of 64 bytes or less");
  stats().add("mmio_reads", mmio_reads_, "1", "MMIO reads issued");
  stats().add("mmio_writes", mmio_written_, "1", "MMIO writes issued");
  stats().add("mmio_read_time", mmio_read_time_, "ps", "Time from issuing an MMIO read to its completion");
  stats().add("wc_requests", wc_requests_, "1", "MMIO writes that write-combining buffers issued, in mmio_writes too");
  stats().add("config_reads", config_reads_, "1", "Configuration reads issued");
  stats().add("config_writes", config_writes_, "1", "Configuration writes issued");
  stats().add("config_time", config_time_, "ps", "Time from issuing a configuration access to its completion");
  stats().add("mmio_errors", mmio_errors_, "1", "MMIO accesses that no device accepted");
  stats().add("poll_reads", polls_, "1", "Memory reads that polled a word and did not find what they waited for");
  stats().add("interrupts", interrupts_taken_, "1", "Interrupts that arrived at the core");
}

void CpuCore::submit(Task task) {
  tasks_.push_back(std::move(task));
  queued_.set(now(), tasks_.size());
  if (running_ == 0) waiter_.wake();
}

void CpuCore::raise(unsigned vector) {
  ++interrupts_taken_;
  ++interrupts_[vector];
  if (waiting_) waiter_.wake();
}

void CpuCore::run() {
  for (;;) {
    while (tasks_.empty()) waiter_.wait_woken();
    running_ = 1;
    busy_.set(now(), 1);
    const Time start = now();
    run_task();
    if (failure_) return;
    task_time_.add(now() - start);
    ++tasks_done_;
    running_ = 0;
    tasks_.pop_front();
    busy_.set(now(), 0);
    queued_.set(now(), tasks_.size());
  }
}

void CpuCore::run_task() {
  // SystemC would turn an exception that leaves a thread into a report of its own.
  try {
    const Span span(*this, "task");
    spend(config_.task_cost);
    tasks_.front()(*this);
    fence();
  } catch (const base::UserError&) {
    failure_ = std::current_exception();
    scheduler().stop();
  } catch (const std::exception& e) {
    fatal(std::string("a task failed: ") + e.what());
  }
}

void CpuCore::check_in_task() const {
  if (running_ == 0) fatal("used from outside its tasks");
}

// --- accesses

tlm::Payload& CpuCore::make(::tlm::tlm_command command, Hpa address, unsigned bytes, bool mmio) {
  tlm::Payload& p = pool().acquire();
  p.set_command(command);
  p.set_address(address.value());
  pool().use_buffer(p, bytes);
  tlm::DmaExtension& x = tlm::dma(p);
  x.space = mmio ? tlm::AddressSpace::mmio : tlm::AddressSpace::hpa;
  x.traffic = tlm::Traffic::cpu;
  x.stamp_now(tlm::Boundary::issued, now());
  return p;
}

// Sends and waits for the response. The payload stays the caller's.
void CpuCore::round_trip(tlm::Payload& payload) {
  awaited_ = &payload;
  port.send(payload);
  wait_for([this] { return awaited_ == nullptr; });
}

bool CpuCore::overlaps(Hpa address, unsigned bytes) const {
  return std::any_of(writes_.begin(), writes_.end(), [=](const tlm::Payload* w) {
    return w->get_address() < address.value() + bytes && address.value() < w->get_address() + w->get_data_length();
  });
}

void CpuCore::read_line(Hpa address, void* data, unsigned bytes) {
  spend(config_.access_cost);
  wait_for([&] { return !overlaps(address, bytes); });
  ++reads_;
  tlm::Payload& p = make(::tlm::TLM_READ_COMMAND, address, bytes, false);
  round_trip(p);
  if (!p.is_response_ok()) fatal("memory read of address " + std::to_string(address.value()) + " got an error");
  std::memcpy(data, p.get_data_ptr(), bytes);
  p.release();
}

void CpuCore::write_line(Hpa address, const void* data, unsigned bytes) {
  spend(config_.access_cost);
  wait_for([&] { return !overlaps(address, bytes) && writes_.size() < std::max(config_.write_buffers, 1u); });
  ++written_lines_;
  tlm::Payload& p = make(::tlm::TLM_WRITE_COMMAND, address, bytes, false);
  std::memcpy(p.get_data_ptr(), data, bytes);
  writes_.push_back(&p);
  port.send(p);
  if (config_.write_buffers == 0) fence();
}

void CpuCore::response(tlm::InitiatorPort&, tlm::Payload& payload) {
  if (&payload == awaited_) {
    awaited_ = nullptr;
  } else {
    const auto it = std::find(writes_.begin(), writes_.end(), &payload);
    if (it != writes_.end()) {
      if (!payload.is_response_ok())
        fatal("memory write to address " + std::to_string(payload.get_address()) + " got an error");
      writes_.erase(it);
    } else {
      --mmio_writes_;
      if (!payload.is_response_ok()) ++mmio_errors_;
    }
    payload.release();
  }
  if (waiting_) waiter_.wake();
}

void CpuCore::request_accepted(tlm::InitiatorPort&) {
  if (waiting_) waiter_.wake();
}

namespace {

// Calls f(offset, bytes) for each piece of [address, address + bytes) that lies in one line.
template <class F>
void for_each_line(Hpa address, std::uint64_t bytes, const F& f) {
  for (std::uint64_t at = 0; at < bytes;) {
    const std::uint64_t piece = std::min(bytes - at, CpuCore::kLine - (address + at).offset_in(CpuCore::kLine));
    f(at, static_cast<unsigned>(piece));
    at += piece;
  }
}

}  // namespace

void CpuCore::read(Hpa address, void* data, std::uint64_t bytes) {
  check_in_task();
  for_each_line(address, bytes, [&](std::uint64_t at, unsigned piece) {
    read_line(address + at, static_cast<unsigned char*>(data) + at, piece);
  });
}

void CpuCore::write(Hpa address, const void* data, std::uint64_t bytes) {
  check_in_task();
  for_each_line(address, bytes, [&](std::uint64_t at, unsigned piece) {
    write_line(address + at, static_cast<const unsigned char*>(data) + at, piece);
  });
}

void CpuCore::clear(Hpa address, std::uint64_t bytes) {
  check_in_task();
  static const unsigned char zeros[kLine] = {};
  for_each_line(address, bytes, [&](std::uint64_t at, unsigned piece) { write_line(address + at, zeros, piece); });
}

std::uint64_t CpuCore::read64(Hpa address) {
  std::uint64_t value = 0;
  read(address, &value, sizeof value);
  return value;
}

void CpuCore::write64(Hpa address, std::uint64_t value) { write(address, &value, sizeof value); }

void CpuCore::fence() {
  wc_flush();
  wait_for([this] { return writes_.empty(); });
}

bool CpuCore::poll32(Hpa address, const std::function<bool(std::uint32_t)>& done, Time timeout) {
  const Time start = now();
  for (;;) {
    std::uint32_t word = 0;
    read(address, &word, sizeof word);
    if (done(word)) return true;
    ++polls_;
    if (now() - start >= timeout) return false;
    poll_pause();
  }
}

// --- time

void CpuCore::spend(Time duration) {
  check_in_task();
  for (const Time end = now() + duration; now() < end;) waiter_.wait_until(end);
}

void CpuCore::wait_for_interrupt(unsigned vector) {
  check_in_task();
  std::uint64_t& pending = interrupts_[vector];
  if (pending == 0) {
    const Span span(*this, "wait for interrupt");
    busy_.set(now(), 0);
    wait_for([&pending] { return pending != 0; });
    busy_.set(now(), 1);
  }
  --pending;
  spend(config_.interrupt_cost);
}

void CpuCore::spin_until(const std::function<bool()>& ready) {
  check_in_task();
  wait_for(ready);
}

}  // namespace iommusim::host
