// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of layers, their zero points taken off.

#ifndef BITNN_LIB_IMPORT_ONNX_WEIGHTS_H
#define BITNN_LIB_IMPORT_ONNX_WEIGHTS_H

#include "NodeContext.h"

namespace bitnn::importer {

struct Weights {
  Shape shape;
  /// weight - zero point: in int8, or else in int16.
  std::vector<int32_t> values;
  unsigned bits;
  /// One, or one per output.
  std::vector<float> scales;
  /// The sum of the weights of each output, and that of their sizes.
  std::vector<int64_t> sums, sizes;

  /// Multiplies the weights of each output by 1, 0 or -1.
  void applySigns(llvm::ArrayRef<int64_t> signs, unsigned outputAxis);
};

/// Reads a layer's weights; `outputAxis` is the dimension of the outputs, the
/// only one along which scales may vary.
mlir::FailureOr<Weights> getWeights(NodeContext &node, const Operand &operand,
                                    unsigned rank, unsigned outputAxis);

/// A sum with the given shape, scales and zero points folded into its bias;
/// `emit` is still to be set.
mlir::FailureOr<Accumulator>
makeLayer(NodeContext &node, const Dequantized &input, const Weights &weights,
          Shape shape, unsigned channelAxis, const Operand &bias);

/// gain * sum + offset, with one number or one per channel each, as another
/// sum: the gain goes into the scale and the signs of the weights, the offset
/// is rounded to the bias. The sum is an untouched layer.
mlir::FailureOr<Accumulator> foldAffine(NodeContext &node,
                                        const Accumulator &sum,
                                        llvm::ArrayRef<float> gain,
                                        llvm::ArrayRef<double> offset);

/// The same of a node with a layer and a constant operand, if that is what it
/// computes.
std::optional<Result> foldConstant(NodeContext &node, const Operand &lhs,
                                   const Operand &rhs);

/// A sum plus a constant int32 tensor in its unit, or a float32 one that is
/// rounded to it.
mlir::FailureOr<Accumulator>
addTensor(NodeContext &node, const Accumulator &sum, const Tensor &constant);

/// A sum plus or minus a dequantized tensor, or a constant of several numbers,
/// as one sum, if that is what the node computes.
std::optional<Result> addResidual(NodeContext &node, const Operand &lhs,
                                  const Operand &rhs);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_WEIGHTS_H
