// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the kernels of the schedules share: private functions on flat buffers
// with running offsets, and the calls to them.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELBUILDER_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELBUILDER_H

#include "Layer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"

namespace bitnn {

/// Builds loops and accesses at one location.
struct KernelBuilder : mlir::ImplicitLocOpBuilder {
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;

  mlir::Value index(int64_t value);
  /// `offset` + `value`, or `offset` itself for 0.
  mlir::Value advance(mlir::Value offset, int64_t value);

  /// for (i = 0; i < count; i += step) body(i, offsets...), with each offset
  /// advanced by its increment after every iteration. `unroll` bodies follow
  /// each other in the code; no more iterations than that need no loop.
  void loop(int64_t count, int64_t step, mlir::ValueRange offsets,
            llvm::ArrayRef<int64_t> increments,
            llvm::function_ref<void(mlir::Value, mlir::ValueRange)> body,
            int64_t unroll = 1);

  /// The same with `values` that every iteration replaces:
  /// body(i, offsets, values) returns the next ones, and this the last ones.
  llvm::SmallVector<mlir::Value>
  fold(int64_t count, int64_t step, mlir::ValueRange offsets,
       llvm::ArrayRef<int64_t> increments, mlir::ValueRange values,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(
           mlir::Value, mlir::ValueRange, mlir::ValueRange)>
           body,
       int64_t unroll = 1);

  /// `count` neighbours as vectors of `lanes`, a power of two, in a loop, and
  /// what is left at the end as ever smaller vectors: nothing past it is
  /// touched. `steps` is what each offset advances from one to the next.
  /// body(offsets, at, lanes) is for the `lanes` neighbours that begin `at`
  /// ones after the offsets. Where the body may compute an element twice, the
  /// last vector overlaps others instead.
  void
  vectorLoop(int64_t count, int64_t lanes, mlir::ValueRange offsets,
             llvm::ArrayRef<int64_t> steps,
             llvm::function_ref<void(mlir::ValueRange, int64_t, int64_t)> body,
             int64_t unroll = 1, bool mayOverlap = false);
  /// How many vectors that are.
  static int64_t countVectors(int64_t count, int64_t lanes, bool mayOverlap);

  /// body(0), ..., body(count - 1): one after the other, or, in any order, as
  /// the cases of one scf.parallel.
  void cases(int64_t count, bool inAnyOrder,
             llvm::function_ref<void(int64_t)> body);

  /// A flat buffer from element `offset` on: constant indices into it become
  /// immediate offsets of loads and stores.
  mlir::Value viewAt(mlir::Value flat, mlir::Value offset);

  /// One element, or `lanes` neighbouring ones as a vector.
  mlir::Value load(mlir::Value view, int64_t index, int64_t lanes);
  void store(mlir::Value value, mlir::Value view, int64_t index);

  /// `value` as every lane of `type`.
  mlir::Value constant(mlir::Type type, int64_t value);
  /// Sign-extends or truncates the lanes of `value` to `bits`.
  mlir::Value resize(mlir::Value value, unsigned bits);
};

/// `type`, or a vector of `lanes` of it if lanes > 1.
mlir::Type getLaneType(mlir::Type type, int64_t lanes);

/// A buffer of the layer as a contiguous one-dimensional buffer that begins at
/// its allocation.
mlir::Value flatten(KernelBuilder &builder, const GridBuffer &buffer);

/// A private function without results in the module of `layer`; its body is
/// open at the returned builder's insertion point.
mlir::func::FuncOp createKernel(mlir::SymbolTable &symbols, const Layer &layer,
                                llvm::StringRef name,
                                mlir::TypeRange argumentTypes);

/// Rows of a layer's grid, so many at a time.
struct RowRange {
  int64_t first = 0, count = 1, step = 1;

  /// One of `pieces` of about equal size.
  RowRange getPiece(int64_t piece, int64_t pieces) const;
  int64_t numSteps() const { return count / step; }
};

/// Loops over images and rows of the grid around layer.op; `body` gets the
/// offset of every buffer.
void forEachRow(KernelBuilder &builder, const Layer &layer,
                llvm::ArrayRef<const GridBuffer *> buffers,
                const RowRange &rows,
                llvm::function_ref<void(mlir::ValueRange)> body);

/// Copies the operations of `block` that compute what it yields, on `lanes`
/// neighbours at once, and returns that. `mapping` has the values of the
/// block's arguments and of what is not to be copied; those that are no vectors
/// are the same in all lanes. Constants from outside need no mapping. Fails
/// with an error if an operation is not elementwise or reads another value.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
cloneOnLanes(KernelBuilder &builder, mlir::Block &block,
             mlir::IRMapping &mapping, int64_t lanes);

/// In how many pieces the rows of each of `blocks` blocks are to be worked on
/// where threads may share a layer.
int64_t countPieces(const RowRange &rows, int64_t blocks);

/// The most rows of a piece that leave as many pieces as there are to be.
int64_t countRowsOfPiece(int64_t rows, int64_t blocks);

/// Copies the layer's epilogue, for vectors if the accumulator is one: lanes
/// are positions with one channel, or positions' channels from `channel` on.
/// Without an epilogue the accumulator itself is stored. Fails with an error if
/// an operation of the epilogue is not elementwise.
enum class LaneKind { Positions, Channels };
mlir::FailureOr<mlir::Value>
applyEpilogue(KernelBuilder &builder, const Layer &layer,
              mlir::Value accumulator, mlir::Value channel,
              mlir::Value residual, LaneKind kind = LaneKind::Positions);

/// The kernels of one layer as straight-line code; replaces layer.op.
/// `vectorLanes` neighbouring 16-bit pixels form a vector; 1 is scalar code.
/// Vectors of 8-bit lanes have twice as many, of an image of 8-bit pixels.
struct StraightLineOptions {
  int64_t vectorLanes = 1;
  unsigned laneBits = 16;
  /// Outputs of a block, and registers: at least 2 more.
  unsigned accumulators = 12;
  unsigned registers = 14;
  unsigned maxAdds = 400;
  /// Whether sums that several digits use are computed once.
  bool share = true;
  /// What a shift costs, in adds.
  unsigned shiftCost = 1;
  std::optional<int64_t> reach;
  /// Whether the code multiplies, and LLVM's name of the machine's products of
  /// pairs of 16-bit numbers; empty if it has none.
  bool multiply = false;
  std::string pairProduct;
  /// Whether blocks of outputs and pieces of the image may be worked on at the
  /// same time, each with sums of its own.
  bool parallel = false;
};
struct KernelStatistics {
  int64_t codeBlocks = 0;
  /// Accumulator groups: code blocks per output block, at most.
  int64_t groups = 0;
  int64_t tableBytes = 0;
  /// Additions and subtractions of partial sums at one position, with those
  /// that join code blocks and the bias.
  int64_t addsPerPosition = 0;
  /// The same, had no sum been shared: one per digit.
  int64_t unsharedAddsPerPosition = 0;
  /// Adds of the layer as one adder graph, if they were counted.
  int64_t unboundedAddsPerPosition = 0;
};
mlir::FailureOr<KernelStatistics>
buildStraightLineKernels(mlir::SymbolTable &symbols, const Layer &layer,
                         llvm::StringRef name,
                         const StraightLineOptions &options);

/// The kernel of one layer as loops over digit tables; replaces layer.op.
mlir::FailureOr<KernelStatistics> buildTableKernel(mlir::SymbolTable &symbols,
                                                   const Layer &layer,
                                                   llvm::StringRef name,
                                                   bool parallel);

/// The kernel of one layer as lookups of sums: its matrix is an array of
/// indices into tables that are made of the inputs. Replaces layer.op.
struct LookupForm;
mlir::FailureOr<KernelStatistics> buildLookupKernel(mlir::SymbolTable &symbols,
                                                    const Layer &layer,
                                                    llvm::StringRef name,
                                                    const LookupForm &form,
                                                    int64_t epilogueLanes);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_KERNELBUILDER_H
