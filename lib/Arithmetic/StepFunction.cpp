// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/StepFunction.h"
#include <algorithm>
#include <cassert>

namespace bitnn {

StepFunction::StepFunction(std::vector<Step> steps) {
  assert(!steps.empty() && "a function of nothing");
  for (const Step &step : steps) {
    assert(step.first <= step.last);
    if (allSteps.empty() || allSteps.back().value != step.value) {
      assert(allSteps.empty() || (allSteps.back().value < step.value &&
                                  allSteps.back().last < step.first));
      allSteps.push_back(step);
    } else {
      assert(allSteps.back().last < step.first);
      allSteps.back().last = step.last;
    }
  }
}

/// Appends the steps that begin in (lower, upper] by bisection: where both ends
/// have one value, everything between has it.
static void findSteps(llvm::function_ref<int64_t(int64_t)> function,
                      int64_t lower, int64_t lowerValue, int64_t upper,
                      int64_t upperValue, std::vector<Step> &steps) {
  assert(lowerValue <= upperValue && "the function decreases");
  if (lowerValue == upperValue)
    return;
  if (upper - lower == 1) {
    steps.back().last = lower;
    steps.push_back({upper, upper, upperValue});
    return;
  }
  int64_t middle = lower + (upper - lower) / 2, value = function(middle);
  findSteps(function, lower, lowerValue, middle, value, steps);
  findSteps(function, middle, value, upper, upperValue, steps);
}

StepFunction
StepFunction::ofMonotone(llvm::function_ref<int64_t(int64_t)> function,
                         Interval domain) {
  int64_t first = function(domain.lower), last = function(domain.upper);
  std::vector<Step> steps = {{domain.lower, domain.lower, first}};
  findSteps(function, domain.lower, first, domain.upper, last, steps);
  steps.back().last = domain.upper;
  return StepFunction(std::move(steps));
}

int64_t StepFunction::operator()(int64_t argument) const {
  auto *next = std::upper_bound(
      steps().begin(), steps().end(), argument,
      [](int64_t value, const Step &step) { return value < step.first; });
  assert(next != steps().begin() && "left of the domain");
  return std::prev(next)->value;
}

std::optional<int64_t>
StepFunction::findDifference(const StepFunction &other) const {
  auto *left = steps().begin(), *right = other.steps().begin();
  while (left != steps().end() && right != other.steps().end()) {
    int64_t first = std::max(left->first, right->first);
    if (first <= std::min(left->last, right->last) &&
        left->value != right->value)
      return first;
    if (left->last <= right->last)
      ++left;
    else
      ++right;
  }
  return std::nullopt;
}

} // namespace bitnn
