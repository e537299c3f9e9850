// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/RequantizePlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace bitnn {

int64_t RequantizePlan::getSum(int64_t clamped) const {
  int64_t sum = constant + clamped * multiplier;
  int64_t shifted = clamped * (int64_t(1) << leftShift);
  for (Digit digit : digits) {
    int64_t term = shifted >> digit.shift;
    sum += digit.negative ? -term : term;
  }
  return sum;
}

int64_t Rounding::getResult(int64_t sum) const {
  bool isOdd = (sum >> shift) & 1;
  if ((lift == Lift::Even && isOdd) || (lift == Lift::Odd && !isOdd))
    sum += int64_t(1) << liftShift;
  return sum >> shift;
}

int64_t Rounding::getThreshold(int64_t value) const {
  int64_t threshold = value * (int64_t(1) << shift);
  bool isLifted = lift == (value & 1 ? Lift::Odd : Lift::Even);
  return isLifted ? threshold - (int64_t(1) << liftShift) : threshold;
}

int64_t RequantizePlan::operator()(int64_t accumulator) const {
  int64_t result =
      rounding.getResult(getSum(std::clamp(accumulator, lower, upper)));
  for (Correction correction : corrections)
    if (accumulator >= correction.threshold)
      result += correction.delta;
  return result;
}

// A right shift by r beyond leftShift subtracts a fraction in [0, 1) from its
// term. With n such terms the sum is within an open interval of length n around
// its line, so it cannot fall below an earlier value once the line has risen by
// n.
std::optional<int64_t> RequantizePlan::getReach() const {
  if (digits.empty())
    return multiplier < 0 ? std::nullopt : std::optional<int64_t>(0);
  unsigned truncated = 0, resolution = leftShift;
  for (Digit digit : digits) {
    truncated += digit.shift > leftShift;
    resolution = std::max(resolution, digit.shift);
  }
  // The line rises by slope / 2^(resolution - leftShift) for each integer.
  int64_t slope = 0;
  for (Digit digit : digits) {
    int64_t term = int64_t(1) << (resolution - digit.shift);
    slope += digit.negative ? -term : term;
  }
  if (multiplier != 0 || slope <= 0)
    return std::nullopt;
  return llvm::divideCeil(uint64_t(truncated) << (resolution - leftShift),
                          uint64_t(slope));
}

unsigned RequantizePlan::numOperations(Interval domain) const {
  unsigned count = (lower > domain.lower) + (upper < domain.upper);
  count += leftShift > 0 && !digits.empty();
  count += multiplier != 0;
  for (Digit digit : digits)
    count += 1 + (digit.shift > 0);
  count += constant != 0 || digits.empty();
  count += rounding.lift == Lift::None   ? 0
           : rounding.lift == Lift::Even ? 3
                                         : 4;
  count += rounding.shift > 0;
  // A comparison is 0 or -1: one subtraction more, and a mask if |delta| > 1.
  for (Correction correction : corrections)
    count += correction.delta == 1 || correction.delta == -1 ? 2 : 3;
  return count - !digits.empty();
}

//===----------------------------------------------------------------------===//
// The proof
//===----------------------------------------------------------------------===//

namespace {
/// Proves that the sum, rounded, is one value on an interval.
class SumProof {
public:
  SumProof(const RequantizePlan &plan, int64_t reach)
      : plan(plan), reach(reach),
        lane(Interval::ofSigned(std::min(plan.laneBits, 63u))) {}

  /// Both bounds are within the clamp. By the definition of the reach the
  /// smallest sum is among the first `reach` arguments, the largest among the
  /// last.
  std::optional<int64_t> findDifference(Interval arguments,
                                        int64_t value) const {
    int64_t firstEnd = std::min(arguments.upper, arguments.lower + reach);
    for (int64_t a = arguments.lower; a <= firstEnd; ++a)
      if (!agrees(a, value))
        return a;
    int64_t lastBegin = std::max(firstEnd + 1, arguments.upper - reach);
    for (int64_t a = lastBegin; a <= arguments.upper; ++a)
      if (!agrees(a, value))
        return a;
    return std::nullopt;
  }

private:
  bool agrees(int64_t argument, int64_t value) const {
    int64_t sum = plan.getSum(argument);
    return plan.rounding.getResult(sum) == value && lane.contains(sum) &&
           lane.contains(Interval::ofValue(value) << plan.rounding.shift);
  }

  const RequantizePlan &plan;
  int64_t reach;
  Interval lane;
};

/// Whether no operation of the plan leaves its lane, the sum apart.
bool isWellFormed(const RequantizePlan &plan) {
  const Rounding &rounding = plan.rounding;
  if (plan.lower > plan.upper || plan.laneBits > 64 ||
      rounding.shift >= std::min(plan.laneBits, 62u) ||
      (rounding.lift != Lift::None && rounding.liftShift > rounding.shift) ||
      !llvm::isInt<32>(plan.multiplier) ||
      !llvm::is_sorted(plan.corrections, [](Correction a, Correction b) {
        return a.threshold < b.threshold;
      }))
    return false;
  Interval clamped = {plan.lower, plan.upper};
  if (!clamped.fitsSigned(32))
    return plan.digits.empty() && plan.multiplier == 0;
  if (plan.digits.empty())
    return true;
  return plan.leftShift < 32 &&
         (clamped << plan.leftShift).fitsSigned(plan.laneBits) &&
         llvm::all_of(
             plan.digits,
             [&](Digit digit) { return digit.shift < plan.laneBits; });
}
} // namespace

std::optional<int64_t> findDifference(const RequantizePlan &plan,
                                      const StepFunction &reference) {
  std::optional<int64_t> reach;
  if (isWellFormed(plan))
    reach = plan.getReach();
  if (!reach || *reach > 1 << 12)
    return reference.domain().lower;
  SumProof proof(plan, *reach);
  const auto *correction = plan.corrections.begin();
  int64_t delta = 0;
  for (const Step &step : reference.steps()) {
    // Cut the step where corrections begin; between them the sum alone must
    // give the rest.
    for (int64_t first = step.first; first <= step.last;) {
      for (; correction != plan.corrections.end() &&
             correction->threshold <= first;
           ++correction)
        delta += correction->delta;
      int64_t last = step.last;
      if (correction != plan.corrections.end())
        last = std::min(last, correction->threshold - 1);
      Interval clamped = {std::clamp(first, plan.lower, plan.upper),
                          std::clamp(last, plan.lower, plan.upper)};
      if (auto a = proof.findDifference(clamped, step.value - delta))
        return std::clamp(*a, first, last);
      first = last + 1;
    }
  }
  return std::nullopt;
}

} // namespace bitnn
