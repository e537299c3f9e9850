// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference rounds the plane lhsScale/scale * a + rhsScale/scale * b. With
// factors near 2^shift times these slopes, each pair bounds the constant: the
// sum must reach the threshold of its own result, and stay below the next.
// Along b only the two ends of a run of equal results matter. The pairs that
// the reference itself nearly rounds the other way are asked first, so that
// wrong factors are refused at once.

#include "bitnn/Arithmetic/Addition.h"
#include "bitnn/Arithmetic/Digits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

namespace bitnn {

static int64_t getSum(const AdditionPlan &plan, int64_t lhs, int64_t rhs) {
  return plan.lhsFactor * lhs + plan.rhsFactor * rhs + plan.constant;
}

static size_t getIndex(int64_t lhs, int64_t rhs) {
  return 256 * (lhs + 128) + (rhs + 128);
}

int64_t AdditionPlan::operator()(int64_t lhs, int64_t rhs) const {
  size_t index = getIndex(lhs, rhs);
  if (!table.empty())
    return table[index];
  int64_t sum = getSum(*this, lhs, rhs);
  int64_t result = std::clamp(rounding.getResult(sum), lowest, highest);
  return raised.empty() ? result
                        : result + (raised[index / 8] >> index % 8 & 1);
}

AdditionTable::AdditionTable(const FloatAdd &reference)
    : reference(reference), values(65536) {
  for (int64_t lhs = -128; lhs < 128; ++lhs)
    for (int64_t rhs = -128; rhs < 128; ++rhs)
      values[getIndex(lhs, rhs)] = reference(lhs, rhs);
}

std::optional<std::pair<int64_t, int64_t>>
AdditionTable::findDifference(const AdditionPlan &plan) const {
  for (int64_t lhs = -128; lhs < 128; ++lhs)
    for (int64_t rhs = -128; rhs < 128; ++rhs) {
      bool fits = !plan.table.empty();
      if (!fits) {
        int64_t sum = getSum(plan, lhs, rhs);
        fits = llvm::isInt<32>(sum) &&
               llvm::isInt<32>(sum + (int64_t(1) << plan.rounding.liftShift));
      }
      if (!fits || plan(lhs, rhs) != at(lhs, rhs))
        return std::pair(lhs, rhs);
    }
  return std::nullopt;
}

namespace {

class AdditionSearch {
public:
  explicit AdditionSearch(const FloatAdd &reference)
      : reference(reference), pairs(reference),
        lhsSlope(double(reference.lhsScale) / reference.scale),
        rhsSlope(double(reference.rhsScale) / reference.scale),
        ends(findEnds()) {}

  AdditionPlan run() {
    if (std::optional<AdditionPlan> plan = searchExact())
      return *plan;
    if (std::optional<AdditionPlan> plan = searchRaised())
      return *plan;
    AdditionPlan plan;
    for (int64_t lhs = -128; lhs < 128; ++lhs)
      for (int64_t rhs = -128; rhs < 128; ++rhs)
        plan.table.push_back(pairs.at(lhs, rhs));
    return plan;
  }

private:
  /// One end of a run: s(lhs, rhs) must be on the proper side of a threshold.
  struct End {
    int64_t lhs, rhs;
    int64_t value;
    bool isFirst;
    double margin;
  };

  std::vector<End> findEnds() const;
  std::optional<AdditionPlan> searchExact() const;
  std::optional<AdditionPlan> searchRaised() const;
  std::optional<AdditionPlan> findFactors(Rounding rounding,
                                          int64_t tolerance) const;
  Interval findConstants(int64_t lhsFactor, int64_t rhsFactor,
                         Rounding rounding, int64_t tolerance) const;
  void raise(AdditionPlan &plan) const;
  /// Whether sums of this resolution, constant and all, stay within 32 bits.
  bool fits(unsigned shift) const;

  const FloatAdd &reference;
  AdditionTable pairs;
  double lhsSlope, rhsSlope;
  std::vector<End> ends;
};

} // namespace

std::vector<AdditionSearch::End> AdditionSearch::findEnds() const {
  std::vector<End> ends;
  auto add = [&](int64_t lhs, int64_t rhs, bool isFirst) {
    int64_t value = pairs.at(lhs, rhs);
    if (value == (isFirst ? reference.lowest : reference.highest))
      return;
    double real = lhsSlope * (lhs - reference.lhsZeroPoint) +
                  rhsSlope * (rhs - reference.rhsZeroPoint) +
                  reference.zeroPoint - double(value);
    ends.push_back(
        {lhs, rhs, value, isFirst, isFirst ? real + 0.5 : 0.5 - real});
  };
  for (int64_t lhs = -128; lhs < 128; ++lhs)
    for (int64_t rhs = -128; rhs < 128; ++rhs) {
      int64_t value = pairs.at(lhs, rhs);
      if (rhs == -128 || pairs.at(lhs, rhs - 1) != value)
        add(lhs, rhs, true);
      if (rhs == 127 || pairs.at(lhs, rhs + 1) != value)
        add(lhs, rhs, false);
    }
  llvm::stable_sort(
      ends, [](const End &a, const End &b) { return a.margin < b.margin; });
  return ends;
}

bool AdditionSearch::fits(unsigned shift) const {
  double reach = 256 * (lhsSlope + rhsSlope) + 2;
  reach += lhsSlope * std::abs(reference.lhsZeroPoint) +
           rhsSlope * std::abs(reference.rhsZeroPoint) +
           std::abs(reference.zeroPoint);
  return std::ldexp(reach, int(shift)) < std::ldexp(1.0, 31);
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

/// The constants with which the sum, rounded, is the reference, or up to
/// `tolerance` less.
Interval AdditionSearch::findConstants(int64_t lhsFactor, int64_t rhsFactor,
                                       Rounding rounding,
                                       int64_t tolerance) const {
  Interval constants = {INT32_MIN, INT32_MAX};
  for (const End &end : ends) {
    int64_t sum = lhsFactor * end.lhs + rhsFactor * end.rhs;
    if (end.isFirst)
      constants.lower = std::max(
          constants.lower, rounding.getThreshold(end.value - tolerance) - sum);
    else
      constants.upper = std::min(
          constants.upper, rounding.getThreshold(end.value + 1) - 1 - sum);
    if (constants.lower > constants.upper)
      break;
  }
  return constants;
}

/// Tries the factors next to the slopes; of those that fit, the fewest digits.
std::optional<AdditionPlan>
AdditionSearch::findFactors(Rounding rounding, int64_t tolerance) const {
  auto lhsNear = int64_t(std::rint(std::ldexp(lhsSlope, rounding.shift)));
  auto rhsNear = int64_t(std::rint(std::ldexp(rhsSlope, rounding.shift)));
  std::optional<AdditionPlan> best;
  unsigned fewest = ~0u;
  for (int64_t lhsFactor = lhsNear - 2; lhsFactor <= lhsNear + 2; ++lhsFactor)
    for (int64_t rhsFactor = rhsNear - 2; rhsFactor <= rhsNear + 2;
         ++rhsFactor) {
      unsigned digits = countDigits(lhsFactor, Encoding::Csd) +
                        countDigits(rhsFactor, Encoding::Csd);
      if (digits >= fewest)
        continue;
      Interval constants =
          findConstants(lhsFactor, rhsFactor, rounding, tolerance);
      if (constants.lower > constants.upper)
        continue;
      AdditionPlan plan;
      plan.lhsFactor = lhsFactor;
      plan.rhsFactor = rhsFactor;
      plan.constant = std::clamp<int64_t>(0, constants.lower, constants.upper);
      plan.rounding = rounding;
      plan.lowest = reference.lowest;
      plan.highest = reference.highest;
      if (tolerance != 0)
        raise(plan);
      if (pairs.findDifference(plan))
        continue;
      fewest = digits;
      best = std::move(plan);
    }
  return best;
}

/// The coarsest resolution has the fewest digits. Ties are lifted by the
/// smallest amount, or by float32's resolution.
std::optional<AdditionPlan> AdditionSearch::searchExact() const {
  for (unsigned shift = 0; shift <= 24 && fits(shift); ++shift) {
    if (auto plan = findFactors({Lift::None, 0, shift}, 0))
      return plan;
    for (unsigned liftShift = 0; liftShift <= std::min(shift, 6u);
         liftShift += 2)
      for (Lift lift : {Lift::Even, Lift::Odd})
        if (auto plan = findFactors({lift, liftShift, shift}, 0))
          return plan;
  }
  return std::nullopt;
}

std::optional<AdditionPlan> AdditionSearch::searchRaised() const {
  for (unsigned shift = 0; shift <= 24 && fits(shift); ++shift)
    if (auto plan = findFactors({Lift::None, 0, shift}, 1))
      return plan;
  return std::nullopt;
}

/// Marks the pairs at which the plan gives one less than the reference.
void AdditionSearch::raise(AdditionPlan &plan) const {
  std::vector<uint8_t> raised(65536 / 8);
  for (int64_t lhs = -128; lhs < 128; ++lhs)
    for (int64_t rhs = -128; rhs < 128; ++rhs) {
      size_t index = getIndex(lhs, rhs);
      bool isLess = plan(lhs, rhs) < pairs.at(lhs, rhs);
      raised[index / 8] |= uint8_t(isLess << index % 8);
    }
  plan.raised = std::move(raised);
}

AdditionPlan planAddition(const FloatAdd &reference) {
  return AdditionSearch(reference).run();
}

} // namespace bitnn
