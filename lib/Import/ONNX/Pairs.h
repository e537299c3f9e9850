// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on two dequantized tensors.

#ifndef BITNN_LIB_IMPORT_ONNX_PAIRS_H
#define BITNN_LIB_IMPORT_ONNX_PAIRS_H

#include "NodeContext.h"

namespace bitnn::importer {

/// The float32 arithmetic of an operator on two operands, or null.
BinaryFunction getBinaryFunction(llvm::StringRef op);

/// Whether a tensor can be an operand: what was applied to it is one function.
bool canPair(const Dequantized &real);

/// The operator `op` on two tensors, broadcast to `shape`.
Pair makePair(NodeContext &node, llvm::StringRef op, const Dequantized &lhs,
              const Dequantized &rhs, Shape shape);

/// The larger or smaller of two tensors, as such an operator.
std::optional<Pair> getPair(const Parts &parts);

/// Its 8-bit values.
mlir::Value quantizePair(NodeContext &node, const Pair &pair, Quantization to);

/// A function of two i8 tensors that are broadcast to `shape`: a table of all
/// pairs of integers, as they are stored.
mlir::Value
emitPairLookup(mlir::OpBuilder &builder, mlir::Location loc,
               llvm::ArrayRef<mlir::Value> inputs,
               llvm::ArrayRef<int64_t> shape,
               llvm::function_ref<int64_t(int64_t, int64_t)> function);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_PAIRS_H
