// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images whose elements become wider or narrower.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_RESIZE_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_RESIZE_H

#include "mlir/IR/Builders.h"

namespace bitnn {

/// An elementwise generic that sign-extends or truncates its one input.
mlir::Value createResize(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value value, unsigned bits);

/// The input of a widening as createResize makes it.
mlir::Value matchWiden(mlir::Operation *op);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_RESIZE_H
