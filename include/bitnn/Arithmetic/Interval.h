// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Closed intervals of integers, with exact arithmetic.

#ifndef BITNN_ARITHMETIC_INTERVAL_H
#define BITNN_ARITHMETIC_INTERVAL_H

#include "llvm/Support/raw_ostream.h"
#include <cstdint>

namespace bitnn {

/// All integers from `lower` to `upper`, both included; lower <= upper.
///
/// Every operation gives the exact set of results of independent operands:
/// nothing saturates. Bounds must therefore stay within +-2^62, which asserted
/// builds check. No accumulator comes near it: 2^31 products of a 16-bit weight
/// and an 8-bit activation reach 2^53.
struct Interval {
  int64_t lower = 0;
  int64_t upper = 0;

  static Interval ofSigned(unsigned bits);
  static Interval ofValue(int64_t value) { return {value, value}; }

  /// The number of integers in the interval.
  uint64_t size() const { return uint64_t(upper) - uint64_t(lower) + 1; }
  bool contains(int64_t value) const {
    return lower <= value && value <= upper;
  }
  bool contains(Interval other) const {
    return lower <= other.lower && other.upper <= upper;
  }
  /// Whether every value is representable in two's complement with `bits`
  /// (1..63) bits.
  bool fitsSigned(unsigned bits) const {
    return ofSigned(bits).contains(*this);
  }

  /// The smallest interval that contains both.
  Interval hull(Interval other) const;

  Interval operator-() const;
  Interval operator+(Interval other) const;
  Interval operator-(Interval other) const { return *this + -other; }
  /// Multiplication of every value by a constant.
  Interval operator*(int64_t factor) const;
  /// Multiplication of every value by 2^shift.
  Interval operator<<(unsigned shift) const;
  Interval &operator+=(Interval other) { return *this = *this + other; }

  bool operator==(Interval other) const {
    return lower == other.lower && upper == other.upper;
  }
  bool operator!=(Interval other) const { return !(*this == other); }
};

/// Prints `[lower, upper]`.
llvm::raw_ostream &operator<<(llvm::raw_ostream &os, Interval interval);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_INTERVAL_H
