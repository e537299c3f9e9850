// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search, in four steps.
//
// 1. The accumulator is clamped to the last one of the lowest result and the
//    first one of the highest: what is left are steps of about equal length.
//    Where results are saturated anyway, plans are also made without.
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
#include "PlanShaper.h"
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
class RequantizeSearch {
public:
  RequantizeSearch(const StepFunction &reference, Form form,
                   unsigned saturatedBits = 0)
      : reference(reference), form(form),
        saturatedBits(saturatedBits != 0 &&
                              reference.range().fitsSigned(saturatedBits)
                          ? saturatedBits
                          : 0),
        steps(clampSteps()), clamp{steps.front().last, steps.back().first},
        shaper(steps, form, clamp) {}

  RequantizePlan run() {
    offer(countThresholds());
    if (steps.size() == 1)
      return best();
    bool saturates = searchSaturated();
    if (!searchLines({}) && !saturates && !searchLifted())
      searchCorrected();
    return best();
  }

private:
  static constexpr unsigned numSlopes = 512, numAttempts = 128, numChains = 8,
                            numCorrected = 16;

  std::vector<Step> clampSteps() const;
  bool searchSaturated();
  bool searchLines(LiftChoice choice);
  bool searchDigits(SlopeInterval slopes, LiftChoice choice);
  bool searchChains(SlopeInterval slopes, LiftChoice choice);
  bool searchLifted();
  void searchCorrected();
  RequantizePlan countThresholds() const;

  std::optional<SlopeInterval> findSlopes(LiftChoice choice,
                                          int64_t slack) const;
  std::vector<BinarySlope> rank(std::vector<BinarySlope> slopes) const;
  void correct(RequantizePlan &plan) const;
  void dropClamps(RequantizePlan &plan) const;
  bool offer(RequantizePlan plan);
  RequantizePlan best();

  /// About -log2 of the result's rise for one accumulator.
  int getFlatness() const;

  const StepFunction &reference;
  Form form;
  unsigned saturatedBits;
  /// The reference between the clamps.
  std::vector<Step> steps;
  Interval clamp;
  PlanShaper shaper;
  std::optional<RequantizePlan> cheapest;
};

} // namespace

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
// Forms
//===----------------------------------------------------------------------===//

/// Lines that go on where the results have reached their limits.
bool RequantizeSearch::searchSaturated() {
  // Wide accumulators leave few bits for what is shifted out.
  constexpr uint64_t kWidest = 1 << 24;
  Interval loose = clamp, domain = reference.domain();
  if (saturatedBits == 0 || domain.size() > kWidest)
    return false;
  if (reference.range().lower == llvm::minIntN(saturatedBits))
    loose.lower = domain.lower;
  if (reference.range().upper == llvm::maxIntN(saturatedBits))
    loose.upper = domain.upper;
  if (loose == clamp)
    return false;
  shaper = PlanShaper(steps, form, loose);
  bool found = searchLines({}) || searchLifted();
  shaper = PlanShaper(steps, form, clamp);
  return found;
}

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
    std::optional<RequantizePlan> plan = shaper.shape(slope, choice);
    if (plan && shaper.fitConstant(*plan) && offer(std::move(*plan)))
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
      std::optional<RequantizePlan> plan = shaper.shape(chain, choice);
      if (plan && shaper.fitConstant(*plan) && offer(std::move(*plan)))
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
    std::optional<RequantizePlan> plan = shaper.shape(slope, {});
    if (!plan)
      continue;
    shaper.fitConstant(*plan);
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

/// A narrow domain may not need its clamps, or have them in its saturation.
void RequantizeSearch::dropClamps(RequantizePlan &plan) const {
  for (int64_t RequantizePlan::*bound :
       {&RequantizePlan::lower, &RequantizePlan::upper}) {
    RequantizePlan loose = plan;
    loose.*bound = bound == &RequantizePlan::lower ? reference.domain().lower
                                                   : reference.domain().upper;
    if (!findDifference(loose, reference))
      plan = loose;
  }
  RequantizePlan plain = plan;
  plain.saturatedBits = 0;
  if (plan.saturatedBits != 0 && !findDifference(plain, reference))
    plan = plain;
}

/// Keeps the plan if it is proven and cheaper; returns whether it is proven.
bool RequantizeSearch::offer(RequantizePlan plan) {
  if (plan.multiplier != 0) {
    RequantizePlan narrow = plan;
    narrow.laneBits = 32;
    if (!findDifference(narrow, reference))
      plan = narrow;
  }
  if (plan.corrections.empty())
    plan.saturatedBits = saturatedBits;
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

RequantizePlan planRequantize(const StepFunction &reference, bool chains,
                              unsigned saturatedBits) {
  return RequantizeSearch(reference, chains ? Form::Chains : Form::Digits,
                          saturatedBits)
      .run();
}

RequantizePlan planMultiply(const StepFunction &reference) {
  return RequantizeSearch(reference, Form::Multiply).run();
}

} // namespace bitnn
