// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognizing convolutions and matrix products among linalg operations, named
// or generic, in any layout: by their body and their indexing maps.

#ifndef BITNN_DIALECT_BITNN_UTILS_MULTIPLYACCUMULATE_H
#define BITNN_DIALECT_BITNN_UTILS_MULTIPLYACCUMULATE_H

#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <variant>

namespace bitnn {

/// Whether `op` sums products: the only linalg operations that multiply two
/// tensors.
bool isMultiplyAccumulate(mlir::linalg::LinalgOp op);

/// One convolved dimension: input position = image * stride + kernel *
/// dilation. `image` and `kernel` are loops, `position` is the dimension of
/// the input.
struct Window {
  unsigned image, kernel, position;
  int64_t stride, dilation;
};

/// `out += (input - inputZeroPoint) * (weights - weightsZeroPoint)` in i32,
/// with the roles of the loops. There are no windows in a matrix product,
/// whose rows are the batch, and two in a convolution.
struct MultiplyAccumulate {
  mlir::OpOperand *input, *weights;
  int64_t inputZeroPoint, weightsZeroPoint;
  std::optional<unsigned> batch, group, output, reduction;
  llvm::SmallVector<Window, 2> windows;
};

/// Recognizes `op`, which isMultiplyAccumulate, or says what it is instead.
std::variant<MultiplyAccumulate, Obstacle>
matchMultiplyAccumulate(mlir::linalg::LinalgOp op);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_MULTIPLYACCUMULATE_H
