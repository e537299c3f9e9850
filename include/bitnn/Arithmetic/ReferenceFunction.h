// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a requantize or an addition means, evaluated. The attributes of the
// same names in the dialect are families of these.

#ifndef BITNN_ARITHMETIC_REFERENCEFUNCTION_H
#define BITNN_ARITHMETIC_REFERENCEFUNCTION_H

#include <cstdint>

namespace bitnn {

/// ONNX: clamp(rint(f32(accumulator) * multiplier) + zeroPoint), each step in
/// float32, ties to even. The multiplier is positive and finite.
struct FloatScale {
  float multiplier;
  int32_t zeroPoint;
  int32_t lowest, highest;

  int64_t operator()(int64_t accumulator) const;
};

/// TFLite and TOSA: clamp(((accumulator * multiplier + 2^(shift-1)) >> shift)
/// + zeroPoint), or with TOSA's double rounding. The accumulator has 32 bits,
/// the multiplier 31, the shift is in 2..62.
struct FixedScale {
  int32_t multiplier;
  unsigned shift;
  int32_t zeroPoint;
  int32_t lowest, highest;
  bool doubleRound = false;

  int64_t operator()(int64_t accumulator) const;
};

/// ONNX: clamp(rint((a' + b') / scale) + zeroPoint) with a' = (lhs -
/// lhsZeroPoint) * lhsScale and b' alike, each step in float32, ties to even.
struct FloatAdd {
  float lhsScale;
  int32_t lhsZeroPoint;
  float rhsScale;
  int32_t rhsZeroPoint;
  float scale;
  int32_t zeroPoint;
  int32_t lowest, highest;

  int64_t operator()(int64_t lhs, int64_t rhs) const;
};

} // namespace bitnn

#endif // BITNN_ARITHMETIC_REFERENCEFUNCTION_H
