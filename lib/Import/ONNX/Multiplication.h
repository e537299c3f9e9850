// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of two variable integers, without multiplication.

#ifndef BITNN_LIB_IMPORT_ONNX_MULTIPLICATION_H
#define BITNN_LIB_IMPORT_ONNX_MULTIPLICATION_H

#include "Values.h"

namespace bitnn::importer {

/// An i8 tensor, and what is taken off its elements.
struct Factor {
  mlir::Value integers;
  int64_t zeroPoint;
};

/// The i32 products of two tensors that are broadcast to `shape`.
mlir::Value emitProduct(mlir::OpBuilder &builder, mlir::Location loc,
                        const Factor &lhs, const Factor &rhs,
                        llvm::ArrayRef<int64_t> shape);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_MULTIPLICATION_H
