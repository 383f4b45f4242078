#include "experiments/runner/interrupt.h"

#include <signal.h>

#include <csignal>

namespace iommusim::runner {
namespace {

volatile std::sig_atomic_t g_requested = 0;

extern "C" void on_signal(int) { g_requested = 1; }

void install(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second signal has its default effect
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_requested = 0;
  install(SIGINT);
  install(SIGTERM);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::requested() { return g_requested != 0; }

}  // namespace iommusim::runner
