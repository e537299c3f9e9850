// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A requantize as the integer operations that compute it, and the proof that
// they do.

#ifndef BITNN_ARITHMETIC_REQUANTIZEPLAN_H
#define BITNN_ARITHMETIC_REQUANTIZEPLAN_H

#include "bitnn/Arithmetic/StepFunction.h"
#include "llvm/ADT/SmallVector.h"

namespace bitnn {

/// Which results begin a little before their multiple of 2^shift: this is how
/// ties are rounded to even.
enum class Lift { None, Even, Odd };

/// How a sum becomes a result: s += bit << liftShift, where bit is
/// ((s >> shift) & 1) if even results are lifted, and its complement if odd
/// ones are; result = s >> shift.
struct Rounding {
  Lift lift = Lift::None;
  unsigned liftShift = 0;
  unsigned shift = 0;

  /// Nondecreasing, if liftShift <= shift.
  int64_t getResult(int64_t sum) const;
  /// The smallest sum whose result is at least `value`.
  int64_t getThreshold(int64_t value) const;
};

/// One summand: +- a shift to the right of the input, or of the sum so far.
struct Term {
  unsigned shift;
  bool negative = false;
  bool ofSum = false;
};

/// From `threshold` on, `delta` is added to the result.
struct Correction {
  int64_t threshold;
  int64_t delta;

  bool operator==(const Correction &other) const {
    return threshold == other.threshold && delta == other.delta;
  }
};

/// For an accumulator a:
///
///     v      = min(max(a, lower), upper)
///     x      = v << leftShift
///     s      = 0; for each term: s += +-((ofSum ? s : x) >> shift)
///              or v * multiplier, if there are no terms
///     s     += constant
///     result = s, rounded, + the deltas of the thresholds with a >= threshold
///              or s, rounded, saturated to `saturatedBits` bits
///
/// Every value fits `laneBits` bits, except sums that are not shifted before
/// the constant is added: these may wrap.
struct RequantizePlan {
  int64_t lower = 0, upper = 0;
  unsigned leftShift = 0;
  llvm::SmallVector<Term, 8> terms;
  int64_t multiplier = 0;
  int64_t constant = 0;
  Rounding rounding;
  /// 0 if results need no saturation. It takes the place of the clamp where the
  /// instruction that narrows a vector saturates anyway.
  unsigned saturatedBits = 0;
  unsigned laneBits = 32;
  /// By ascending threshold.
  llvm::SmallVector<Correction, 2> corrections;

  /// s of an accumulator within the clamp.
  int64_t getSum(int64_t clamped) const;
  /// The result of a sum, corrections apart.
  int64_t getResult(int64_t sum) const;
  /// The result.
  int64_t operator()(int64_t accumulator) const;

  /// s as a line, and how far right shifts let it stray.
  struct Line {
    double slope = 0;
    /// s - slope * v is in an interval of this length.
    double deviation = 0;
    /// Every sum that is shifted fits its lane.
    bool fits = true;
  };
  Line getLine() const;

  /// s at v + d is at least s at v for every d >= reach. None if s does not
  /// ascend.
  std::optional<int64_t> getReach() const;

  /// Additions, shifts, comparisons and the like: what it costs to execute.
  unsigned numOperations(Interval domain) const;
};

/// An accumulator at which the plan is not proven to give the reference's
/// value; none if it gives it on the whole domain. The proof looks at both ends
/// of every step, as far as right shifts can disturb the order; it never
/// samples.
std::optional<int64_t> findDifference(const RequantizePlan &plan,
                                      const StepFunction &reference);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_REQUANTIZEPLAN_H
