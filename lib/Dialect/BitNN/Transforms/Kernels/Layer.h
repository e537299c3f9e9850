// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels of all schedules need to know of one layer.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LAYER_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LAYER_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "bitnn/Arithmetic/Interval.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include <array>

namespace bitnn {

/// Dimensions of the grid of output positions.
enum GridDim { Batch, Row, Column };

/// A buffer as a kernel walks it: flat, with the steps between neighbouring
/// positions of the grid. All in elements.
struct GridBuffer {
  mlir::Value memref;
  int64_t base = 0;
  std::array<int64_t, 3> steps = {0, 0, 0};
  /// Between neighbouring channels of one position.
  int64_t channelStep = 0;
};

/// A conv_2d or a matmul as one constant matrix that is applied at every
/// position of a grid (batch x rows x columns); a matmul's rows are the columns
/// of the grid.
struct Layer {
  mlir::Operation *op = nullptr;
  /// Outputs x inputs. The inputs of a convolution are (channel, y, x) of its
  /// window, over all groups: a grouped convolution is block-diagonal.
  ConstantMatrix weights;
  /// One per output.
  llvm::SmallVector<int64_t> bias;
  Encoding encoding = Encoding::Csd;
  Interval inputRange;
  std::array<int64_t, 3> grid = {1, 1, 1};
  GridBuffer input, init, residual;
  /// Per input, its offset from the position's first element.
  llvm::SmallVector<int64_t> inputOffsets;
  mlir::Region *epilogue = nullptr;

  unsigned numOutputs() const { return weights.rows(); }
  int64_t numPositions() const { return grid[0] * grid[1] * grid[2]; }
  bool hasResidual() const { return bool(residual.memref); }
  mlir::Type getInputElementType() const;
  mlir::Type getStoredType() const;
};

/// Reads a conv_2d or matmul on tensors (as if they were contiguous) or on
/// buffers. Fails with an error at the operation if weights or bias are not
/// constant or a buffer has no static layout.
mlir::FailureOr<Layer> getLayer(mlir::Operation *op);

/// The matrix alone: outputs x inputs.
mlir::FailureOr<ConstantMatrix> getWeightMatrix(mlir::Operation *op);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LAYER_H
