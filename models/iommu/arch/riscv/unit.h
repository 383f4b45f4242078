// One RISC-V IOMMU: what models/iommu/core sees. What is modelled and what is left out: COVERAGE.md.
#pragma once

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/riscv/config.h"
#include "models/iommu/arch/riscv/msi_numbers.h"
#include "models/iommu/arch/riscv/records.h"
#include "models/iommu/arch/riscv/register_file.h"

namespace iommusim::iommu::riscv {

class Unit : public Architecture {
 public:
  explicit Unit(const RiscvConfig& config) : config_(config), registers_(config_) {}
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  RequestClass classify(const Request& request) const override;
  bool enabled(RequestClass c) const override;
  std::uint64_t context_key(const Request& request) const override;
  std::optional<std::uint64_t> process_key(const Context& context, const Request& request) const override;
  std::optional<Fault> check_request(const Context& context, const Request& request) const override;
  bool passes_through(const Context& context, const Request& request) const override;
  std::optional<Fault> check_pass_through(const Context& context, const Request& request) const override;
  Space space(const Context& context, const Request& request) const override;
  const Step& begin(Walk& walk) const override;
  const Step& resume(Walk& walk, const StepResult& result) const override;
  AtsCompletion complete_ats(const Context& context, const Request& request, const Translation& translation,
                             const std::optional<Fault>& fault) const override;
  AtsCompletion complete_ats_stored(const Context& context, const Request& request) const override;

  std::optional<InterruptFileUpdate> interrupt_file_update(const Request& request, Hpa file) const override;

  std::uint64_t register_bytes() const override { return reg::kBytes; }
  std::uint64_t read_register(std::uint64_t offset, unsigned bytes) override { return registers_.read(offset, bytes); }
  Effects write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) override {
    return registers_.write(offset, bytes, value);
  }

  unsigned physical_address_bits() const override { return config_.physical_address_bits; }
  std::optional<CommandFetch> next_command() const override;
  Command take_command(const Words& words) override;
  Effects command_event(const Command& command) override;
  Effects command_fetch_failed() override;
  Effects wait_finished(const Command& command, WaitEnd end) override;

  Effects record_fault(const FaultEvent& event) override;
  std::string fault_text(std::uint16_t reason) const override { return text_of(reason); }
  Effects record_written(RecordQueue queue, bool ok) override;
  Effects interrupt_failed(const InterruptMessage& message) override;
  Effects further_effects() override { return registers_.collect(); }

  Request context_request(const PageRequest& page_request) const override;
  Effects page_request(const PageRequest& request, const Context* context, const Fault& fault) override;

  Request debug_request() const override { return registers_.debug_request(); }
  Effects debug_response(const Translation* translation) override { return registers_.debug_response(translation); }
  bool counting() const override { return registers_.counting(); }
  Effects count(PerformanceEvent event, const Request& request, const Context* context) override {
    return registers_.count(event, request, context);
  }

 private:
  AtsCompletion completion(const Context& context, const Request& request, bool interrupt,
                           std::uint8_t memory_type) const;
  Effects record(const FaultRecord& fault);
  DeviceMessage response(const PageRequest& request, PageResponseCode code, bool with_pasid) const;

  const RiscvConfig config_;
  RegisterFile registers_;
  mutable MsiNumbers msi_numbers_;  ///< names settings; what a walk does depends on them, not on their numbers
  std::uint32_t fence_run_ = 0;     ///< RegisterFile::command_runs() when the fence in progress was taken
  PageRequest queued_;              ///< the page request whose record is being written
};

}  // namespace iommusim::iommu::riscv
