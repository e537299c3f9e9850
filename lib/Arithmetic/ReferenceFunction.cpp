// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled with -ffp-contract=off: a fused multiply-add would skip a rounding.

#include "bitnn/Arithmetic/ReferenceFunction.h"
#include <algorithm>
#include <cmath>

namespace bitnn {

/// An infinite product saturates like any other; the sum is exact in double
/// wherever it is not clamped.
static int64_t saturate(float rounded, int32_t zeroPoint, int32_t lowest,
                        int32_t highest) {
  double value = double(rounded) + zeroPoint;
  return int64_t(std::clamp(value, double(lowest), double(highest)));
}

int64_t FloatScale::operator()(int64_t accumulator) const {
  float product = float(accumulator) * multiplier;
  return saturate(std::rint(product), zeroPoint, lowest, highest);
}

int64_t FixedScale::operator()(int64_t accumulator) const {
  int64_t round = int64_t(1) << (shift - 1);
  if (doubleRound && shift > 31)
    round += accumulator >= 0 ? int64_t(1) << 30 : -(int64_t(1) << 30);
  int64_t scaled = (accumulator * multiplier + round) >> shift;
  return std::clamp<int64_t>(scaled + zeroPoint, lowest, highest);
}

int64_t FloatAdd::operator()(int64_t lhs, int64_t rhs) const {
  float left = float(lhs - lhsZeroPoint) * lhsScale;
  float right = float(rhs - rhsZeroPoint) * rhsScale;
  float sum = left + right;
  float quotient = sum / scale;
  return saturate(std::rint(quotient), zeroPoint, lowest, highest);
}

} // namespace bitnn
