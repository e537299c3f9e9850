// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strides as algebra. Along an axis of stride s, a tap at offset o of a window
// reads s * y + o for output y: row y + floor(o / s) of phase o mod s, which is
// every s-th row of the image. With the phases as channels the convolution has
// stride 1.
//
// Columns may also be set apart: a tap at offset o then reads column y of phase
// o, the image from column o on. So a window has one column, and rows have no
// border: vectors begin where rows do.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_PHASES_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_PHASES_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include <array>

namespace bitnn {

/// Of rows and columns.
using Pair = std::array<int64_t, 2>;

/// A weight's place in its channel's window; its phase, and the row and column
/// of that phase which it reads for the first output.
struct Tap {
  int64_t index;
  Pair phase, position;
};

/// A convolution as a reader of phases.
struct PhaseReader {
  Conv2DOp op;
  llvm::SmallVector<int32_t> weights;
  /// The image without its padding, and the padding's value, if there is one.
  mlir::Value source;
  mlir::IntegerAttr padding;
  /// Of the weights that are not zero in all filters and channels.
  llvm::SmallVector<Tap> taps;
  /// Rows and columns of a phase that it reads, [lower, upper), and how many
  /// of them for one output.
  Pair lower = {}, upper = {}, window = {};

  /// Whether every column of the window has a phase of its own.
  bool columnsApart = false;
  /// Bits of the pixels that it reads.
  unsigned bits = 16;

  /// Fails if weights are not constant.
  static mlir::FailureOr<PhaseReader> get(Conv2DOp op,
                                          bool columnsApart = false);
  int64_t countPhases() const;
  /// Whether columns apart save more, in vectors of `lanes` pixels, than their
  /// copies cost; `plain` reads them together.
  bool paysToSetApart(const PhaseReader &plain, int64_t lanes) const;
};

/// The phases of one image, shared by all convolutions that read it with the
/// same strides.
struct PhaseImage {
  mlir::Value source;
  Pair strides;
  bool columnsApart;
  unsigned bits;
  mlir::IntegerAttr padding;
  /// Those that some reader reads, row by row.
  llvm::SmallVector<Pair> phases;
  Pair lower, upper;
  llvm::SmallVector<PhaseReader> readers;

  explicit PhaseImage(const PhaseReader &reader);
  /// Whether `reader` splits this image and pads it with the same value.
  bool suits(const PhaseReader &reader) const;
  void add(PhaseReader reader);

  /// Stores the phases, inside of their padding, before the first reader: batch
  /// x channel x phase x row x column.
  mlir::Value create() const;
  /// Turns `reader` into a convolution of `phases` of stride 1.
  void rewrite(const PhaseReader &reader, mlir::Value phases) const;

private:
  mlir::Value insertPhase(mlir::OpBuilder &builder, mlir::Value result,
                          int64_t phase) const;
};

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PHASES_H
