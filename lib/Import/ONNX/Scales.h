// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parameters of a quantization: scales and zero points, per tensor or per
// entry of an axis.

#ifndef BITNN_LIB_IMPORT_ONNX_SCALES_H
#define BITNN_LIB_IMPORT_ONNX_SCALES_H

#include "NodeContext.h"

namespace bitnn::importer {

/// One scale, or one per entry of an axis.
mlir::FailureOr<std::vector<float>> getScales(NodeContext &node,
                                              const Operand &operand);

/// One zero point, or one per entry of an axis, of the type of the integers;
/// zero if the operand is left out.
mlir::FailureOr<std::vector<int64_t>>
getZeroPoints(NodeContext &node, const Operand &operand, ElementType type);

/// Whether there are several of them.
bool isPerAxis(const std::vector<float> &scales,
               const std::vector<int64_t> &zeroPoints);

/// The one quantization of an activation, as stored.
mlir::FailureOr<Quantization>
getPerTensor(NodeContext &node, const std::vector<float> &scales,
             const std::vector<int64_t> &zeroPoints, bool isUnsigned);

/// Checks the numbers of parameters against a shape; normalizes the axis.
mlir::FailureOr<int64_t> getAxis(NodeContext &node, size_t scales,
                                 size_t zeroPoints,
                                 llvm::ArrayRef<int64_t> shape, int64_t axis);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_SCALES_H
