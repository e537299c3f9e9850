// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search, in four steps.
//
// 1. The accumulator is clamped to the last one of the lowest result and the
//    first one of the highest: what is left are steps of about equal length.
// 2. Slopes.h gives the interval of slopes of which a line, rounded down, is
//    the reference. Of the binary fractions in it, those with the fewest signed
//    digits come first, and the coarsest of these.
// 3. A slope is scaled by 2^shift, as far as 32 bits allow; digits below one
//    then become right shifts, which round. With the constant c left open, the
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
#include "bitnn/Arithmetic/Slopes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace bitnn {

namespace {

/// What the thresholds are lowered by: 2^-bits, for the results of one parity.
struct LiftChoice {
  Lift lift = Lift::None;
  unsigned bits = 0;
};

class RequantizeSearch {
public:
  RequantizeSearch(const StepFunction &reference, bool multiply)
      : reference(reference), multiply(multiply), steps(clampSteps()) {}

  RequantizePlan run() {
    offer(countThresholds());
    if (steps.size() == 1)
      return best();
    if (!searchLines({}) && !searchLifted())
      searchCorrected();
    return best();
  }

private:
  static constexpr unsigned numSlopes = 512, numAttempts = 128,
                            numCorrected = 16;

  std::vector<Step> clampSteps() const;
  bool searchLines(LiftChoice choice);
  bool searchLifted();
  void searchCorrected();
  RequantizePlan countThresholds() const;

  std::vector<BinarySlope> findCandidates(LiftChoice choice,
                                          int64_t slack) const;
  std::optional<RequantizePlan> shape(BinarySlope slope,
                                      LiftChoice choice) const;
  bool fitConstant(RequantizePlan &plan) const;
  void correct(RequantizePlan &plan) const;
  void dropClamps(RequantizePlan &plan) const;
  bool offer(RequantizePlan plan);
  RequantizePlan best();

  /// About -log2 of the result's rise for one accumulator.
  int getFlatness() const;

  const StepFunction &reference;
  bool multiply;
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

/// Slopes of lines that round to the reference with every threshold loosened by
/// `slack` units of 2^-choice.bits; the most promising first.
std::vector<BinarySlope> RequantizeSearch::findCandidates(LiftChoice choice,
                                                          int64_t slack) const {
  auto threshold = [&](int64_t value) {
    bool isLifted = choice.lift == (value & 1 ? Lift::Odd : Lift::Even);
    return value * (int64_t(1) << choice.bits) - isLifted;
  };
  std::vector<Point> below, above;
  for (const Step &step : steps) {
    below.push_back({step.first, threshold(step.value) - slack});
    above.push_back({step.last, threshold(step.value + 1)});
  }
  std::optional<SlopeInterval> interval = findSlopes(below, above);
  if (!interval)
    return {};
  std::vector<BinarySlope> slopes =
      enumerateSlopes(*interval, -int(choice.bits), numSlopes);
  if (multiply) {
    llvm::stable_sort(slopes, [](BinarySlope a, BinarySlope b) {
      return a.fractionBits < b.fractionBits;
    });
    return slopes;
  }
  llvm::stable_sort(slopes, [](BinarySlope a, BinarySlope b) {
    return std::pair(countDigits(a.numerator, Encoding::Csd), a.fractionBits) <
           std::pair(countDigits(b.numerator, Encoding::Csd), b.fractionBits);
  });
  return slopes;
}

/// The plan of a slope at the finest scale that fits its lane, its constant and
/// corrections still open.
std::optional<RequantizePlan> RequantizeSearch::shape(BinarySlope slope,
                                                      LiftChoice choice) const {
  RequantizePlan plan;
  plan.lower = steps.front().last;
  plan.upper = steps.back().first;
  plan.laneBits = multiply ? 64 : 32;
  plan.rounding.lift = choice.lift;
  // Sums are at least the lower multiple of 2^shift, and below the upper.
  Interval values = {steps.front().value, steps.back().value + 1};
  Interval clamped = {plan.lower, plan.upper};
  int shift =
      std::max(slope.fractionBits, choice.lift == Lift::None ? 0 : choice.bits);
  if (multiply) {
    plan.multiplier = slope.numerator << (shift - slope.fractionBits);
    if (shift > 40 || !llvm::isInt<32>(plan.multiplier))
      return std::nullopt;
  } else {
    // Exact digits need shift >= fractionBits; what does not fit is truncated.
    llvm::SmallVector<Digit, 8> digits = encode(slope.numerator, Encoding::Csd);
    int lead = int(digits.back().shift) - int(slope.fractionBits);
    auto fits = [&](int shift) {
      Interval sums = {(values << shift).lower, (values << shift).upper - 1};
      return sums.fitsSigned(32) &&
             (clamped << std::max(shift + lead, 0)).fitsSigned(32);
    };
    shift = std::min(shift, 30);
    while (shift > 0 && (shift + lead > 31 || !fits(shift)))
      --shift;
    if (shift + lead > 31 || !fits(shift))
      return std::nullopt;
    plan.leftShift = std::max(shift + lead, 0);
    for (Digit digit : llvm::reverse(digits)) {
      int exponent = int(digit.shift) - int(slope.fractionBits) + shift;
      int right = int(plan.leftShift) - exponent;
      if (right > 31)
        return std::nullopt;
      plan.digits.push_back({unsigned(right), digit.negative});
    }
  }
  plan.rounding.shift = shift;
  if (choice.lift != Lift::None) {
    if (int(choice.bits) > shift)
      return std::nullopt;
    plan.rounding.liftShift = shift - choice.bits;
  }
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
  std::vector<BinarySlope> slopes = findCandidates(choice, 0);
  for (BinarySlope slope : llvm::ArrayRef(slopes).take_front(numAttempts)) {
    std::optional<RequantizePlan> plan = shape(slope, choice);
    if (plan && fitConstant(*plan) && offer(std::move(*plan)))
      return true;
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
  std::vector<BinarySlope> slopes;
  for (int64_t slack = 1; slopes.empty() && slack < int64_t(1) << 40;
       slack *= 2)
    slopes = findCandidates(unit, slack);
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

RequantizePlan planRequantize(const StepFunction &reference) {
  return RequantizeSearch(reference, /*multiply=*/false).run();
}

RequantizePlan planMultiply(const StepFunction &reference) {
  return RequantizeSearch(reference, /*multiply=*/true).run();
}

} // namespace bitnn
