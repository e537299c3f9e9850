// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partial sums of a block of outputs become stored values.

#include "StraightLine.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
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
  /// Twice the lanes of 16 bits are the lanes of what is stored: constants are
  /// loaded, and vectors packed, half as often.
  static constexpr int64_t kVectors = 2;

  /// Where values go, in elements.
  struct Target {
    Value memref;
    int64_t firstOutput, outputStep, columnStep;
  };
  Target getStored() const {
    return {stored, block.firstOutput * layer.init.channelStep,
            layer.init.channelStep, layer.init.steps[Column]};
  }
  Value getSum(unsigned output, Value slot, int64_t column, int64_t lanes);
  LogicalResult storeValues(const Target &target, ValueRange offsets,
                            int64_t column, int64_t lanes);
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

/// bias + sum_w (partial sum of code block w) << shift_w, in 32 bits.
Value EpilogueBuilder::getSum(unsigned output, Value slot, int64_t column,
                              int64_t lanes) {
  Type type = getLaneType(builder.getI32Type(), lanes);
  int64_t adds = 0;
  Value sum;
  auto add = [&](Value term) {
    sum = sum ? arith::AddIOp::create(builder, sum, term).getResult() : term;
    ++adds;
  };
  auto load = [&](Value sums, unsigned window) {
    int64_t place = straight.getSlice(block, window, output);
    return builder.load(builder.viewAt(sums, slot),
                        place + column * tile.slotStep, lanes);
  };
  bool hasWide = false;
  for (auto [window, code] : llvm::enumerate(block.codeBlocks)) {
    if (!isNarrow(code)) {
      if (!std::exchange(hasWide, true))
        add(load(wideSums, window));
      continue;
    }
    if (!hasDigits(code, output))
      continue;
    Value term = builder.resize(load(narrowSums, window), 32);
    if (code.shift != 0)
      term = arith::ShLIOp::create(builder, term,
                                   builder.constant(type, code.shift));
    add(term);
  }
  // 32-bit sums have the bias in them.
  int64_t bias = hasWide ? 0 : straight.getBias(block, output);
  if (!sum || bias != 0)
    add(builder.constant(type, bias));
  addsPerPosition += adds - 1;
  return sum;
}

/// Turns the sums of `lanes` positions into values. `offsets` are those of the
/// slot, of `target` and of the residual.
LogicalResult EpilogueBuilder::storeValues(const Target &target,
                                           ValueRange offsets, int64_t column,
                                           int64_t lanes) {
  addsPerPosition = 0;
  Value values = builder.viewAt(target.memref, offsets[1]);
  Value source = residuals ? builder.viewAt(residuals, offsets[2]) : Value();
  for (unsigned output = 0; output < block.numOutputs; ++output) {
    int64_t channel = block.firstOutput + output;
    Value sum = getSum(output, offsets[0], column, lanes);
    Value residual;
    if (residuals)
      residual = builder.load(source,
                              channel * layer.residual.channelStep +
                                  column * layer.residual.steps[Column],
                              lanes);
    FailureOr<Value> value =
        applyEpilogue(builder, layer, sum, builder.index(channel), residual);
    if (failed(value))
      return failure();
    builder.store(*value, values,
                  target.firstOutput + output * target.outputStep +
                      column * target.columnStep);
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
  // Vectors need neighbouring pixels to be neighbours in memory.
  bool contiguous = llvm::all_equal(columnSteps) && columnSteps[0] == 1;
  int64_t lanes = contiguous && tile.lanes > 1 ? kVectors * tile.lanes : 1;
  // Rows without a gap in any buffer are one row.
  int64_t rows = tile.storedRows, columns = tile.storedColumns;
  if (contiguous && llvm::all_equal(rowSteps) && rowSteps[0] == columns)
    columns *= std::exchange(rows, 1);
  LogicalResult result = success();
  builder.loop(rows, 1, starts, rowSteps, [&](Value, ValueRange row) {
    builder.vectorLoop(columns, lanes, row, columnSteps,
                       [&](ValueRange offsets, int64_t at, int64_t piece) {
                         if (succeeded(result))
                           result = storeValues(target, offsets, at, piece);
                       });
  });
  return result;
}

/// The values of whole vectors, those of slots between rows among them, next
/// to each other; then the rows of them to where they belong.
LogicalResult EpilogueBuilder::packRows() {
  Target values = {packed, /*firstOutput=*/0, tile.outputStep,
                   /*columnStep=*/1};
  SmallVector<Value> zeros(2, builder.index(0));
  LogicalResult result = success();
  builder.vectorLoop(tile.slots, kVectors * tile.lanes, zeros, {1, 1},
                     [&](ValueRange offsets, int64_t at, int64_t lanes) {
                       if (succeeded(result))
                         result = storeValues(values, offsets, at, lanes);
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
