// Payloads of one simulation, made once and used again, each with its DMA extension attached for life (9 ns against 58
// ns for new and delete, DESIGN section 3).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "models/tlm/dma_extension.h"

namespace iommusim::tlm {

class PayloadPool final : public ::tlm::tlm_mm_interface {
 public:
  /// Largest request a TLP can make, bytes (PCIe 6.0 section 2.2.2); the size of the shared scratch.
  static constexpr unsigned kMaxRequest = 4096;

  PayloadPool();
  ~PayloadPool() override;
  PayloadPool(const PayloadPool&) = delete;
  PayloadPool& operator=(const PayloadPool&) = delete;

  /// A payload as new with one reference: ignore command, address 0, no data, incomplete; its extension reset.
  /// The caller releases it (payload.release()) when the response has come.
  Payload& acquire();

  /// Makes the payload a request of `bytes` bytes without contents: data pointer to shared scratch, ext.store_data
  /// false. `bytes` is 1 to kMaxRequest.
  void use_scratch(Payload& payload, unsigned bytes);
  /// Makes it a request of `bytes` bytes with contents in the payload's own buffer, and returns that. Uninitialised;
  /// kept by the payload for life, so that steady state allocates nothing.
  unsigned char* use_buffer(Payload& payload, unsigned bytes);

  /// An extension for a foreign payload, reset; give it back after clear_extension().
  DmaExtension& lend_extension();
  void take_back(DmaExtension& extension);

  /// Payloads acquired and not yet released.
  std::size_t live() const { return live_; }
  /// Payloads ever made: the high-water mark.
  std::size_t created() const { return all_.size(); }
  /// One line per holder: how many live payloads it has and the first one's command, address and size. Empty if none.
  std::string leak_report() const;

  /// tlm_mm_interface: the last reference is gone.
  void free(Payload* payload) override;

 private:
  struct Pooled;
  Pooled& make();

  std::vector<std::unique_ptr<Pooled>> all_;
  std::vector<Pooled*> free_;
  std::vector<std::unique_ptr<DmaExtension>> extensions_;
  std::vector<DmaExtension*> free_extensions_;
  std::size_t live_ = 0;
  std::array<unsigned char, kMaxRequest> scratch_{};
};

/// Names who has the payload from now on, for the leak report. `name` outlives the pool's last report (a port's or
/// module's name()). Ports do it by themselves.
inline void set_holder(Payload& payload, const char* name) { dma(payload).holder = name; }

}  // namespace iommusim::tlm
