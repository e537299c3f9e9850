// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few shapes of IR that operators are made of.

#ifndef BITNN_LIB_IMPORT_ONNX_EMIT_H
#define BITNN_LIB_IMPORT_ONNX_EMIT_H

#include "Values.h"
#include "mlir/IR/BuiltinTypes.h"

namespace bitnn::importer {

inline llvm::ArrayRef<int64_t> getShape(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

/// A constant tensor of integers of a bit width.
mlir::Value emitConstant(mlir::OpBuilder &builder, mlir::Location loc,
                         llvm::ArrayRef<int64_t> shape, unsigned bits,
                         llvm::ArrayRef<int32_t> values);

/// A tensor full of one integer.
mlir::Value emitFilled(mlir::OpBuilder &builder, mlir::Location loc,
                       llvm::ArrayRef<int64_t> shape, unsigned bits,
                       int64_t value);

/// The i32 tensor of `shape` that holds bias[i] where dimension 1 is i.
/// `bias` may be empty: zeros.
mlir::Value emitBias(mlir::OpBuilder &builder, mlir::Location loc,
                     llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<int64_t> bias);

/// Pads the last dimensions with an integer.
mlir::Value emitPad(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value image, llvm::ArrayRef<int64_t> before,
                    llvm::ArrayRef<int64_t> after, int64_t fill);

using EmitScalar = llvm::function_ref<mlir::Value(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// An i8 tensor, elementwise from tensors that are indexed by its last
/// dimensions.
mlir::Value emitElementwise(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::ValueRange inputs, unsigned resultBits,
                            EmitScalar emitScalar);

/// A tensor of `shape`, elementwise from tensors with indexing maps of their
/// own.
mlir::Value emitElementwise(mlir::OpBuilder &builder, mlir::Location loc,
                            llvm::ArrayRef<int64_t> shape,
                            mlir::ValueRange inputs,
                            llvm::ArrayRef<mlir::AffineMap> maps,
                            unsigned resultBits, EmitScalar emitScalar);

/// Where an operand of `from` is read for an element of `to`: aligned with the
/// last dimensions, extents of 1 repeated.
mlir::AffineMap getBroadcastMap(mlir::OpBuilder &builder,
                                llvm::ArrayRef<int64_t> from,
                                llvm::ArrayRef<int64_t> to);
/// The shape that two operands are broadcast to, if there is one.
std::optional<Shape> getBroadcastShape(llvm::ArrayRef<int64_t> lhs,
                                       llvm::ArrayRef<int64_t> rhs);

/// The element of an operand of shape `from` for an element of the result it is
/// broadcast to, both by their place in row-major order.
int64_t getBroadcastSource(llvm::ArrayRef<int64_t> from,
                           llvm::ArrayRef<int64_t> to, int64_t element);

/// In the body of an elementwise operation: an element of a constant vector at
/// the place that an i32 tells.
mlir::Value emitTableEntry(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value table, mlir::Value place);

/// A function of 8-bit values, by the 256 values of each channel.
mlir::Value emitLookup(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value value, llvm::ArrayRef<int32_t> table,
                       unsigned axis);

/// Between uint8 and the int8 that is 128 less.
mlir::Value emitRecentre(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value value);

mlir::Value emitReshape(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, llvm::ArrayRef<int64_t> shape);
mlir::Value emitMovement(mlir::OpBuilder &builder, mlir::Value value,
                         const Movement &movement);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_EMIT_H
