#include "platforms/config/iommu_config.h"

#include "models/memory/sparse_memory.h"

namespace iommusim::platforms {
namespace {

/// Memory to try out a driver on: whatever it writes is thrown away.
class ScratchTables final : public iommu::TableMemory {
 public:
  explicit ScratchTables(mem::SparseMemory& memory) : memory_(memory) {}
  std::uint64_t read64(base::Hpa address) override { return memory_.read64(address); }
  void write64(base::Hpa address, std::uint64_t value) override { memory_.write64(address, value); }
  base::Hpa allocate(std::uint64_t bytes) override {
    next_ = (next_ + (bytes - 1)).align_down(bytes);
    const base::Hpa block = next_;
    next_ = next_ + bytes;
    return block;
  }
  void release(base::Hpa, std::uint64_t) override {}

 private:
  mem::SparseMemory& memory_;
  base::Hpa next_{1u << 20};
};

}  // namespace

std::uint64_t IommuConfig::register_bytes() const { return architecture->make_architecture()->register_bytes(); }

const base::Fields<IommuConfig>& IommuConfig::fields() {
  static const base::Fields<IommuConfig> f =
      base::Fields<IommuConfig>("iommu", "IOMMU of the platform")
          .field("present", &IommuConfig::present,
                 "false: no unit on the path, the baseline `none`; domain types then have no effect and devices use "
                 "physical addresses")
          .variant("architecture", &IommuConfig::architecture, "Architecture and capabilities")
          .required()
          .object("unit", &IommuConfig::unit, "Caches, lookup port and walkers")
          .field("registers", &IommuConfig::registers, "Address of the unit's registers")
          .source("0xfed90000 is where Intel chipsets put the first unit (DMAR table of common boards)")
          .object("driver", &IommuConfig::driver, "Its driver in the operating system, and the DMA mapping layer")
          .check([](const IommuConfig& c, base::Report& r) {
            try {
              const base::Bytes window(c.register_bytes());
              if (c.registers.offset_in(window.value()) != 0) {
                r.error("registers", "must be a multiple of the size of the register window, " + base::to_text(window));
              }
              mem::SparseMemory scratch;
              ScratchTables tables(scratch);
              c.architecture->make_driver()->create_tables(
                  tables, iommu::DomainGeometry{static_cast<std::uint8_t>(c.driver.levels)});
            } catch (const base::UserError& e) {
              r.error("architecture", e.what());
            }
          });
  return f;
}

}  // namespace iommusim::platforms
