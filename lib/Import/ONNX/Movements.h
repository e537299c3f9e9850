// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How operators that only move data are applied to whatever a tensor is.

#ifndef BITNN_LIB_IMPORT_ONNX_MOVEMENTS_H
#define BITNN_LIB_IMPORT_ONNX_MOVEMENTS_H

#include "NodeContext.h"

namespace bitnn::importer {

using Movements = llvm::SmallVector<Movement, 1>;
/// The movements, one after the other, that an operator makes of a tensor of
/// the given shape; fails with an error.
using Plan =
    llvm::function_ref<mlir::FailureOr<Movements>(llvm::ArrayRef<int64_t>)>;

/// What the node moves: its first operand, or another.
Result move(NodeContext &node, Plan plan);
Result move(NodeContext &node, const Operand &operand, Plan plan);

/// A constant after a movement, and one behind a DequantizeLinear.
TensorRef moveConstant(const Tensor &tensor, const Movement &movement);
mlir::FailureOr<QuantizedConstant> moveQuantized(NodeContext &node,
                                                 QuantizedConstant constant,
                                                 const Movement &movement);

/// Refuses results that are empty or too large. Whoever lists the elements of
/// a dimension asks before that.
mlir::LogicalResult checkShape(NodeContext &node, llvm::ArrayRef<int64_t> shape,
                               bool isConstant = false);

/// A reshape, as the only movement.
inline Movements reshape(NodeContext &node, Shape shape) {
  return {Movement{{}, std::move(shape), node.loc}};
}

/// The selection that keeps everything, to be narrowed.
Movement selectAll(NodeContext &node, llvm::ArrayRef<int64_t> shape);
/// Replaces the selection of one dimension.
void select(Movement &movement, unsigned axis, Shape indices);

/// An axis of a tensor of `rank` dimensions, counted from the end if negative.
mlir::FailureOr<int64_t> normalizeAxis(NodeContext &node, int64_t axis,
                                       int64_t rank);

/// Integers that are an attribute before `opset`, and a constant operand from
/// then on; nothing if the node has neither.
mlir::FailureOr<std::optional<Shape>> getIntegers(NodeContext &node,
                                                  llvm::StringRef attribute,
                                                  unsigned operand,
                                                  int64_t opset);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_MOVEMENTS_H
