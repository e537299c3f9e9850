// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing constant integers: the only place that knows how weights
// are stored (dense, splat, resource, global buffer).

#ifndef BITNN_DIALECT_BITNN_UTILS_CONSTANTS_H
#define BITNN_DIALECT_BITNN_UTILS_CONSTANTS_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace bitnn {

/// The elements of `attribute`, sign-extended, in row-major order. Fails unless
/// they are integers (or index) of at most 32 bits, in a dense attribute or in
/// a resource of exactly the type's size (elements below 8 bits take a byte
/// each).
mlir::FailureOr<llvm::SmallVector<int32_t>>
getConstantIntegers(mlir::Attribute attribute);

/// Constant integers seen through broadcasts, transposes and reshapes: element
/// `index` of a tensor of `shape` is values[sum_i index[i] * strides[i]].
struct ConstantView {
  llvm::SmallVector<int32_t> values;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides;

  /// The elements in row-major order.
  llvm::SmallVector<int32_t> flatten() const;
  /// Dimension `i` of the result is dimension `permutation[i]` of this view.
  ConstantView transpose(llvm::ArrayRef<int64_t> permutation) const;
};

/// The elements of `value`, if they are known: a constant, or
/// `memref.get_global` of a constant global, or what `linalg` operations that
/// only move data (fill, broadcast, transpose, generic), reshapes and casts
/// make of one.
mlir::FailureOr<ConstantView> getConstantView(mlir::Value value);

/// The elements of getConstantView(value) in row-major order.
mlir::FailureOr<llvm::SmallVector<int32_t>>
getConstantIntegers(mlir::Value value);

/// `weights` (outputs x any further dimensions) as a matrix with one row per
/// output; fails if they are not known.
mlir::FailureOr<ConstantMatrix> getConstantMatrix(mlir::Value weights);

/// `values` as an attribute of `type`: dense up to 64 KB, a resource above it.
mlir::ElementsAttr getIntegerElements(mlir::ShapedType type,
                                      llvm::ArrayRef<int32_t> values);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_CONSTANTS_H
