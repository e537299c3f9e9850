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

/// The elements of `value`, in row-major order, if they are known: a constant
/// on tensors, or `memref.get_global` of a constant global. Looks through
/// reshapes, casts, and `linalg.transpose` on tensors.
mlir::FailureOr<llvm::SmallVector<int32_t>>
getConstantIntegers(mlir::Value value);

/// `weights` (outputs x any further dimensions) as a matrix with one row per
/// output; fails as getConstantIntegers does.
mlir::FailureOr<ConstantMatrix> getConstantMatrix(mlir::Value weights);

/// `values` as an attribute of `type`: dense up to 64 KB, a resource above it.
mlir::ElementsAttr getIntegerElements(mlir::ShapedType type,
                                      llvm::ArrayRef<int32_t> values);

/// The elements of a row-major tensor of the given shape after a transpose:
/// dimension `i` of the result is dimension `permutation[i]` of `values`.
llvm::SmallVector<int32_t> transpose(llvm::ArrayRef<int32_t> values,
                                     llvm::ArrayRef<int64_t> shape,
                                     llvm::ArrayRef<int64_t> permutation);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_CONSTANTS_H
