// Base of every SystemC module of ours.
#pragma once

#include <string>
#include <systemc>

#include "models/tlm/context.h"
#include "models/tlm/error.h"

namespace iommusim::tlm {

class Module : public ::sc_core::sc_module {
 public:
  Context& context() const { return context_; }
  /// This module's metrics: a group of its own name, in its parent module's group or in the root.
  base::Group& stats() const { return stats_; }

 protected:
  // NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
  Module(::sc_core::sc_module_name name, Context& context)
      : sc_module(name), context_(context), stats_(enclosing_group().group(basename())) {}

  Scheduler& scheduler() const { return context_.scheduler; }
  PayloadPool& pool() const { return context_.pool; }
  Time now() const { return context_.scheduler.now(); }
  /// A fault of ours, not the user's: aborts with this module's name and the simulated time.
  [[noreturn]] void fatal(const std::string& what) const { internal_error(name(), what); }

 private:
  base::Group& enclosing_group() const {
    const auto* parent = dynamic_cast<const Module*>(get_parent_object());
    return parent == nullptr ? context_.stats : parent->stats_;
  }

  Context& context_;
  base::Group& stats_;
};

}  // namespace iommusim::tlm
