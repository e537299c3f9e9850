// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partial sums of a block of outputs become stored values.

#include "StraightLine.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace bitnn;

namespace {
class EpilogueBuilder {
public:
  EpilogueBuilder(const StraightLineLayer &straight, const OutputBlock &block,
                  func::FuncOp function)
      : builder(straight.layer.op->getLoc(), function.getBody()),
        straight(straight), layer(straight.layer), tile(straight.tile),
        block(block) {
    ArrayRef<BlockArgument> arguments = function.getArguments();
    auto take = [&] { return arguments.consume_front(); };
    if (straight.wideSums)
      wideSums = take();
    if (straight.narrowSums)
      narrowSums = take();
    if (straight.packedValues)
      packed = take();
    stored = take();
    storedOffset = take();
    if (layer.hasResidual()) {
      residuals = take();
      residualOffset = take();
    }
  }

  LogicalResult build() {
    LogicalResult result = packed ? packRows() : storeRows();
    func::ReturnOp::create(builder);
    return result;
  }
  int64_t addsPerPosition = 0;

private:
  /// Where values go, in elements.
  struct Target {
    Value memref;
    int64_t firstOutput, outputStep, columnStep, rowStep;
  };
  Target getStored() const {
    return {stored, block.firstOutput * layer.init.channelStep,
            layer.init.channelStep, layer.init.steps[Column],
            layer.init.steps[Row]};
  }
  /// Neighbours in one or several rows.
  struct Positions {
    int64_t column, lanes, rows = 1;
  };
  Value load(Value view, int64_t at, const Positions &positions,
             int64_t rowStep, unsigned bits);
  void store(Value value, Value view, int64_t at, const Positions &positions,
             int64_t rowStep);
  SmallVector<SmallVector<unsigned>> joinNarrow(unsigned output) const;
  Value getSum(unsigned output, Value slot, const Positions &positions);
  Value add(Value sum, Value term) {
    ++addsPerPosition;
    return arith::AddIOp::create(builder, sum, term);
  }
  Value shiftLeft(Value value, unsigned shift) {
    if (shift == 0)
      return value;
    return arith::ShLIOp::create(builder, value,
                                 builder.constant(value.getType(), shift));
  }
  LogicalResult storeValues(const Target &target, ValueRange offsets,
                            const Positions &positions);
  LogicalResult storeRows();
  LogicalResult packRows();

  KernelBuilder builder;
  const StraightLineLayer &straight;
  const Layer &layer;
  const Tile &tile;
  const OutputBlock &block;
  Value stored, storedOffset, residuals, residualOffset, wideSums, narrowSums,
      packed;
};
} // namespace

/// One vector after the other in the lanes of one.
static Value concatenate(KernelBuilder &builder, ArrayRef<Value> vectors) {
  if (vectors.size() == 1)
    return vectors.front();
  size_t half = vectors.size() / 2;
  Value first = concatenate(builder, vectors.take_front(half));
  Value second = concatenate(builder, vectors.drop_front(half));
  int64_t lanes = 2 * cast<VectorType>(first.getType()).getNumElements();
  return vector::ShuffleOp::create(builder, first, second,
                                   llvm::to_vector(llvm::seq(lanes)));
}

/// The values at some positions, sign-extended to `bits` if these are more than
/// they have: before they are put together, where that is part of the load.
Value EpilogueBuilder::load(Value view, int64_t at, const Positions &positions,
                            int64_t rowStep, unsigned bits) {
  Type element = cast<MemRefType>(view.getType()).getElementType();
  bits = std::max(bits, element.getIntOrFloatBitWidth());
  auto loadRow = [&](int64_t row, int64_t lanes) {
    return builder.resize(builder.load(view, at + row * rowStep, lanes), bits);
  };
  if (rowStep == positions.lanes)
    return loadRow(0, positions.rows * positions.lanes);
  return concatenate(
      builder, llvm::map_to_vector(llvm::seq(positions.rows), [&](int64_t row) {
        return loadRow(row, positions.lanes);
      }));
}

void EpilogueBuilder::store(Value value, Value view, int64_t at,
                            const Positions &positions, int64_t rowStep) {
  if (positions.rows == 1 || rowStep == positions.lanes)
    return builder.store(value, view, at);
  for (int64_t row = 0; row < positions.rows; ++row) {
    auto lanes = llvm::to_vector(
        llvm::seq(row * positions.lanes, (row + 1) * positions.lanes));
    builder.store(vector::ShuffleOp::create(builder, value, value, lanes), view,
                  at + row * rowStep);
  }
}

/// The code blocks whose partial sums in narrow lanes are joined in 16 bits, as
/// far as these hold them, those of high planes first.
SmallVector<SmallVector<unsigned>>
EpilogueBuilder::joinNarrow(unsigned output) const {
  SmallVector<unsigned> windows;
  for (auto [window, code] : llvm::enumerate(block.codeBlocks))
    if (isNarrow(code) && hasDigits(code, output))
      windows.push_back(window);
  llvm::stable_sort(windows, [&](unsigned a, unsigned b) {
    return block.codeBlocks[a].shifts[output] >
           block.codeBlocks[b].shifts[output];
  });
  SmallVector<SmallVector<unsigned>> joins;
  Interval joined;
  for (unsigned window : windows) {
    const CodeBlock &code = block.codeBlocks[window];
    Interval interval = code.intervals[output];
    if (!joins.empty()) {
      unsigned last = block.codeBlocks[joins.back().back()].shifts[output];
      Interval sum = (joined << (last - code.shifts[output])) + interval;
      if (sum.fitsSigned(16)) {
        joins.back().push_back(window);
        joined = sum;
        continue;
      }
    }
    joins.push_back({window});
    joined = interval;
  }
  return joins;
}

/// bias + sum_w (partial sum of code block w) << shift_w, in 32 bits.
Value EpilogueBuilder::getSum(unsigned output, Value slot,
                              const Positions &positions) {
  auto loadSums = [&](Value sums, unsigned window, unsigned bits) {
    int64_t place = straight.getSlice(block, window, output);
    return load(builder.viewAt(sums, slot),
                place + positions.column * tile.slotStep, positions,
                tile.slotsPerRow(), bits);
  };
  auto getShift = [&](unsigned window) {
    return block.codeBlocks[window].shifts[output];
  };
  Value sum;
  auto accumulate = [&](Value term) { sum = sum ? add(sum, term) : term; };
  auto firstWide = llvm::find_if_not(block.codeBlocks, isNarrow);
  bool hasWide = firstWide != block.codeBlocks.end();
  if (hasWide)
    accumulate(loadSums(wideSums, firstWide - block.codeBlocks.begin(), 32));
  for (ArrayRef<unsigned> windows : joinNarrow(output)) {
    // (sum << (s - t)) + next, for planes s and t
    unsigned bits = windows.size() > 1 ? 16 : 32;
    Value joined = loadSums(narrowSums, windows.front(), bits);
    for (auto [last, window] : llvm::zip(windows, windows.drop_front()))
      joined = add(shiftLeft(joined, getShift(last) - getShift(window)),
                   loadSums(narrowSums, window, bits));
    accumulate(shiftLeft(builder.resize(joined, 32), getShift(windows.back())));
  }
  // 32-bit sums have the bias in them.
  int64_t bias = hasWide ? 0 : straight.getBias(block, output);
  if (!sum || bias != 0) {
    int64_t lanes = positions.rows * positions.lanes;
    accumulate(
        builder.constant(getLaneType(builder.getI32Type(), lanes), bias));
  }
  return sum;
}

/// Turns the sums of some positions into values. `offsets` are those of the
/// slot, of `target` and of the residual.
LogicalResult EpilogueBuilder::storeValues(const Target &target,
                                           ValueRange offsets,
                                           const Positions &positions) {
  addsPerPosition = 0;
  Value values = builder.viewAt(target.memref, offsets[1]);
  Value source = residuals ? builder.viewAt(residuals, offsets[2]) : Value();
  for (unsigned output = 0; output < block.numOutputs; ++output) {
    int64_t channel = block.firstOutput + output;
    Value sum = getSum(output, offsets[0], positions);
    Value residual;
    if (residuals)
      residual = load(source,
                      channel * layer.residual.channelStep +
                          positions.column * layer.residual.steps[Column],
                      positions, layer.residual.steps[Row], /*bits=*/0);
    FailureOr<Value> value =
        applyEpilogue(builder, layer, sum, builder.index(channel), residual);
    if (failed(value))
      return failure();
    store(*value, values,
          target.firstOutput + output * target.outputStep +
              positions.column * target.columnStep,
          positions, target.rowStep);
  }
  return success();
}

/// The values of all rows, where they belong.
LogicalResult EpilogueBuilder::storeRows() {
  Target target = getStored();
  SmallVector<Value> starts = {builder.index(0), storedOffset};
  SmallVector<int64_t> rowSteps = {tile.slotsPerRow(), layer.init.steps[Row]};
  SmallVector<int64_t> columnSteps = {tile.slotStep, target.columnStep};
  if (residuals) {
    starts.push_back(residualOffset);
    rowSteps.push_back(layer.residual.steps[Row]);
    columnSteps.push_back(layer.residual.steps[Column]);
  }
  int64_t lanes = straight.epilogueLanes(), joined = straight.joinedRows();
  // Rows without a gap in any buffer are one row.
  int64_t rows = tile.storedRows, columns = tile.storedColumns;
  if (lanes > 1 && llvm::all_equal(rowSteps) && rowSteps[0] == columns) {
    columns *= std::exchange(rows, 1);
    joined = 1;
  }
  LogicalResult result = success();
  auto storeAt = [&](ValueRange offsets, const Positions &positions) {
    if (succeeded(result))
      result = storeValues(target, offsets, positions);
  };
  builder.vectorLoop(
      rows, joined, starts, rowSteps,
      [&](ValueRange offsets, int64_t at, int64_t count) {
        SmallVector<Value> row;
        for (auto [offset, step] : llvm::zip_equal(offsets, rowSteps))
          row.push_back(builder.advance(offset, step * at));
        builder.vectorLoop(
            columns, lanes / joined, row, columnSteps,
            [&](ValueRange inner, int64_t column, int64_t piece) {
              storeAt(inner, {column, piece, count});
            });
      });
  return result;
}

/// The values of whole vectors, those of slots between rows among them, next
/// to each other; then the rows of them to where they belong.
LogicalResult EpilogueBuilder::packRows() {
  Target values = {packed, /*firstOutput=*/0, tile.outputStep,
                   /*columnStep=*/1, /*rowStep=*/0};
  SmallVector<Value> zeros(2, builder.index(0));
  LogicalResult result = success();
  int64_t slots = llvm::alignTo(tile.columns, straight.options.vectorLanes);
  builder.vectorLoop(slots, straight.epilogueLanes(), zeros, {1, 1},
                     [&](ValueRange offsets, int64_t at, int64_t lanes) {
                       if (succeeded(result))
                         result = storeValues(values, offsets, {at, lanes});
                     });
  Target target = getStored();
  SmallVector<Value> starts = {builder.index(0), storedOffset};
  builder.loop(
      tile.storedRows, 1, starts, {tile.slotsPerRow(), layer.init.steps[Row]},
      [&](Value, ValueRange row) {
        builder.vectorLoop(
            tile.storedColumns, tile.lanes, row, {1, 1},
            [&](ValueRange offsets, int64_t at, int64_t piece) {
              Value from = builder.viewAt(packed, offsets[0]);
              Value to = builder.viewAt(target.memref, offsets[1]);
              for (unsigned output = 0; output < block.numOutputs; ++output)
                builder.store(
                    builder.load(from, output * tile.outputStep + at, piece),
                    to, target.firstOutput + output * target.outputStep + at);
            });
      });
  return result;
}

FailureOr<func::FuncOp>
bitnn::buildEpilogue(SymbolTable &symbols, const StraightLineLayer &straight,
                     const OutputBlock &block, StringRef name,
                     TypeRange argumentTypes, KernelStatistics &statistics) {
  func::FuncOp function =
      createKernel(symbols, straight.layer, name, argumentTypes);
  EpilogueBuilder builder(straight, block, function);
  if (failed(builder.build()))
    return failure();
  statistics.addsPerPosition += builder.addsPerPosition;
  statistics.unsharedAddsPerPosition += builder.addsPerPosition;
  return function;
}
