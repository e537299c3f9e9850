// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lines that round to a step function.
//
// A line y = slope * a + c rounds to the step function f if floor(y) = f(a) at
// every a. As y ascends this need only hold at both ends of a step:
//
//     slope * first + c >= value          (the points A must not be above)
//     slope * last  + c <  value + 1      (the points B must be above)
//
// so the line separates the points A from the points B. It does if it separates
// the upper hull of A from the lower hull of B, and eliminating c, for each
// corner (s, A) and (t, B) of the hulls: A - B < slope * (s - t). The feasible
// slopes are therefore an open interval between two fractions of small
// integers, found exactly.

#ifndef BITNN_ARITHMETIC_SLOPES_H
#define BITNN_ARITHMETIC_SLOPES_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace bitnn {

/// Wide enough for products of two points' coordinates.
using Wide = __int128;

/// numerator / denominator; the denominator is positive.
struct Fraction {
  int64_t numerator;
  int64_t denominator;

  double getReal() const { return double(numerator) / double(denominator); }
  bool operator<(Fraction other) const {
    return Wide(numerator) * other.denominator <
           Wide(other.numerator) * denominator;
  }
};

/// All slopes between the two bounds, which are not included.
struct SlopeInterval {
  Fraction lower;
  Fraction upper;
};

struct Point {
  int64_t x;
  int64_t y;
};

/// The slopes > 0 of lines on or above all of `below` and below all of
/// `above`. Both are sorted by x, which ascends; so do the y.
std::optional<SlopeInterval> findSlopes(llvm::ArrayRef<Point> below,
                                        llvm::ArrayRef<Point> above);

/// numerator / 2^fractionBits.
struct BinarySlope {
  int64_t numerator;
  unsigned fractionBits;
};

/// About `count` binary slopes of the interval, multiplied by 2^exponent: those
/// of the coarsest resolution that has as many, and of all coarser ones.
std::vector<BinarySlope> enumerateSlopes(SlopeInterval interval, int exponent,
                                         unsigned count);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_SLOPES_H
