// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PlanShaper.h"
#include "bitnn/Arithmetic/Digits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

namespace bitnn {

//===----------------------------------------------------------------------===//
// From slopes to plans
//===----------------------------------------------------------------------===//

RequantizePlan PlanShaper::begin() const {
  RequantizePlan plan;
  plan.lower = clamp.lower;
  plan.upper = clamp.upper;
  return plan;
}

/// The results of a line through the steps, as far as the clamp lets it go.
Interval PlanShaper::getResults() const {
  const Step &first = steps.front(), &last = steps.back();
  double slope =
      double(last.value - first.value) / double(last.first - first.last);
  auto extend = [&](int64_t distance) {
    return distance > 0 ? int64_t(std::ceil(slope * double(distance))) + 1 : 0;
  };
  return {first.value - extend(first.last - clamp.lower),
          last.value + extend(clamp.upper - last.first)};
}

/// Scales the input by 2^(shift + exponent) and the results by 2^shift, or as
/// far below as 32 bits demand. Returns whether that is possible.
bool PlanShaper::scale(RequantizePlan &plan, int exponent, int shift,
                       LiftChoice choice) const {
  // Sums are at least the lower multiple of 2^shift, and below the upper.
  Interval values = getResults();
  ++values.upper;
  auto fits = [&](int shift) {
    Interval sums = {(values << shift).lower, (values << shift).upper - 1};
    int left = std::max(shift + exponent, 0);
    return sums.fitsSigned(32) && left < 32 && (clamp << left).fitsSigned(32);
  };
  shift = std::min(shift, 30);
  while (shift > 0 && !fits(shift))
    --shift;
  if (!fits(shift) || (choice.lift != Lift::None && int(choice.bits) > shift))
    return false;
  plan.leftShift = std::max(shift + exponent, 0);
  plan.rounding = {choice.lift, shift - choice.bits, unsigned(shift)};
  return true;
}

std::optional<RequantizePlan> PlanShaper::shape(BinarySlope slope,
                                                LiftChoice choice) const {
  RequantizePlan plan = begin();
  int shift = std::max(slope.fractionBits, choice.bits);
  if (form == Form::Multiply) {
    plan.laneBits = 64;
    plan.multiplier = slope.numerator << (shift - slope.fractionBits);
    plan.rounding = {choice.lift, shift - choice.bits, unsigned(shift)};
    if (shift > 40 || !llvm::isInt<32>(plan.multiplier))
      return std::nullopt;
    return plan;
  }
  // Digits are exact if shift >= fractionBits; what does not fit is truncated.
  llvm::SmallVector<Digit, 8> digits = encode(slope.numerator, Encoding::Csd);
  int lead = int(digits.back().shift) - int(slope.fractionBits);
  if (!scale(plan, lead, shift, choice))
    return std::nullopt;
  for (Digit digit : llvm::reverse(digits)) {
    int exponent =
        int(digit.shift) - int(slope.fractionBits) + int(plan.rounding.shift);
    int right = int(plan.leftShift) - exponent;
    if (right > 31)
      return std::nullopt;
    plan.terms.push_back({unsigned(right), digit.negative});
  }
  return plan;
}

std::optional<RequantizePlan> PlanShaper::shape(const Chain &chain,
                                                LiftChoice choice) const {
  RequantizePlan plan = begin();
  if (!scale(plan, chain.exponent, 30, choice) ||
      int(plan.rounding.shift) + chain.exponent < 0)
    return std::nullopt;
  plan.terms.assign(chain.terms.begin(), chain.terms.end());
  return plan;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// Of the interval, the integer with the most trailing zeros: 0 saves an
/// addition, few bits an instruction on scalar targets.
static int64_t findRoundest(Interval interval) {
  if (interval.contains(Interval::ofValue(0)))
    return 0;
  bool isNegative = interval.upper < 0;
  if (isNegative)
    interval = -interval;
  int64_t roundest = interval.upper;
  for (int64_t mask = 1;; mask = mask * 2 + 1) {
    if ((interval.upper & ~mask) < interval.lower)
      break;
    roundest = interval.upper & ~mask;
  }
  return isNegative ? -roundest : roundest;
}

Interval PlanShaper::findConstants(const RequantizePlan &plan, const Step &step,
                                   int64_t reach) const {
  int64_t smallest = INT64_MAX, largest = INT64_MIN;
  for (int64_t a = step.first; a <= std::min(step.last, step.first + reach);
       ++a)
    smallest = std::min(smallest, plan.getSum(a));
  for (int64_t a = std::max(step.first, step.last - reach); a <= step.last; ++a)
    largest = std::max(largest, plan.getSum(a));
  return {plan.rounding.getThreshold(step.value) - smallest,
          plan.rounding.getThreshold(step.value + 1) - 1 - largest};
}

bool PlanShaper::fitConstant(RequantizePlan &plan) const {
  std::optional<int64_t> reach = plan.getReach();
  if (!reach || *reach > 64)
    return false;
  Interval common = {INT64_MIN / 2, INT64_MAX / 2};
  // (constant, +1: an interval begins; -1: it ended before)
  std::vector<std::pair<int64_t, int>> ends;
  for (const Step &step : steps) {
    Interval constants = findConstants(plan, step, *reach);
    if (constants.lower > constants.upper) {
      common.upper = common.lower - 1;
      continue;
    }
    common = {std::max(common.lower, constants.lower),
              std::min(common.upper, constants.upper)};
    ends.push_back({constants.lower, 1});
    ends.push_back({constants.upper + 1, -1});
  }
  if (common.lower <= common.upper) {
    plan.constant = findRoundest(common);
    return true;
  }
  llvm::sort(ends);
  int count = 0, most = 0;
  for (auto [constant, change] : ends) {
    count += change;
    if (count > most) {
      most = count;
      plan.constant = constant;
    }
  }
  return false;
}

} // namespace bitnn
