// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of rows and constant columns.

#ifndef BITNN_LIB_IMPORT_ONNX_PRODUCTS_H
#define BITNN_LIB_IMPORT_ONNX_PRODUCTS_H

#include "Weights.h"

namespace bitnn::importer {

/// A product of a tensor and a constant matrix, which is its left operand or
/// its right one.
struct MatrixProduct {
  const Dequantized &x;
  Operand weights, bias;
  bool areWeightsLeft = false;
  /// Whether the last two dimensions are exchanged before they are multiplied.
  bool transposeX = false, transposeWeights = false;
};
mlir::FailureOr<Accumulator> multiplyMatrix(NodeContext &node,
                                            const MatrixProduct &product);

/// Products of x, .. x M x K, and a batch of constant K x N matrices, both
/// broadcast.
mlir::FailureOr<Accumulator> multiplyBatch(NodeContext &node,
                                           const Dequantized &x,
                                           const QuantizedConstant &given);

/// The movement that exchanges the last two dimensions, and a sum behind it.
Movement exchange(NodeContext &node, llvm::ArrayRef<int64_t> shape);
Accumulator exchangeSum(NodeContext &node, Accumulator sum);
/// A sum with `count` further dimensions of extent 1 in front.
Accumulator prependOnes(NodeContext &node, Accumulator sum, size_t count);

/// The first six operands of an operator in QLinear form: input and weights.
mlir::FailureOr<std::pair<Operand, Operand>>
dequantizeOperands(NodeContext &node, int64_t weightsAxis);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_PRODUCTS_H
