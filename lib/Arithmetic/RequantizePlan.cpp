// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/RequantizePlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

namespace bitnn {

int64_t RequantizePlan::getSum(int64_t clamped) const {
  int64_t sum = clamped * multiplier;
  int64_t shifted = clamped * (int64_t(1) << leftShift);
  for (Term term : terms) {
    int64_t summand = (term.ofSum ? sum : shifted) >> term.shift;
    sum += term.negative ? -summand : summand;
  }
  return sum + constant;
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

int64_t RequantizePlan::getResult(int64_t sum) const {
  int64_t result = rounding.getResult(sum);
  if (saturatedBits == 0)
    return result;
  return std::clamp(result, llvm::minIntN(saturatedBits),
                    llvm::maxIntN(saturatedBits));
}

int64_t RequantizePlan::operator()(int64_t accumulator) const {
  int64_t result = getResult(getSum(std::clamp(accumulator, lower, upper)));
  for (Correction correction : corrections)
    if (accumulator >= correction.threshold)
      result += correction.delta;
  return result;
}

// A right shift gives its operand's line, less a fraction in [0, 1) unless the
// bits shifted out are zeros. The deviations are bounds of sums of such
// fractions: few and small, so that double precision is more than enough; the
// last line makes up for its rounding.
RequantizePlan::Line RequantizePlan::getLine() const {
  Line line;
  line.slope = double(multiplier);
  double low = 0, high = 0; // of s - slope * v
  double unit = std::ldexp(1.0, int(leftShift));
  double largest = std::max(std::abs(double(lower)), std::abs(double(upper)));
  // At least so many low bits of the sum are zeros.
  unsigned zeros = 64;
  for (Term term : terms) {
    double scale = std::ldexp(1.0, -int(term.shift));
    double summandLow = 0, summandHigh = 0, summandSlope = unit * scale;
    unsigned available = leftShift;
    if (term.ofSum) {
      double bound = std::abs(line.slope) * largest + std::abs(low) + high + 2;
      line.fits &= bound < std::ldexp(1.0, int(laneBits) - 1);
      summandSlope = line.slope * scale;
      summandLow = low * scale;
      summandHigh = high * scale;
      available = zeros;
    }
    if (available < term.shift)
      summandLow -= 1;
    zeros = std::min(zeros, available - std::min(available, term.shift));
    line.slope += term.negative ? -summandSlope : summandSlope;
    low += term.negative ? -summandHigh : summandLow;
    high += term.negative ? -summandLow : summandHigh;
  }
  line.deviation = (high - low) * (1 + 1e-9);
  return line;
}

std::optional<int64_t> RequantizePlan::getReach() const {
  if (terms.empty())
    return multiplier < 0 ? std::nullopt : std::optional<int64_t>(0);
  Line line = getLine();
  if (line.slope <= 0 || multiplier != 0)
    return std::nullopt;
  double reach = std::ceil(line.deviation / line.slope * (1 + 1e-9));
  if (reach > 1e6)
    return std::nullopt;
  return int64_t(reach);
}

unsigned RequantizePlan::numOperations(Interval domain) const {
  unsigned count = (lower > domain.lower) + (upper < domain.upper);
  count += leftShift > 0 && !terms.empty();
  count += multiplier != 0;
  for (Term term : terms)
    count += 1 + (term.shift > 0);
  count += constant != 0 || terms.empty();
  count += rounding.lift == Lift::None   ? 0
           : rounding.lift == Lift::Even ? 3
                                         : 4;
  count += rounding.shift > 0;
  // A comparison is 0 or -1: one subtraction more, and a mask if |delta| > 1.
  for (Correction correction : corrections)
    count += correction.delta == 1 || correction.delta == -1 ? 2 : 3;
  return count - !terms.empty();
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
    Interval rounded = Interval::ofValue(plan.rounding.getResult(sum));
    return plan.getResult(sum) == value && lane.contains(sum) &&
           lane.contains(rounded << plan.rounding.shift);
  }

  const RequantizePlan &plan;
  int64_t reach;
  Interval lane;
};
} // namespace

/// Whether no operation of the plan leaves its lane, the sum apart.
static bool isWellFormed(const RequantizePlan &plan) {
  const Rounding &rounding = plan.rounding;
  if (plan.lower > plan.upper || plan.laneBits > 64 ||
      rounding.shift >= std::min(plan.laneBits, 62u) ||
      (rounding.lift != Lift::None && rounding.liftShift > rounding.shift) ||
      !llvm::isInt<32>(plan.multiplier) ||
      (plan.saturatedBits != 0 && !plan.corrections.empty()) ||
      !llvm::is_sorted(plan.corrections, [](Correction a, Correction b) {
        return a.threshold < b.threshold;
      }))
    return false;
  Interval clamped = {plan.lower, plan.upper};
  if (!clamped.fitsSigned(32))
    return plan.terms.empty() && plan.multiplier == 0;
  if (plan.terms.empty())
    return true;
  return plan.leftShift < 32 &&
         (clamped << plan.leftShift).fitsSigned(plan.laneBits) &&
         llvm::all_of(
             plan.terms,
             [&](Term term) { return term.shift < plan.laneBits; }) &&
         plan.getLine().fits;
}
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
