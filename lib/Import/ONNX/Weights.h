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
  /// The sum of the weights of each output.
  std::vector<int64_t> sums;
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

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_WEIGHTS_H
