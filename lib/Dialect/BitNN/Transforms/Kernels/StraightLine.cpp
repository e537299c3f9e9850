// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights as the instruction stream. A layer is partitioned into code blocks,
// one private function each, that compute partial sums of a tile; one more
// function per block of outputs turns these into stored values.

#include "StraightLine.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace bitnn;

StraightLineLayer::StraightLineLayer(const Layer &layer,
                                     const StraightLineOptions &options)
    : layer(layer), options(options) {
  bool vectors = options.vectorLanes > 1;
  PartitionOptions partitionOptions;
  partitionOptions.encoding = layer.encoding;
  partitionOptions.accumulators = options.accumulators;
  partitionOptions.maxAdds = options.maxAdds;
  partitionOptions.laneBits = vectors ? options.laneBits : 32;
  partitionOptions.inputInterval = layer.inputRange;
  partitionOptions.bias = layer.bias;
  partitionOptions.inputOffsets = layer.inputOffsets;
  partitionOptions.reach = options.reach;
  if (options.multiply) {
    // All weights of a block at once: they are data.
    partitionOptions.maxAdds = std::numeric_limits<unsigned>::max();
    partitionOptions.laneBits = 32;
  }
  partition = Partition::compute(layer.weights, partitionOptions);

  int64_t outputs = std::min(options.accumulators, layer.numOutputs());
  int64_t wide = 0, narrow = 0, mostAdds = 0;
  for (const OutputBlock &block : partition.blocks) {
    int64_t adds = 0;
    for (const CodeBlock &code : block.codeBlocks)
      adds += code.numAdds;
    mostAdds = std::max(mostAdds, adds);
    int64_t slices = llvm::count_if(block.codeBlocks, isNarrow);
    narrow = std::max(narrow, slices);
    wide |= slices != static_cast<int64_t>(block.codeBlocks.size());
  }
  // About what an addition of vectors takes; products are a loop.
  constexpr int64_t kBytesPerAdd = 7;
  unsigned laneBits = partitionOptions.laneBits;
  TileBytes bytes{outputs * (4 * wide + laneBits / 8 * narrow),
                  options.multiply ? 0 : mostAdds * kBytesPerAdd};
  int64_t rows = layer.grid[Row];
  int64_t mostRows =
      options.parallel ? countRowsOfPiece(rows, partition.blocks.size()) : rows;
  tile = vectors
             ? Tile::vector(layer, options.vectorLanes * 16 / options.laneBits,
                            bytes, mostRows)
             : Tile::scalar(layer, outputs);
  auto getType = [&](int64_t slices, unsigned bits) {
    Type element = IntegerType::get(layer.op->getContext(), bits);
    return slices ? MemRefType::get({slices * outputs * tile.slots}, element)
                  : MemRefType();
  };
  wideSums = getType(wide, 32);
  narrowSums = getType(narrow, laneBits);
  if (packsRows())
    packedValues =
        MemRefType::get({outputs * tile.slots}, layer.getStoredType());
}

int64_t StraightLineLayer::epilogueLanes() const {
  // Vectors need neighbouring pixels to be neighbours in memory.
  bool isContiguous =
      tile.slotStep == 1 && layer.init.steps[Column] == 1 &&
      (!layer.hasResidual() || layer.residual.steps[Column] == 1);
  return tile.lanes > 1 && isContiguous ? 2 * options.vectorLanes : 1;
}

int64_t StraightLineLayer::joinedRows() const {
  int64_t lanes = epilogueLanes(), columns = tile.storedColumns;
  if (lanes == 1 || tile.storedRows == 1)
    return 1;
  int64_t piece = std::min(lanes, columns & -columns);
  // Half the lanes of sums are a vector of 32 bits. Less has to be put together
  // of several loads, which only pays where a row has no more.
  bool suits =
      piece >= options.vectorLanes / 2 || (piece == columns && piece > 1);
  return suits ? lanes / piece : 1;
}

/// Whether the values of joined rows take fewer vectors than those of each row.
bool StraightLineLayer::packsRows() const {
  int64_t columns = tile.storedColumns;
  bool isJoined = tile.rows == 1 && tile.storedRows > 1;
  bool isOneRow =
      layer.init.steps[Row] == columns && tile.slotsPerRow() == columns;
  // In vectors of 32 bits: two to a whole vector, one to any smaller one. A
  // vector that is only copied is nearly free.
  int64_t lanes = options.vectorLanes;
  int64_t perRow =
      2 * (columns / lanes) + llvm::popcount<uint64_t>(columns % lanes);
  return isJoined && layer.init.steps[Column] == 1 && !isOneRow &&
         !layer.hasResidual() && joinedRows() == 1 &&
         2 * tile.slots / lanes < tile.storedRows * perRow;
}

void StraightLineLayer::forEachVector(
    KernelBuilder &builder, Value start,
    llvm::function_ref<void(Value, ValueRange)> body) const {
  builder.loop(tile.rows, 1, {start, builder.index(0)},
               {layer.input.steps[Row], tile.slotsPerRow()},
               [&](Value, ValueRange row) {
                 builder.loop(tile.columns, tile.lanes, row,
                              {layer.input.steps[Column] * tile.lanes,
                               tile.slotStep * tile.lanes},
                              body);
               });
}

int64_t StraightLineLayer::getBias(const OutputBlock &block,
                                   unsigned output) const {
  return layer.bias[block.firstOutput + output] + block.corrections[output];
}

int64_t StraightLineLayer::getSlice(const OutputBlock &block, unsigned window,
                                    unsigned output) const {
  if (!isNarrow(block.codeBlocks[window]))
    return output * tile.outputStep;
  int64_t slice =
      llvm::count_if(ArrayRef(block.codeBlocks).take_front(window), isNarrow);
  return (slice * block.numOutputs + output) * tile.outputStep;
}

bool bitnn::hasDigits(const CodeBlock &code, unsigned output) {
  return llvm::any_of(code.matrix.row(output), [](int32_t w) { return w; });
}

namespace {
/// The functions of one block of outputs.
struct BlockKernels {
  SmallVector<func::FuncOp> codeBlocks;
  func::FuncOp epilogue;
};
} // namespace

/// One tile of one block of outputs. `temporaries` are its partial sums and
/// packed values, those that there are.
static void callTile(KernelBuilder &builder, const StraightLineLayer &straight,
                     const OutputBlock &block, const BlockKernels &kernel,
                     Value input, ValueRange temporaries, ValueRange stores,
                     ValueRange offsets) {
  for (auto [function, code] :
       llvm::zip_equal(kernel.codeBlocks, block.codeBlocks)) {
    bool isSecond = isNarrow(code) && straight.wideSums;
    func::CallOp::create(builder, function,
                         ValueRange{input, offsets[0], temporaries[isSecond]});
  }
  SmallVector<Value> arguments = temporaries;
  for (auto [buffer, offset] : llvm::zip_equal(stores, offsets.drop_front()))
    arguments.append({buffer, offset});
  func::CallOp::create(builder, kernel.epilogue, arguments);
}

FailureOr<KernelStatistics>
bitnn::buildStraightLineKernels(SymbolTable &symbols, const Layer &layer,
                                StringRef name,
                                const StraightLineOptions &options) {
  KernelStatistics statistics;
  StraightLineLayer straight(layer, options);
  KernelBuilder builder(layer.op->getLoc(), layer.op);
  Value input = flatten(builder, layer.input);
  SmallVector<const GridBuffer *> buffers = {&layer.input, &layer.init};
  SmallVector<Value> stores = {flatten(builder, layer.init)};
  if (layer.hasResidual()) {
    buffers.push_back(&layer.residual);
    stores.push_back(flatten(builder, layer.residual));
  }
  SmallVector<Type> temporaryTypes;
  for (MemRefType type :
       {straight.wideSums, straight.narrowSums, straight.packedValues})
    if (type)
      temporaryTypes.push_back(type);

  ArrayRef<OutputBlock> blocks = straight.partition.blocks;
  SmallVector<BlockKernels> kernels;
  for (unsigned index = 0; index < blocks.size(); ++index) {
    const OutputBlock &block = blocks[index];
    BlockKernels &kernel = kernels.emplace_back();
    std::string prefix = (name + ".b" + Twine(index)).str();
    for (unsigned window = 0; window < block.codeBlocks.size(); ++window) {
      std::string part = (prefix + ".w" + Twine(window)).str();
      FailureOr<func::FuncOp> codeBlock =
          options.multiply ? buildDotBlock(symbols, straight, block, part,
                                           input.getType(), statistics)
                           : buildCodeBlock(symbols, straight, block, window,
                                            part, input.getType(), statistics);
      if (failed(codeBlock))
        return failure();
      kernel.codeBlocks.push_back(*codeBlock);
    }
    SmallVector<Type> types = temporaryTypes;
    for (Value buffer : stores)
      types.append({buffer.getType(), builder.getIndexType()});
    FailureOr<func::FuncOp> epilogue = buildEpilogue(
        symbols, straight, block, prefix + ".epilogue", types, statistics);
    if (failed(epilogue))
      return failure();
    kernel.epilogue = *epilogue;
    statistics.codeBlocks += kernel.codeBlocks.size();
    statistics.groups =
        std::max<int64_t>(statistics.groups, kernel.codeBlocks.size());
  }

  auto allocate = [&] {
    return llvm::map_to_vector(temporaryTypes, [&](Type type) -> Value {
      return memref::AllocOp::create(builder, cast<MemRefType>(type));
    });
  };
  RowRange rows{0, layer.grid[Row], straight.tile.storedRows};
  int64_t pieces = options.parallel ? countPieces(rows, blocks.size()) : 1;
  SmallVector<Value> shared;
  if (!options.parallel)
    shared = allocate();
  // All tiles of one block of outputs, while its code is in the cache.
  builder.cases(blocks.size() * pieces, options.parallel, [&](int64_t index) {
    const OutputBlock &block = blocks[index / pieces];
    const BlockKernels &kernel = kernels[index / pieces];
    SmallVector<Value> temporaries = options.parallel ? allocate() : shared;
    forEachRow(builder, layer, buffers, rows.getPiece(index % pieces, pieces),
               [&](ValueRange offsets) {
                 callTile(builder, straight, block, kernel, input, temporaries,
                          stores, offsets);
               });
  });
  layer.op->erase();
  return statistics;
}
