// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel a layer gets on a target.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELCHOICE_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELCHOICE_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/TargetInfo/TargetInfo.h"

namespace bitnn {

/// The target of the module around `op`, or an error that says how to name one.
mlir::FailureOr<TargetDescription> getModuleTarget(mlir::Operation *op);

/// Whether the image that `op` computes has enough pixels for vectors.
bool fillsVectors(Conv2DOp op);

/// Neighbouring pixels that a straight-line kernel of `op` computes at once:
/// the target's 16-bit lanes, or 1 where they would find too few pixels or
/// strides between them.
int64_t getVectorLanes(Conv2DOp op, const TargetDescription &target);

/// Bits of the lanes in which a straight-line kernel of `op` on vectors adds
/// pixels up, and of the pixels: 16, or 8 if bitnn-select-lanes said so.
unsigned getLaneBits(Conv2DOp op);

/// Vectors of output positions (rows x columns) of a kernel, whose rows of
/// `pitch` are joined where that takes fewer.
int64_t countVectors(std::array<int64_t, 2> outputs, int64_t pitch,
                     int64_t lanes);

/// Whether there is a kernel of `op` that multiplies vectors of pixels.
bool canMultiplyVectors(mlir::Operation *op, const TargetDescription &target);

/// The number of digits of the constant weights of a conv_2d or matmul.
mlir::FailureOr<int64_t> countLayerDigits(mlir::Operation *op);

/// Positions at which the weights of a conv_2d or matmul are applied.
int64_t countPositions(mlir::Operation *op);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELCHOICE_H
