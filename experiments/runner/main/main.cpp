// Entry point of `iommusim`. SystemC wants to be entered through sc_main; its banner would precede our output.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <systemc>

#include "experiments/runner/command_line.h"

int sc_main(int argc, char** argv) {
  return iommusim::runner::run_program(iommusim::runner::Arguments(argv + 1, argv + argc));
}

int main(int argc, char** argv) {
  // A closed standard stream would give its number, and what is printed, to the next file that is opened.
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
  ::close(fd);
  ::setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return ::sc_core::sc_elab_and_sim(argc, argv);
}
