// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums that convolutions are, whatever operator asks for them.

#ifndef BITNN_LIB_IMPORT_ONNX_CONVOLUTION_H
#define BITNN_LIB_IMPORT_ONNX_CONVOLUTION_H

#include "Weights.h"
#include "Windows.h"

namespace bitnn::importer {

/// The sum over windows of an image; the weights are F x C/groups x kernel.
/// `image` replaces the integers of `x`, spread or lifted; windows agree with
/// it. The result has the shape that the windows tell.
mlir::FailureOr<Accumulator>
makeConvolution(NodeContext &node, const Dequantized &x, mlir::Value image,
                Weights weights, const Windows &windows, int64_t groups,
                const Operand &bias);

/// A sum as ConvInteger and MatMulInteger give it: int32, with a scale of 1.
Result asIntegers(Result sum);
/// A constant scale of 1.
Operand makeUnitScale();

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_CONVOLUTION_H
