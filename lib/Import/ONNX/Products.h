// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of rows and constant columns.

#ifndef BITNN_LIB_IMPORT_ONNX_PRODUCTS_H
#define BITNN_LIB_IMPORT_ONNX_PRODUCTS_H

#include "Weights.h"

namespace bitnn::importer {

/// `matrix`, .. x K, replaces the integers of `x`; the weights are K x N or,
/// transposed, N x K.
mlir::FailureOr<Accumulator>
multiplyRows(NodeContext &node, const Dequantized &x, mlir::Value matrix,
             const Operand &weightsOperand, const Operand &bias,
             bool transposeInput, bool transposeWeights);

/// The first six operands of an operator in QLinear form: input and weights.
mlir::FailureOr<std::pair<Operand, Operand>>
dequantizeOperands(NodeContext &node, int64_t weightsAxis);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_PRODUCTS_H
