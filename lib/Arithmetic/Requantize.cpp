// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search, in four steps.
//
// 1. The accumulator is clamped to the last one of the lowest result and the
//    first one of the highest: what is left are steps of about equal length.
// 2. Slopes.h gives the interval of slopes of which a line, rounded down, is
//    the reference. Of the binary fractions in it, those with the fewest signed
//    digits come first, and the coarsest of these. Chains.h has slopes that are
//    cheaper still, because a sum is itself shifted and added.
// 3. A slope is scaled by 2^shift, as far as 32 bits allow; what falls below
//    one is shifted out, and so rounded. With the constant c left open, the
//    exact smallest sum of each step must reach the step's threshold, and the
//    exact largest must stay below the next: an interval for c.
// 4. The finished plan is proven equal to the reference, or dropped.
//
// Ties to even bend the line: the threshold of an even result, if the tie is
// hit exactly, is one accumulator earlier than that of an odd one. Lifting even
// (or odd) results by 2^-q, that is, adding the parity bit at 2^(shift - q),
// lowers their thresholds by as much, and again a line fits. Where none does,
// the differences of the best line are corrected one by one; and if counting
// all thresholds is cheaper than the line, they are counted.

#include "bitnn/Arithmetic/Requantize.h"
#include "bitnn/Arithmetic/Chains.h"
#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Arithmetic/Slopes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

namespace bitnn {

namespace {

/// What a plan may consist of.
enum class Form { Digits, Chains, Multiply };

/// What the thresholds are lowered by: 2^-bits, for the results of one parity.
struct LiftChoice {
  Lift lift = Lift::None;
  unsigned bits = 0;
};

class RequantizeSearch {
public:
  RequantizeSearch(const StepFunction &reference, Form form)
      : reference(reference), form(form), steps(clampSteps()) {}

  RequantizePlan run() {
    offer(countThresholds());
    if (steps.size() == 1)
      return best();
    if (!searchLines({}) && !searchLifted())
      searchCorrected();
    return best();
  }

private:
  static constexpr unsigned numSlopes = 512, numAttempts = 128, numChains = 8,
                            numCorrected = 16;

  std::vector<Step> clampSteps() const;
  bool searchLines(LiftChoice choice);
  bool searchDigits(SlopeInterval slopes, LiftChoice choice);
  bool searchChains(SlopeInterval slopes, LiftChoice choice);
  bool searchLifted();
  void searchCorrected();
  RequantizePlan countThresholds() const;

  std::optional<SlopeInterval> findSlopes(LiftChoice choice,
                                          int64_t slack) const;
  std::vector<BinarySlope> rank(std::vector<BinarySlope> slopes) const;
  RequantizePlan begin() const;
  std::optional<RequantizePlan> shape(BinarySlope slope,
                                      LiftChoice choice) const;
  std::optional<RequantizePlan> shape(const Chain &chain,
                                      LiftChoice choice) const;
  bool scale(RequantizePlan &plan, int exponent, int shift,
             LiftChoice choice) const;
  bool fitConstant(RequantizePlan &plan) const;
  void correct(RequantizePlan &plan) const;
  void dropClamps(RequantizePlan &plan) const;
  bool offer(RequantizePlan plan);
  RequantizePlan best();

  /// About -log2 of the result's rise for one accumulator.
  int getFlatness() const;

  const StepFunction &reference;
  Form form;
  /// The reference between the clamps.
  std::vector<Step> steps;
  std::optional<RequantizePlan> cheapest;
};

std::vector<Step> RequantizeSearch::clampSteps() const {
  std::vector<Step> clamped = reference.steps().vec();
  clamped.front().first = clamped.front().last;
  clamped.back().last = clamped.back().first;
  return clamped;
}

int RequantizeSearch::getFlatness() const {
  double rise = double(steps.back().value - steps.front().value);
  double run = double(steps.back().first - steps.front().last);
  int flatness = 0;
  for (; rise < run && flatness < 40; rise *= 2)
    ++flatness;
  return flatness;
}

//===----------------------------------------------------------------------===//
// Slopes
//===----------------------------------------------------------------------===//

/// Slopes, in units of 2^-choice.bits, of lines that round to the reference
/// with every threshold loosened by `slack` of these units.
std::optional<SlopeInterval> RequantizeSearch::findSlopes(LiftChoice choice,
                                                          int64_t slack) const {
  Rounding rounding = {choice.lift, 0, choice.bits};
  std::vector<Point> below, above;
  for (const Step &step : steps) {
    below.push_back({step.first, rounding.getThreshold(step.value) - slack});
    above.push_back({step.last, rounding.getThreshold(step.value + 1)});
  }
  return bitnn::findSlopes(below, above);
}

/// The most promising first.
std::vector<BinarySlope>
RequantizeSearch::rank(std::vector<BinarySlope> slopes) const {
  auto cost = [&](BinarySlope slope) {
    unsigned digits = form == Form::Multiply
                          ? 0
                          : countDigits(slope.numerator, Encoding::Csd);
    return std::pair(digits, slope.fractionBits);
  };
  llvm::stable_sort(
      slopes, [&](BinarySlope a, BinarySlope b) { return cost(a) < cost(b); });
  return slopes;
}

//===----------------------------------------------------------------------===//
// From slopes to plans
//===----------------------------------------------------------------------===//

RequantizePlan RequantizeSearch::begin() const {
  RequantizePlan plan;
  plan.lower = steps.front().last;
  plan.upper = steps.back().first;
  return plan;
}

/// Scales the input by 2^(shift + exponent) and the results by 2^shift, or as
/// far below as 32 bits demand. Returns whether that is possible.
bool RequantizeSearch::scale(RequantizePlan &plan, int exponent, int shift,
                             LiftChoice choice) const {
  // Sums are at least the lower multiple of 2^shift, and below the upper.
  Interval values = {steps.front().value, steps.back().value + 1};
  Interval clamped = {plan.lower, plan.upper};
  auto fits = [&](int shift) {
    Interval sums = {(values << shift).lower, (values << shift).upper - 1};
    int left = std::max(shift + exponent, 0);
    return sums.fitsSigned(32) && left < 32 && (clamped << left).fitsSigned(32);
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

/// Constant and corrections are still open.
std::optional<RequantizePlan> RequantizeSearch::shape(BinarySlope slope,
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

std::optional<RequantizePlan> RequantizeSearch::shape(const Chain &chain,
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
int64_t findRoundest(Interval interval) {
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

/// Chooses the constant with which the sum rounds to every step, or to the most
/// steps. Returns whether it was all of them.
bool RequantizeSearch::fitConstant(RequantizePlan &plan) const {
  std::optional<int64_t> reach = plan.getReach();
  if (!reach || *reach > 64)
    return false;
  std::vector<Interval> feasible;
  Interval common = {INT64_MIN / 2, INT64_MAX / 2};
  // (constant, +1: an interval begins; -1: it ended before)
  std::vector<std::pair<int64_t, int>> ends;
  for (const Step &step : steps) {
    int64_t smallest = INT64_MAX, largest = INT64_MIN;
    for (int64_t a = step.first; a <= std::min(step.last, step.first + *reach);
         ++a)
      smallest = std::min(smallest, plan.getSum(a));
    for (int64_t a = std::max(step.first, step.last - *reach); a <= step.last;
         ++a)
      largest = std::max(largest, plan.getSum(a));
    Interval constants = {plan.rounding.getThreshold(step.value) - smallest,
                          plan.rounding.getThreshold(step.value + 1) - 1 -
                              largest};
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

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

bool RequantizeSearch::searchLines(LiftChoice choice) {
  std::optional<SlopeInterval> slopes = findSlopes(choice, 0);
  if (!slopes)
    return false;
  bool found = searchDigits(*slopes, choice);
  if (form == Form::Chains)
    found |= searchChains(*slopes, choice);
  return found;
}

bool RequantizeSearch::searchDigits(SlopeInterval slopes, LiftChoice choice) {
  std::vector<BinarySlope> ranked =
      rank(enumerateSlopes(slopes, -int(choice.bits), numSlopes));
  for (BinarySlope slope : llvm::ArrayRef(ranked).take_front(numAttempts)) {
    std::optional<RequantizePlan> plan = shape(slope, choice);
    if (plan && fitConstant(*plan) && offer(std::move(*plan)))
      return true;
  }
  return false;
}

/// Chains with fewer additions than what was found already.
bool RequantizeSearch::searchChains(SlopeInterval slopes, LiftChoice choice) {
  double unit = std::ldexp(1.0, -int(choice.bits));
  for (unsigned additions = 1; additions <= maxChainAdditions; ++additions) {
    if (cheapest && cheapest->terms.size() <= additions + 1 &&
        cheapest->corrections.empty())
      return false;
    for (const Chain &chain :
         findChains(slopes.lower.getReal() * unit,
                    slopes.upper.getReal() * unit, additions, numChains)) {
      std::optional<RequantizePlan> plan = shape(chain, choice);
      if (plan && fitConstant(*plan) && offer(std::move(*plan)))
        return true;
    }
  }
  return false;
}

/// A lift by one accumulator's rise suits powers of two; others need room on
/// both sides of the lifted threshold.
bool RequantizeSearch::searchLifted() {
  bool found = false;
  for (int finer = 0; finer <= 12; ++finer)
    for (Lift lift : {Lift::Even, Lift::Odd}) {
      int bits = getFlatness() + finer;
      if (bits <= 30)
        found |= searchLines({lift, unsigned(bits)});
    }
  return found;
}

/// Loosens the thresholds until there are lines, and corrects the results that
/// these give wrongly.
void RequantizeSearch::searchCorrected() {
  LiftChoice unit = {Lift::None, unsigned(std::min(getFlatness() + 4, 40))};
  std::optional<SlopeInterval> interval;
  for (int64_t slack = 1; !interval && slack < int64_t(1) << 40; slack *= 2)
    interval = findSlopes(unit, slack);
  if (!interval)
    return;
  std::vector<BinarySlope> slopes =
      rank(enumerateSlopes(*interval, -int(unit.bits), numSlopes));
  for (BinarySlope slope : llvm::ArrayRef(slopes).take_front(numCorrected)) {
    std::optional<RequantizePlan> plan = shape(slope, {});
    if (!plan)
      continue;
    fitConstant(*plan);
    // Steps can be compared only if the sum ascends from each integer to the
    // next.
    std::optional<int64_t> reach = plan->getReach();
    if (!reach || *reach > 1)
      continue;
    correct(*plan);
    offer(std::move(*plan));
  }
}

/// Adds the differences from the plan's own steps to the reference's.
void RequantizeSearch::correct(RequantizePlan &plan) const {
  StepFunction own = StepFunction::ofMonotone(plan, reference.domain());
  llvm::SmallVector<int64_t> changes;
  for (llvm::ArrayRef<Step> steps : {own.steps(), reference.steps()})
    for (const Step &step : steps)
      changes.push_back(step.first);
  llvm::sort(changes);
  int64_t corrected = 0;
  for (int64_t change : changes) {
    int64_t difference = reference(change) - own(change);
    if (difference != corrected)
      plan.corrections.push_back({change, difference - corrected});
    corrected = difference;
  }
}

/// The reference without a line: the lowest result, and every step.
RequantizePlan RequantizeSearch::countThresholds() const {
  RequantizePlan plan;
  plan.lower = reference.domain().lower;
  plan.upper = reference.domain().upper;
  plan.constant = reference.range().lower;
  for (const Step &step : reference.steps().drop_front())
    plan.corrections.push_back({step.first, step.value - (&step)[-1].value});
  return plan;
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

/// A narrow domain may not need its clamps.
void RequantizeSearch::dropClamps(RequantizePlan &plan) const {
  for (int64_t RequantizePlan::*bound :
       {&RequantizePlan::lower, &RequantizePlan::upper}) {
    RequantizePlan loose = plan;
    loose.*bound = bound == &RequantizePlan::lower ? reference.domain().lower
                                                   : reference.domain().upper;
    if (!findDifference(loose, reference))
      plan = loose;
  }
}

/// Keeps the plan if it is proven and cheaper; returns whether it is proven.
bool RequantizeSearch::offer(RequantizePlan plan) {
  if (plan.multiplier != 0) {
    RequantizePlan narrow = plan;
    narrow.laneBits = 32;
    if (!findDifference(narrow, reference))
      plan = narrow;
  }
  if (findDifference(plan, reference))
    return false;
  dropClamps(plan);
  Interval domain = reference.domain();
  if (!cheapest || plan.numOperations(domain) < cheapest->numOperations(domain))
    cheapest = std::move(plan);
  return true;
}

RequantizePlan RequantizeSearch::best() {
  if (!cheapest)
    llvm::report_fatal_error("requantize: counting thresholds was refuted");
  return std::move(*cheapest);
}

} // namespace

RequantizePlan planRequantize(const StepFunction &reference, bool chains) {
  return RequantizeSearch(reference, chains ? Form::Chains : Form::Digits)
      .run();
}

RequantizePlan planMultiply(const StepFunction &reference) {
  return RequantizeSearch(reference, Form::Multiply).run();
}

} // namespace bitnn
