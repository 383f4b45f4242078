// Logarithm, exponential and power from + - * / only: IEEE makes those bit-exact everywhere, libm's own differ between
// machines. Relative error below 1e-14 over the range distributions need; not general replacements (no infinities, no
// denormals).
#pragma once

namespace iommusim::base {

double portable_log(double x);            ///< natural logarithm; precondition: x > 0, normal
double portable_exp(double x);            ///< e^x; precondition: |x| < 700
double portable_pow(double x, double y);  ///< x^y for x > 0

}  // namespace iommusim::base
