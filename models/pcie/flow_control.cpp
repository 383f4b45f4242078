#include "models/pcie/flow_control.h"

#include "models/base/config/fields.h"

namespace iommusim::pcie {

const base::Fields<ClassBuffer>& ClassBuffer::fields() {
  static const auto f =
      base::Fields<ClassBuffer>("class_buffer", "Receive buffer for one class of TLP")
          .field("headers", &ClassBuffer::headers, "TLPs it holds; 0 and infinite are the same: no limit")
          .range(0, 4096)
          .word("infinite", 0)
          .field("data", &ClassBuffer::data,
                 "Payload bytes it holds, in units of 16; 0 B and infinite are the same: no limit")
          .range("0 B", "64 MiB")
          .word("infinite", "0 B")
          .check([](const ClassBuffer& c, base::Report& r) {
            if (c.data.value() % kDataCredit != 0)
              r.error("data", "must be a multiple of 16 B, what one data credit covers");
          });
  return f;
}

const base::Fields<ReceiveBuffer>& ReceiveBuffer::fields() {
  static const auto f = base::Fields<ReceiveBuffer>(
                            "receive_buffer", "What a port advertises as flow-control credits (PCIe 5.0 section 2.6)")
                            .object("posted", &ReceiveBuffer::posted, "Memory writes and messages")
                            .object("non_posted", &ReceiveBuffer::non_posted, "Reads and configuration requests")
                            .object("completion", &ReceiveBuffer::completion, "Completions");
  return f;
}

}  // namespace iommusim::pcie
