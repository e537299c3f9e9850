// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic on scalars and on vectors alike.

#ifndef BITNN_LIB_CONVERSION_BITNNTOARITH_LANEBUILDER_H
#define BITNN_LIB_CONVERSION_BITNNTOARITH_LANEBUILDER_H

#include "bitnn/Arithmetic/RequantizePlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace bitnn {

/// Builds at one location. Operands of one operation have one type, a scalar or
/// a vector of rank 1.
struct LaneBuilder : mlir::ImplicitLocOpBuilder {
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  /// The type of `lanes` with elements of `bits` bits.
  mlir::Type getLaneType(mlir::Type lanes, unsigned bits);

  /// `value` modulo 2^width in every lane.
  mlir::Value constant(mlir::Type type, int64_t value);
  /// A scalar in every lane of `type`; `scalar` itself if that is its type.
  mlir::Value splat(mlir::Type type, mlir::Value scalar);
  /// Sign-extends or truncates the lanes.
  mlir::Value resize(mlir::Value value, unsigned bits);

  // Zeros are dropped.
  mlir::Value add(mlir::Value value, int64_t constant);
  mlir::Value shiftLeft(mlir::Value value, unsigned amount);
  mlir::Value shiftRight(mlir::Value value, unsigned amount);
  mlir::Value atLeast(mlir::Value value, int64_t bound);
  mlir::Value atMost(mlir::Value value, int64_t bound);
  /// `sum` +- `term`, or the term alone if there is no sum yet.
  mlir::Value accumulate(mlir::Value sum, mlir::Value term, bool negative);

  /// value * factor, by its digits. factor != 0.
  mlir::Value multiplyByDigits(mlir::Value value, int64_t factor);
  /// The sum of a plan, so that shifting it to the right gives its result.
  mlir::Value lift(mlir::Value sum, const Rounding &rounding);
  /// The sum of a plan as its result.
  mlir::Value round(mlir::Value sum, const Rounding &rounding) {
    return shiftRight(lift(sum, rounding), rounding.shift);
  }

  /// Applies `scalar` to the elements of `values` at each lane; `type` is the
  /// type of the result.
  mlir::Value
  forEachLane(mlir::Type type, mlir::ValueRange values,
              llvm::function_ref<mlir::Value(mlir::ValueRange)> scalar);
};

} // namespace bitnn

#endif // BITNN_LIB_CONVERSION_BITNNTOARITH_LANEBUILDER_H
