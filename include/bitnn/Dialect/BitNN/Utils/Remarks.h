// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a pass says what it did and what it declined.

#ifndef BITNN_DIALECT_BITNN_UTILS_REMARKS_H
#define BITNN_DIALECT_BITNN_UTILS_REMARKS_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Remarks.h"

namespace bitnn {

/// What keeps an operation as it is, and what a user can do about it.
struct Obstacle {
  std::string reason;
  std::string suggestion;
};

/// The options of a remark of `pass` about `op`: named after the operation,
/// within the function around it. `pass` must outlive the remark.
mlir::remark::RemarkOpts getRemarkOptions(mlir::Operation *op,
                                          llvm::StringRef pass);

/// Emits a missed remark with the obstacle's reason and suggestion.
void emitMissedRemark(mlir::Operation *op, llvm::StringRef pass,
                      const Obstacle &obstacle);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_REMARKS_H
