// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a layer as linalg operations on tensors.

#ifndef BITNN_DIALECT_BITNN_IR_DECOMPOSITION_H
#define BITNN_DIALECT_BITNN_IR_DECOMPOSITION_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"

namespace bitnn {

/// The bias of a conv_2d or matmul at every place of its accumulators, or
/// zeros.
mlir::Value createBiasTensor(mlir::OpBuilder &builder, mlir::Operation *layer);

/// The layer's epilogue as an elementwise linalg.generic on its accumulators;
/// these themselves if it has none.
mlir::Value createEpilogueGeneric(mlir::OpBuilder &builder,
                                  mlir::Operation *layer,
                                  mlir::Value accumulators);

/// Splits dimension `dim` of a tensor into groups x rest.
mlir::Value splitDim(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value value, int64_t dim, int64_t groups);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_IR_DECOMPOSITION_H
