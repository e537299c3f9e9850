// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A nest of loops in which the place of every operand is a sum of one term per
// loop: each loop carries one running offset per operand, and nothing is
// multiplied. Neighbouring elements become the lanes of vectors.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOPNEST_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOPNEST_H

#include "KernelBuilder.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace bitnn {

/// A buffer in a loop nest: its first element, and per loop the elements
/// between neighbouring iterations.
struct Walk {
  mlir::Value memref;
  int64_t base = 0;
  llvm::SmallVector<int64_t> steps;
};

struct NestLoop {
  int64_t count = 1;
  /// Whether its iterations may be computed in any order.
  bool isParallel = true;
  /// Whether its iterations accumulate in one element of every output.
  bool reduces = false;
  /// Which index the body asks for, if it does.
  std::optional<unsigned> index = std::nullopt;
};

/// How an output accumulates over the loops that reduce.
struct Combiner {
  mlir::vector::CombiningKind kind;
  /// The value that does not change the others.
  int64_t neutral;
};

struct LoopNest {
  llvm::SmallVector<NestLoop> loops;
  llvm::SmallVector<Walk> inputs, outputs;
  /// Whether the body reads what an output has been so far.
  bool readsOutputs = false;
  /// Of the only output, if it is known.
  std::optional<Combiner> combiner;
  /// Whether elements may be computed twice: no output is an input, too.
  bool mayOverlap = false;
  /// Lanes of the vectors that the body can be computed on.
  int64_t lanes = 1;
  /// How often the body may follow itself in the code, to save loops around
  /// little.
  int64_t unroll = 1;
  /// The loop whose iterations are the lanes; build() chooses it.
  std::optional<size_t> laneLoop;

  /// What one iteration, or `lanes` neighbouring ones, stores. Inputs that all
  /// lanes share are scalars. Indices nobody asks for are null.
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::ArrayRef<mlir::Value> indices, mlir::ValueRange inputs,
      mlir::ValueRange outputs, int64_t lanes)>;

  /// Brings the loops into the order in which they cost the least, and builds
  /// them.
  void build(KernelBuilder &builder, Body body);

private:
  void simplify();
  /// Fills in mayOverlap.
  void findOverlap();
  void chooseVectors();
};

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOPNEST_H
