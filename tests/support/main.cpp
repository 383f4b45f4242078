// Entry point of every test program. libsystemc exports `main`, which calls sc_main: tests run inside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <systemc>

int sc_main(int argc, char** argv) {
  // A SystemC warning is a mistake of ours: it fails the test (DESIGN section 9).
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DISPLAY | sc_core::SC_ABORT);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
