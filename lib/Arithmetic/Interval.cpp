// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Interval.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>

namespace bitnn {

[[maybe_unused]] static constexpr int64_t limit = int64_t(1) << 62;

static int64_t multiply(int64_t value, int64_t factor) {
  int64_t product = 0;
  [[maybe_unused]] bool overflow = llvm::MulOverflow(value, factor, product);
  assert(!overflow && "a bound of an interval left int64");
  return product;
}

static Interval checked(int64_t lower, int64_t upper) {
  assert(lower <= upper && -limit <= lower && upper <= limit &&
         "a bound of an interval left +-2^62");
  return {lower, upper};
}

Interval Interval::ofSigned(unsigned bits) {
  assert(1 <= bits && bits <= 63);
  int64_t half = int64_t(1) << (bits - 1);
  return {-half, half - 1};
}

Interval Interval::hull(Interval other) const {
  return {std::min(lower, other.lower), std::max(upper, other.upper)};
}

Interval Interval::operator-() const { return checked(-upper, -lower); }

Interval Interval::operator+(Interval other) const {
  // Two bounds within +-2^62 cannot leave int64.
  return checked(lower + other.lower, upper + other.upper);
}

Interval Interval::operator*(int64_t factor) const {
  int64_t first = multiply(lower, factor), last = multiply(upper, factor);
  return checked(std::min(first, last), std::max(first, last));
}

Interval Interval::operator<<(unsigned shift) const {
  assert(shift <= 62);
  return *this * (int64_t(1) << shift);
}

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, Interval interval) {
  return os << '[' << interval.lower << ", " << interval.upper << ']';
}

} // namespace bitnn
