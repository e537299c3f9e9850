// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights as the instruction stream. A layer is partitioned into code blocks;
// each is one private function that loops over all positions of a tile, so its
// code stays in the instruction cache, and adds its partial sums to 32-bit
// accumulators in memory. One more function per block of outputs turns these
// into stored values.

#include "KernelBuilder.h"
#include "ProgramBody.h"
#include "bitnn/Arithmetic/CodeSharing.h"
#include "bitnn/Arithmetic/Partition.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace bitnn;

namespace {

/// How one call walks positions, and where their accumulators are. Slots are
/// positions including those that only fill up vectors.
struct Tile {
  int64_t lanes = 1;
  /// Loops of a code block: rows of slots, each a multiple of `lanes` walked.
  int64_t rows = 1, columns = 1;
  /// Rows of positions that the epilogue stores, and slots between them.
  int64_t storedRows = 1, storedColumns = 1, slotsPerStoredRow = 0;
  int64_t slots = 0;
  /// Elements of the accumulator buffer between slots and between outputs.
  int64_t slotStep = 1, outputStep = 1;

  /// The tile of a scalar kernel is one row of the grid.
  static Tile scalar(const Layer &layer, unsigned outputs) {
    Tile tile;
    tile.columns = tile.storedColumns = tile.slots = layer.grid[Column];
    tile.slotsPerStoredRow = tile.slots;
    tile.slotStep = outputs;
    return tile;
  }

  /// The tile of a vector kernel is a whole image. With stride 1 its rows may
  /// be joined: the lanes between two rows compute values nobody stores.
  static Tile vector(const Layer &layer, int64_t lanes) {
    Tile tile;
    tile.lanes = lanes;
    tile.storedRows = layer.grid[Row];
    tile.storedColumns = layer.grid[Column];
    int64_t perRow = llvm::divideCeil(layer.grid[Column], lanes);
    int64_t pitch = layer.input.steps[Row];
    int64_t joined = (layer.grid[Row] - 1) * pitch + layer.grid[Column];
    bool join = layer.input.steps[Column] == 1 && pitch >= layer.grid[Column] &&
                llvm::divideCeil(joined, lanes) <
                    static_cast<uint64_t>(layer.grid[Row] * perRow);
    if (join) {
      tile.columns = joined;
      tile.slotsPerStoredRow = pitch;
      tile.slots = llvm::alignTo(joined, lanes);
    } else {
      tile.rows = layer.grid[Row];
      tile.columns = layer.grid[Column];
      tile.slotsPerStoredRow = perRow * lanes;
      tile.slots = tile.rows * tile.slotsPerStoredRow;
    }
    tile.outputStep = tile.slots;
    return tile;
  }
};

class StraightLineBuilder {
public:
  StraightLineBuilder(SymbolTable &symbols, const Layer &layer, StringRef name,
                      const StraightLineOptions &options)
      : symbols(symbols), layer(layer), name(name), options(options) {
    PartitionOptions partitionOptions;
    partitionOptions.encoding = layer.encoding;
    partitionOptions.accumulators = options.accumulators;
    partitionOptions.maxAdds = options.maxAdds;
    partitionOptions.laneBits = options.vectorLanes > 1 ? 16 : 32;
    partitionOptions.inputInterval = layer.inputRange;
    partitionOptions.inputOffsets = layer.inputOffsets;
    partitionOptions.reach = options.reach;
    partition = Partition::compute(layer.weights, partitionOptions);
    unsigned outputs = std::min(options.accumulators, layer.numOutputs());
    tile = options.vectorLanes > 1 ? Tile::vector(layer, options.vectorLanes)
                                   : Tile::scalar(layer, outputs);
    accumulatorType = MemRefType::get(
        {tile.slots * outputs}, IntegerType::get(layer.op->getContext(), 32));
  }

  LogicalResult build(KernelStatistics &statistics);

private:
  FailureOr<LinearProgram> getProgram(const CodeBlock &code, StringRef kernel);
  FailureOr<func::FuncOp> buildCodeBlock(const OutputBlock &block,
                                         unsigned window, StringRef kernel,
                                         Type inputType,
                                         KernelStatistics &statistics);
  FailureOr<func::FuncOp> buildEpilogue(const OutputBlock &block,
                                        StringRef kernel, Type storedType,
                                        Type residualType);

  Value loadInput(KernelBuilder &builder, Value view, int64_t offset);
  LogicalResult storePositions(KernelBuilder &builder, const OutputBlock &block,
                               func::FuncOp function, ValueRange offsets,
                               int64_t column, int64_t lanes);

  SymbolTable &symbols;
  const Layer &layer;
  StringRef name;
  const StraightLineOptions &options;
  Partition partition;
  Tile tile;
  MemRefType accumulatorType;
};

/// One input at `lanes` neighbouring positions.
Value StraightLineBuilder::loadInput(KernelBuilder &builder, Value view,
                                     int64_t offset) {
  int64_t step = layer.input.steps[Column];
  if (tile.lanes == 1 || step == 1)
    return builder.load(view, offset, tile.lanes);
  Value wide = builder.load(view, offset, tile.lanes * step);
  SmallVector<int64_t> lanes;
  for (int64_t lane = 0; lane < tile.lanes; ++lane)
    lanes.push_back(lane * step);
  return vector::ShuffleOp::create(builder, wide, wide, lanes);
}

/// The code block as a program that the registers hold, proved to compute its
/// part of the weights.
FailureOr<LinearProgram> StraightLineBuilder::getProgram(const CodeBlock &code,
                                                         StringRef kernel) {
  unsigned temporaries = options.registers - code.matrix.rows();
  AdderGraph graph =
      options.share
          ? shareInCode(code.matrix,
                        {layer.encoding, temporaries, options.shiftCost})
          : AdderGraph::fromMatrix(code.matrix,
                                   {layer.encoding, /*accumulate=*/true});
  auto fail = [&](llvm::Error error) {
    return layer.op->emitOpError("internal error in code block '")
           << kernel << "': " << llvm::toString(std::move(error))
           << "; please report it, and compile with sharing off until then";
  };
  if (llvm::Error error = graph.verifyEquals(code.matrix))
    return fail(std::move(error));
  llvm::Expected<LinearProgram> program =
      LinearProgram::fromGraph(graph, options.registers);
  if (!program)
    return fail(program.takeError());
  return std::move(*program);
}

/// The additions of partial sums that one position executes.
int64_t countAdds(func::FuncOp codeBlock) {
  int64_t adds = 0;
  codeBlock.walk([&](Operation *op) {
    adds += isa<arith::AddIOp, arith::SubIOp>(op) &&
            !op->getResult(0).getType().isIndex();
  });
  return adds;
}

/// func(input, input offset, accumulators): one code block over a tile.
FailureOr<func::FuncOp>
StraightLineBuilder::buildCodeBlock(const OutputBlock &block, unsigned window,
                                    StringRef kernel, Type inputType,
                                    KernelStatistics &statistics) {
  // A block of zeros still has its bias.
  CodeBlock zero;
  zero.matrix = ConstantMatrix(block.numOutputs, 0);
  const CodeBlock &code =
      block.codeBlocks.empty() ? zero : block.codeBlocks[window];
  FailureOr<LinearProgram> program = getProgram(code, kernel);
  if (failed(program))
    return failure();

  auto indexType = IndexType::get(layer.op->getContext());
  func::FuncOp function = createKernel(symbols, layer, kernel,
                                       {inputType, indexType, accumulatorType});
  auto noalias = LLVM::LLVMDialect::getNoAliasAttrName();
  for (unsigned argument : {0, 2})
    function.setArgAttr(argument, noalias,
                        UnitAttr::get(layer.op->getContext()));
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  Value input = function.getArgument(0), accumulators = function.getArgument(2);

  int64_t firstOffset =
      code.inputs.empty() ? 0 : layer.inputOffsets[code.inputs.front()];
  auto walk = [&](Value inputOffset, Value slotOffset) {
    Value view = builder.viewAt(input, inputOffset);
    Value sums = builder.viewAt(accumulators, slotOffset);
    Type accumulator = getLaneType(builder.getI32Type(), tile.lanes);
    Type lane = getLaneType(builder.getIntegerType(code.laneBits), tile.lanes);
    // Otherwise the code block adds to the 32-bit accumulators themselves.
    bool joins = code.laneBits < 32 || code.shift != 0;
    SmallVector<Value> operands;
    for (unsigned column : code.inputs)
      operands.push_back(builder.resize(
          loadInput(builder, view, layer.inputOffsets[column] - firstOffset),
          code.laneBits));
    // The 32-bit accumulator that the partial sums are added to.
    auto getBias = [&](unsigned output) {
      int64_t bias = layer.bias[block.firstOutput + output];
      return block.corrections.empty() ? bias
                                       : bias + block.corrections[output];
    };
    auto startsAtZero = [&](unsigned output) {
      return window == 0 && getBias(output) == 0;
    };
    auto getPrevious = [&](unsigned output) {
      return window == 0
                 ? builder.constant(accumulator, getBias(output))
                 : builder.load(sums, output * tile.outputStep, tile.lanes);
    };
    // Outputs without digits here keep the accumulators that they have.
    auto isUntouched = [&](unsigned output) {
      return window != 0 && llvm::all_of(code.matrix.row(output),
                                         [](int32_t w) { return w == 0; });
    };
    for (unsigned output = 0; output < block.numOutputs; ++output)
      operands.push_back(joins || isUntouched(output)
                             ? builder.constant(lane, code.starts[output])
                             : getPrevious(output));
    SmallVector<Value> results = emitProgram(builder, *program, operands);
    for (auto [output, result] : llvm::enumerate(results)) {
      if (isUntouched(output))
        continue;
      Value sum = builder.resize(result, 32);
      if (code.shift != 0)
        sum = arith::ShLIOp::create(builder, sum,
                                    builder.constant(accumulator, code.shift));
      if (joins && !startsAtZero(output))
        sum = arith::AddIOp::create(builder, sum, getPrevious(output));
      builder.store(sum, sums, output * tile.outputStep);
    }
  };
  int64_t rowSlots = tile.slotsPerStoredRow * tile.slotStep;
  Value start = builder.advance(function.getArgument(1), firstOffset);
  builder.loop(tile.rows, 1, {start, builder.index(0)},
               {layer.input.steps[Row], rowSlots}, [&](Value, ValueRange row) {
                 builder.loop(tile.columns, tile.lanes, row,
                              {layer.input.steps[Column] * tile.lanes,
                               tile.slotStep * tile.lanes},
                              [&](Value, ValueRange position) {
                                walk(position[0], position[1]);
                              });
               });
  func::ReturnOp::create(builder);
  int64_t adds = countAdds(function);
  statistics.addsPerPosition += adds;
  statistics.unsharedAddsPerPosition +=
      adds - program->numAdds() + code.numAdds;
  return function;
}

/// Turns the accumulators of `lanes` positions into stored values. `offsets`
/// are those of the accumulators, the stored values and the residual.
LogicalResult StraightLineBuilder::storePositions(
    KernelBuilder &builder, const OutputBlock &block, func::FuncOp function,
    ValueRange offsets, int64_t column, int64_t lanes) {
  bool hasResidual = layer.hasResidual();
  Value sums = builder.viewAt(function.getArgument(0), offsets[0]);
  Value stored = builder.viewAt(function.getArgument(1), offsets[1]);
  Value residuals;
  if (hasResidual)
    residuals = builder.viewAt(function.getArgument(3), offsets[2]);
  for (unsigned output = 0; output < block.numOutputs; ++output) {
    int64_t channel = block.firstOutput + output;
    Value sum = builder.load(
        sums, output * tile.outputStep + column * tile.slotStep, lanes);
    Value residual;
    if (hasResidual)
      residual = builder.load(residuals,
                              channel * layer.residual.channelStep +
                                  column * layer.residual.steps[Column],
                              lanes);
    FailureOr<Value> value =
        applyEpilogue(builder, layer, sum, builder.index(channel), residual);
    if (failed(value))
      return failure();
    builder.store(*value, stored,
                  channel * layer.init.channelStep +
                      column * layer.init.steps[Column]);
  }
  return success();
}

/// func(accumulators, stored, offset[, residual, offset]): the stored values
/// of one tile. Rows are cut into vectors and, at their end, smaller vectors:
/// nothing past a row is written.
FailureOr<func::FuncOp>
StraightLineBuilder::buildEpilogue(const OutputBlock &block, StringRef kernel,
                                   Type storedType, Type residualType) {
  auto indexType = IndexType::get(layer.op->getContext());
  SmallVector<Type> types = {accumulatorType, storedType, indexType};
  if (residualType)
    types.append({residualType, indexType});
  func::FuncOp function = createKernel(symbols, layer, kernel, types);
  KernelBuilder builder(layer.op->getLoc(), function.getBody());

  SmallVector<Value> starts = {builder.index(0), function.getArgument(2)};
  SmallVector<int64_t> rowSteps = {tile.slotsPerStoredRow * tile.slotStep,
                                   layer.init.steps[Row]};
  SmallVector<int64_t> columnSteps = {tile.slotStep, layer.init.steps[Column]};
  if (residualType) {
    starts.push_back(function.getArgument(4));
    rowSteps.push_back(layer.residual.steps[Row]);
    columnSteps.push_back(layer.residual.steps[Column]);
  }
  // Vectors need neighbouring pixels to be neighbours in memory.
  bool contiguous = llvm::all_equal(columnSteps) && columnSteps[0] == 1;
  int64_t lanes = contiguous ? tile.lanes : 1;
  LogicalResult result = success();
  builder.loop(
      tile.storedRows, 1, starts, rowSteps, [&](Value, ValueRange row) {
        int64_t whole = tile.storedColumns / lanes * lanes;
        SmallVector<int64_t> steps = llvm::map_to_vector(
            columnSteps, [&](int64_t step) { return step * lanes; });
        if (whole)
          builder.loop(whole, lanes, row, steps,
                       [&](Value, ValueRange position) {
                         result = storePositions(builder, block, function,
                                                 position, 0, lanes);
                       });
        for (int64_t column = whole, piece = lanes / 2;
             column < tile.storedColumns && succeeded(result); piece /= 2)
          if (tile.storedColumns - column >= piece) {
            result =
                storePositions(builder, block, function, row, column, piece);
            column += piece;
          }
      });
  func::ReturnOp::create(builder);
  if (failed(result))
    return failure();
  return function;
}

LogicalResult StraightLineBuilder::build(KernelStatistics &statistics) {
  KernelBuilder builder(layer.op->getLoc(), layer.op);
  Value input = flatten(builder, layer.input);
  Value stored = flatten(builder, layer.init);
  Value residual =
      layer.hasResidual() ? flatten(builder, layer.residual) : Value();

  struct BlockKernels {
    SmallVector<func::FuncOp> codeBlocks;
    func::FuncOp epilogue;
  };
  SmallVector<BlockKernels> kernels;
  for (auto [index, block] : llvm::enumerate(partition.blocks)) {
    BlockKernels &kernel = kernels.emplace_back();
    std::string prefix = (name + ".b" + Twine(index)).str();
    unsigned windows = std::max<size_t>(1, block.codeBlocks.size());
    for (unsigned window = 0; window < windows; ++window) {
      FailureOr<func::FuncOp> codeBlock =
          buildCodeBlock(block, window, (prefix + ".w" + Twine(window)).str(),
                         input.getType(), statistics);
      if (failed(codeBlock))
        return failure();
      kernel.codeBlocks.push_back(*codeBlock);
    }
    FailureOr<func::FuncOp> epilogue =
        buildEpilogue(block, prefix + ".epilogue", stored.getType(),
                      residual ? residual.getType() : Type());
    if (failed(epilogue))
      return failure();
    kernel.epilogue = *epilogue;
    statistics.codeBlocks += windows;
    statistics.groups = std::max<int64_t>(statistics.groups, windows);
  }

  Value accumulators = memref::AllocOp::create(builder, accumulatorType);
  auto callTile = [&](ValueRange offsets) {
    for (BlockKernels &kernel : kernels) {
      for (func::FuncOp codeBlock : kernel.codeBlocks)
        func::CallOp::create(builder, codeBlock,
                             ValueRange{input, offsets[0], accumulators});
      SmallVector<Value> arguments = {accumulators, stored, offsets[1]};
      if (residual)
        arguments.append({residual, offsets[2]});
      func::CallOp::create(builder, kernel.epilogue, arguments);
    }
  };
  SmallVector<const GridBuffer *> buffers = {&layer.input, &layer.init};
  if (residual)
    buffers.push_back(&layer.residual);
  forEachRow(builder, layer, buffers, layer.grid[Row] / tile.storedRows,
             callTile);
  layer.op->erase();
  return success();
}

} // namespace

FailureOr<KernelStatistics>
bitnn::buildStraightLineKernels(SymbolTable &symbols, const Layer &layer,
                                StringRef name,
                                const StraightLineOptions &options) {
  KernelStatistics statistics;
  StraightLineBuilder builder(symbols, layer, name, options);
  if (failed(builder.build(statistics)))
    return failure();
  return statistics;
}
