// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the functions of one straight-line layer share.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_STRAIGHTLINE_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_STRAIGHTLINE_H

#include "KernelBuilder.h"
#include "Tile.h"
#include "bitnn/Arithmetic/Partition.h"

namespace bitnn {

/// A layer cut into code blocks, and where their partial sums wait for the
/// epilogue: those in 32-bit lanes are added up in memory, from one code block
/// to the next. Those in narrow lanes are stored as they are, one slice of the
/// tile per code block; the epilogue widens and adds them.
struct StraightLineLayer {
  StraightLineLayer(const Layer &layer, const StraightLineOptions &options);

  const Layer &layer;
  const StraightLineOptions &options;
  Partition partition;
  Tile tile;
  /// The buffers of one tile; null if no code block has such lanes.
  mlir::MemRefType wideSums, narrowSums;
  /// The values of one tile, next to each other, if short rows are cut from
  /// them; null if rows are stored as they are computed.
  mlir::MemRefType packedValues;

  /// Lanes that the epilogue works on at once, twice those of sums: constants
  /// are loaded, and vectors packed, half as often. 1 if it is scalar.
  int64_t epilogueLanes() const;
  /// Rows of which it takes as many neighbours to fill these lanes; 1 if a row
  /// fills them itself, or does not suit.
  int64_t joinedRows() const;
  bool packsRows() const;
  /// What the partial sums of an output are added to.
  int64_t getBias(const OutputBlock &block, unsigned output) const;
  /// The first element of an output's partial sums of code block `window`.
  int64_t getSlice(const OutputBlock &block, unsigned window,
                   unsigned output) const;
  /// Loops over the vectors of a tile; `body` gets the offset of the input,
  /// from `start` on, and of the sums.
  void forEachVector(
      KernelBuilder &builder, mlir::Value start,
      llvm::function_ref<void(mlir::Value, mlir::ValueRange)> body) const;
};

inline bool isNarrow(const CodeBlock &code) { return code.laneBits < 32; }

/// Whether the code block has digits of the output; if it has not, narrow
/// partial sums are not stored.
bool hasDigits(const CodeBlock &code, unsigned output);

/// func(input, offset, sums): the partial sums of one code block over a tile.
mlir::FailureOr<mlir::func::FuncOp>
buildCodeBlock(mlir::SymbolTable &symbols, const StraightLineLayer &straight,
               const OutputBlock &block, unsigned window, llvm::StringRef name,
               mlir::Type inputType, KernelStatistics &statistics);

/// The same by multiplications, of all inputs of the block.
mlir::func::FuncOp buildDotBlock(mlir::SymbolTable &symbols,
                                 const StraightLineLayer &straight,
                                 const OutputBlock &block, llvm::StringRef name,
                                 mlir::Type inputType,
                                 KernelStatistics &statistics);

/// func(sums...[, packed], stored, offset[, residual, offset]): the stored
/// values of a block's outputs over a tile. Rows are cut into vectors and, at
/// their end, smaller vectors: nothing past a row is written.
mlir::FailureOr<mlir::func::FuncOp>
buildEpilogue(mlir::SymbolTable &symbols, const StraightLineLayer &straight,
              const OutputBlock &block, llvm::StringRef name,
              mlir::TypeRange argumentTypes, KernelStatistics &statistics);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_STRAIGHTLINE_H
