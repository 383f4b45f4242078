// The commands of the program, one source file each. Each returns an ExitCode and throws base::UserError.
#pragma once

#include "experiments/runner/command_line.h"
#include "models/base/config/fields.h"

namespace iommusim::runner {

int check_command(const Command& self, const Arguments& arguments);
int run_command(const Command& self, const Arguments& arguments);
int sweep_command(const Command& self, const Arguments& arguments);
int collect_command(const Command& self, const Arguments& arguments);
int compare_command(const Command& self, const Arguments& arguments);
int import_command(const Command& self, const Arguments& arguments);
int describe_command(const Command& self, const Arguments& arguments);
int list_command(const Command& self, const Arguments& arguments);
int completion_command(const Command& self, const Arguments& arguments);
int man_command(const Command& self, const Arguments& arguments);
int schema_command(const Command& self, const Arguments& arguments);

/// Every component of experiments and studies, parents first.
std::vector<const base::FieldList*> all_components();

/// `describe` of a component; of a whole file's also the keys that every file has.
std::string component_text(const base::FieldList& component);

/// The first arguments that commands know.
std::vector<std::string> component_names();
std::vector<std::string> list_kinds();
std::vector<std::string> schema_kinds();
std::vector<std::string> shells();

}  // namespace iommusim::runner
