// A CPU core: it runs driver tasks, one after the other in the order they were submitted, and does their memory
// accesses and MMIO as a TLM initiator. The only place where threads are used: a task is straight-line code that waits.
//
// What a task may rely on: a read returns when its data is there. A memory write is buffered: the core goes on while it
// is on its way, up to `write_buffers` of them, and writes of different addresses may become visible in either order
// until fence(). A read or write that overlaps one still on its way waits for it. MMIO is ordered as on x86 uncached
// memory: each access is preceded by a fence; an MMIO write is posted (the core goes on when it has been accepted), an
// MMIO read waits. Configuration accesses are not posted: reads and writes wait. Write-combining writes are collected
// in buffers of one line and leave when the line is full, when another line needs the buffer, or at a fence: a full
// line as one request, another as one for each run of written bytes within an 8-byte chunk. The end of a task is a
// fence.
//
// Left out: CPU caches (each access goes to the memory system, which may have a cache), instruction timing,
// pre-emption: an interrupt handler is a task and waits for the one that runs; simultaneous multithreading.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <vector>

#include "models/base/stats/metrics.h"
#include "models/base/types.h"
#include "models/host/cpu_config.h"
#include "models/tlm/module.h"
#include "models/tlm/ports.h"
#include "models/tlm/software_thread.h"
#include "models/tlm/tracer.h"

namespace iommusim::host {

using base::Hpa;
using base::Time;

class CpuCore : public tlm::Module, private tlm::InitiatorPort::Owner {
 public:
  using Task = std::function<void(CpuCore&)>;
  static constexpr unsigned kLine = 64;  ///< bytes of one memory access at most; longer ones are cut at line boundaries

  /// `number` identifies the core to interrupts (its APIC ID) and per-CPU structures.
  CpuCore(::sc_core::sc_module_name name, tlm::Context& context, const CpuCoreConfig& config, unsigned number = 0);

  tlm::InitiatorPort port;  ///< toward memory, registers and endpoints

  // --- from anywhere
  /// Queues a task. It starts, later in this instant at the earliest, when those before it have ended.
  void submit(Task task);
  /// An interrupt for this core: wakes the task that waits for it, or is remembered.
  void raise(unsigned vector);
  /// True if no task runs or waits to run and no write is on its way.
  bool idle() const { return running_ == 0 && tasks_.empty() && writes_.empty() && mmio_writes_ == 0; }
  unsigned number() const { return number_; }
  /// A task threw base::UserError (memory full, say): the simulation was stopped. Throws it again; returns if there is
  /// none.
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

  // --- only from within a task of this core
  Time now() const { return tlm::Module::now(); }
  std::uint64_t read64(Hpa address);
  void write64(Hpa address, std::uint64_t value);
  void read(Hpa address, void* data, std::uint64_t bytes);
  void write(Hpa address, const void* data, std::uint64_t bytes);
  void clear(Hpa address, std::uint64_t bytes);
  /// Sends what is being combined and waits until every memory write of this core is visible.
  void fence();
  /// `bytes` is 4 or 8. What no device answers reads as all ones, as after a PCIe master abort.
  std::uint64_t mmio_read(Hpa address, unsigned bytes);
  void mmio_write(Hpa address, std::uint64_t value, unsigned bytes);
  /// A read of up to 64 bytes within one line, as vector instructions do. All ones if nobody answers; then false.
  bool mmio_read(Hpa address, void* data, unsigned bytes);
  /// Writes to write-combining MMIO; any address and length.
  void wc_write(Hpa address, const void* data, std::uint64_t bytes);
  /// Sends what is being combined, oldest line first (SFENCE).
  void wc_flush();
  /// Configuration register at an address in the ECAM window (pcie::ecam_address); `bytes` is 1, 2 or 4. An absent
  /// function reads as all ones.
  std::uint32_t config_read(Hpa address, unsigned bytes);
  /// Returns when its completion is there: false if nobody took it.
  bool config_write(Hpa address, std::uint32_t value, unsigned bytes);
  /// Reads the 32-bit word again and again until `done(word)`, or `timeout` has passed at the end of a read: then
  /// false.
  bool poll32(Hpa address, const std::function<bool(std::uint32_t)>& done, Time timeout = Time::max());
  bool poll32(Hpa address, std::uint32_t expected, Time timeout = Time::max()) {
    return poll32(
        address, [expected](std::uint32_t word) { return word == expected; }, timeout);
  }
  /// The pause between two looks of a polling loop.
  void poll_pause() { spend(config_.poll_interval); }
  /// The core works for so long.
  void spend(Time duration);
  /// Returns at the next interrupt of that vector, at once if one is remembered. The core is idle meanwhile.
  void wait_for_interrupt(unsigned vector);
  /// Spins until `ready()`; whoever makes it true calls wake(). For locks.
  void spin_until(const std::function<bool()>& ready);
  void wake() { waiter_.wake(); }

  /// Names what a task does for a scope, in a trace. Scopes of a task nest.
  class Span {
   public:
    Span(CpuCore& core, std::string_view what, tlm::Tracer::Details details = {}) : core_(core) {
      if (core.track_.on()) core.track_.begin(what, {}, details);
    }
    ~Span() {
      if (core_.track_.on()) core_.track_.end();
    }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    CpuCore& core_;
  };

  std::uint64_t tasks_done() const { return tasks_done_.value(); }
  /// Mean share of time the core was busy since the statistics were reset.
  double utilisation() const { return busy_.mean(now()); }

 private:
  struct WcBuffer {
    Hpa line;
    std::uint64_t written = 0;  // a bit per byte
    std::array<unsigned char, kLine> data{};
  };

  void run();  // the SC_THREAD
  void run_task();
  void response(tlm::InitiatorPort& port, tlm::Payload& payload) override;
  void request_accepted(tlm::InitiatorPort& port) override;

  template <class Condition>
  void wait_for(const Condition& condition) {
    waiting_ = true;
    while (!condition()) waiter_.wait_woken();
    waiting_ = false;
  }
  tlm::Payload& make(::tlm::tlm_command command, Hpa address, unsigned bytes, bool mmio);
  void read_line(Hpa address, void* data, unsigned bytes);
  void write_line(Hpa address, const void* data, unsigned bytes);
  void round_trip(tlm::Payload& payload);
  bool uncached_read(Hpa address, void* data, unsigned bytes);
  void post(Hpa address, const void* data, unsigned bytes);
  void wc_line(Hpa address, const unsigned char* data, unsigned bytes);
  void wc_send(std::size_t buffer);
  bool overlaps(Hpa address, unsigned bytes) const;
  void check_in_task() const;

  const CpuCoreConfig config_;
  const unsigned number_;
  tlm::ThreadWaiter waiter_;
  std::deque<Task> tasks_;  // the front one is running if running_
  unsigned running_ = 0;
  bool waiting_ = false;                          // for a response, an acceptance, a lock or an interrupt
  std::map<unsigned, std::uint64_t> interrupts_;  // remembered, by vector
  tlm::Payload* awaited_ = nullptr;
  std::vector<tlm::Payload*> writes_;  // memory writes on their way
  std::uint32_t mmio_writes_ = 0;      // posted writes on their way
  std::vector<WcBuffer> combining_;    // oldest first
  std::exception_ptr failure_;
  tlm::Track track_;

  base::Counter tasks_done_, reads_, written_lines_, mmio_reads_, mmio_written_, mmio_errors_, polls_,
      interrupts_taken_, wc_requests_, config_reads_, config_writes_;
  base::Mean task_time_, mmio_read_time_, config_time_;
  base::Occupancy busy_, queued_;
};

}  // namespace iommusim::host
