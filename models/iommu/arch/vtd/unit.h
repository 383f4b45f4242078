// One VT-d remapping unit: what models/iommu/core sees. What is modelled and what is left out:
// COVERAGE.md.
#pragma once

#include "models/iommu/api/architecture.h"
#include "models/iommu/arch/vtd/config.h"
#include "models/iommu/arch/vtd/faults.h"
#include "models/iommu/arch/vtd/register_file.h"

namespace iommusim::iommu::vtd {

class Unit : public Architecture {
 public:
  explicit Unit(const VtdConfig& config) : config_(config), registers_(config_) {}
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  RequestClass classify(const Request& request) const override;
  bool enabled(RequestClass c) const override;
  std::uint64_t context_key(const Request& request) const override;
  std::optional<std::uint64_t> process_key(const Context& context, const Request& request) const override;
  std::optional<Fault> check_request(const Context& context, const Request& request) const override;
  bool passes_through(const Context& context, const Request& request) const override;
  Space space(const Context& context, const Request& request) const override;
  std::optional<Fault> check_pass_through(const Context& context, const Request& request) const override;
  const Step& begin(Walk& walk) const override;
  const Step& resume(Walk& walk, const StepResult& result) const override;
  AtsCompletion complete_ats(const Context& context, const Request& request, const Translation& translation,
                             const std::optional<Fault>& fault) const override;

  std::uint64_t register_bytes() const override { return registers_.bytes(); }
  std::uint64_t read_register(std::uint64_t offset, unsigned bytes) override { return registers_.read(offset, bytes); }
  Effects write_register(std::uint64_t offset, unsigned bytes, std::uint64_t value) override {
    return registers_.write(offset, bytes, value);
  }

  std::optional<CommandFetch> next_command() const override;
  Command take_command(const Words& words) override;
  Effects command_event(const Command& command) override;
  Effects command_fetch_failed() override;
  Effects wait_finished(const Command& command, WaitEnd end) override;

  Effects record_fault(const FaultEvent& event) override;
  std::string fault_text(std::uint16_t reason) const override { return text_of(reason); }

  Request context_request(const PageRequest& page_request) const override;
  Effects page_request(const PageRequest& request, const Context* context, const Fault& fault) override;
  Effects record_written(RecordQueue queue, bool ok) override;

 private:
  std::optional<Fault> page_request_fault(const PageRequest& request, const Context* context, const Fault& fault) const;

  const VtdConfig config_;
  RegisterFile registers_;
  bool drain_reads_ = false, drain_writes_ = false;  ///< asked for since the last wait descriptor (section 6.5.4)
  PageRequest queued_;                               ///< the page request whose descriptor is being written
};

}  // namespace iommusim::iommu::vtd
