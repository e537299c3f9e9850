// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a slope to a plan: its scale, its terms and its constant.

#ifndef BITNN_LIB_ARITHMETIC_PLANSHAPER_H
#define BITNN_LIB_ARITHMETIC_PLANSHAPER_H

#include "bitnn/Arithmetic/Chains.h"
#include "bitnn/Arithmetic/Slopes.h"

namespace bitnn {

/// What a plan may consist of.
enum class Form { Digits, Chains, Multiply };

/// What the thresholds are lowered by: 2^-bits, for the results of one parity.
struct LiftChoice {
  Lift lift = Lift::None;
  unsigned bits = 0;
};

/// Plans for one reference between the steps of its extreme results.
class PlanShaper {
public:
  /// Accumulators are clamped to `clamp`, which has the steps in it.
  PlanShaper(llvm::ArrayRef<Step> steps, Form form, Interval clamp)
      : steps(steps), form(form), clamp(clamp) {}

  /// A plan of this slope; constant and corrections are still open. None if it
  /// does not fit its lane.
  std::optional<RequantizePlan> shape(BinarySlope slope,
                                      LiftChoice choice) const;
  std::optional<RequantizePlan> shape(const Chain &chain,
                                      LiftChoice choice) const;

  /// Chooses the constant with which the sum rounds to every step, or to the
  /// most steps. Returns whether it was all of them.
  bool fitConstant(RequantizePlan &plan) const;

private:
  RequantizePlan begin() const;
  Interval getResults() const;
  bool scale(RequantizePlan &plan, int exponent, int shift,
             LiftChoice choice) const;
  /// The constants with which the sum rounds to the step: an empty interval
  /// (upper < lower) if there are none.
  Interval findConstants(const RequantizePlan &plan, const Step &step,
                         int64_t reach) const;

  llvm::ArrayRef<Step> steps;
  Form form;
  Interval clamp;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_PLANSHAPER_H
