// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A nondecreasing function of an integer, as its steps.

#ifndef BITNN_ARITHMETIC_STEPFUNCTION_H
#define BITNN_ARITHMETIC_STEPFUNCTION_H

#include "bitnn/Arithmetic/Interval.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <vector>

namespace bitnn {

/// The function is `value` from `first` to `last`, both included.
struct Step {
  int64_t first;
  int64_t last;
  int64_t value;

  bool operator==(const Step &other) const {
    return first == other.first && last == other.last && value == other.value;
  }
};

/// The steps ascend, and so do their values. Integers between two steps are
/// outside the domain: no one asks for the function there.
class StepFunction {
public:
  /// The steps of `function`, which must be nondecreasing on `domain`. It is
  /// called about log2(length) times for a step.
  static StepFunction ofMonotone(llvm::function_ref<int64_t(int64_t)> function,
                                 Interval domain);

  /// From steps as described above; neighbours may have the same value.
  explicit StepFunction(std::vector<Step> steps);

  llvm::ArrayRef<Step> steps() const { return allSteps; }
  Interval domain() const {
    return {allSteps.front().first, allSteps.back().last};
  }
  Interval range() const {
    return {allSteps.front().value, allSteps.back().value};
  }

  /// The value at an integer of the domain. Between two steps it is the value
  /// of the lower one.
  int64_t operator()(int64_t argument) const;

  bool operator==(const StepFunction &other) const {
    return allSteps == other.allSteps;
  }
  bool operator!=(const StepFunction &other) const { return !(*this == other); }

  /// The smallest integer of both domains at which the two differ.
  std::optional<int64_t> findDifference(const StepFunction &other) const;

private:
  std::vector<Step> allSteps;
};

} // namespace bitnn

#endif // BITNN_ARITHMETIC_STEPFUNCTION_H
