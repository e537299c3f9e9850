// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sums of a block of outputs by multiplications, where they are allowed: a
// loop over pairs of inputs, whose weights are a table. Machines multiply and
// add 16-bit numbers in pairs, or widen the products; both are exact.

#include "StraightLine.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

namespace {
/// 32-bit sums of a vector of 16-bit pixels are two vectors.
constexpr unsigned kHalves = 2;

class DotBlockBody {
public:
  DotBlockBody(SymbolTable &symbols, KernelBuilder &builder,
               const StraightLineLayer &straight, const OutputBlock &block,
               StringRef name)
      : symbols(symbols), builder(builder), straight(straight),
        layer(straight.layer), tile(straight.tile), block(block),
        code(block.codeBlocks.front()), name(name) {}

  int64_t getFirstOffset() const {
    return layer.inputOffsets[code.inputs.front()];
  }
  void createTables();
  /// `view` begins at the block's first input, `sums` at the tile's slot.
  void build(Value view, Value sums);

  int64_t tableBytes = 0;

private:
  int64_t numPairs() const { return llvm::divideCeil(code.inputs.size(), 2); }
  /// The input of a pair, and its weight; an odd one stands beside a zero.
  unsigned getColumn(int64_t pair, unsigned which) const {
    size_t column = 2 * pair + which;
    return std::min(column, code.inputs.size() - 1);
  }
  int32_t getWeight(unsigned output, int64_t pair, unsigned which) const {
    size_t column = 2 * pair + which;
    return column < code.inputs.size() ? code.matrix.row(output)[column] : 0;
  }
  memref::GlobalOp createTable(StringRef suffix, ArrayRef<int32_t> values);
  bool hasPairProduct() const { return !straight.options.pairProduct.empty(); }
  SmallVector<int64_t> getPairOrder(unsigned half) const;
  SmallVector<int64_t> getPixelOrder() const;
  Value shuffle(Value lhs, Value rhs, ArrayRef<int64_t> order);
  Value loadInput(Value view, Value offsets, Value place);
  Value getProduct(Value input, Value weight);
  Value addProducts(Value sum, Value pairs, Value weights);
  Value addProducts(Value sum, ArrayRef<Value> inputs, Value weights,
                    unsigned half);

  SymbolTable &symbols;
  KernelBuilder &builder;
  const StraightLineLayer &straight;
  const Layer &layer;
  const Tile &tile;
  const OutputBlock &block;
  const CodeBlock &code;
  StringRef name;
  memref::GlobalOp offsetTable, weightTable;
};
} // namespace

memref::GlobalOp DotBlockBody::createTable(StringRef suffix,
                                           ArrayRef<int32_t> values) {
  OpBuilder unattached(builder.getContext());
  int64_t size = values.size();
  auto type = MemRefType::get({size}, builder.getI32Type());
  auto table = memref::GlobalOp::create(
      unattached, layer.op->getLoc(), (name + suffix).str(),
      builder.getStringAttr("private"), type,
      DenseElementsAttr::get(
          RankedTensorType::get({size}, builder.getI32Type()), values),
      /*constant=*/true, /*alignment=*/IntegerAttr());
  symbols.insert(table,
                 Block::iterator(layer.op->getParentOfType<func::FuncOp>()));
  tableBytes += size * 4;
  return table;
}

/// Two offsets per pair; per pair and output two weights in one number.
void DotBlockBody::createTables() {
  SmallVector<int32_t> offsets, weights;
  for (int64_t pair = 0; pair < numPairs(); ++pair) {
    for (unsigned which : {0, 1})
      offsets.push_back(
          layer.inputOffsets[code.inputs[getColumn(pair, which)]] -
          getFirstOffset());
    for (unsigned output = 0; output < block.numOutputs; ++output)
      weights.push_back(static_cast<int32_t>(
          (static_cast<uint32_t>(getWeight(output, pair, 1)) << 16) |
          (static_cast<uint32_t>(getWeight(output, pair, 0)) & 0xffff)));
  }
  offsetTable = createTable(".offsets", offsets);
  weightTable = createTable(".weights", weights);
}

/// The machine's interleaving of two vectors, which stays within 128 bits.
SmallVector<int64_t> DotBlockBody::getPairOrder(unsigned half) const {
  constexpr int64_t kPart = 8;
  SmallVector<int64_t> order;
  for (int64_t part = 0; part < tile.lanes; part += kPart)
    for (int64_t lane = 0; lane < kPart / 2; ++lane)
      for (int64_t which : {0, 1})
        order.push_back(which * tile.lanes + part + half * kPart / 2 + lane);
  return order;
}

/// Where each pixel's sum is in the two vectors of sums.
SmallVector<int64_t> DotBlockBody::getPixelOrder() const {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq(tile.lanes));
  for (unsigned half = 0; hasPairProduct() && half < kHalves; ++half) {
    SmallVector<int64_t> pairs = getPairOrder(half);
    for (int64_t sum = 0; sum < tile.lanes / 2; ++sum)
      order[pairs[2 * sum]] = half * tile.lanes / 2 + sum;
  }
  return order;
}

Value DotBlockBody::shuffle(Value lhs, Value rhs, ArrayRef<int64_t> order) {
  return vector::ShuffleOp::create(builder, lhs, rhs, order);
}

Value DotBlockBody::loadInput(Value view, Value offsets, Value place) {
  Value offset = arith::IndexCastUIOp::create(
      builder, builder.getIndexType(),
      memref::LoadOp::create(builder, offsets, place));
  return vector::LoadOp::create(
      builder, VectorType::get(tile.lanes, builder.getI16Type()), view, offset);
}

/// sum + x0 w0 + x1 w1, by the machine's operation on pairs of 16-bit numbers.
Value DotBlockBody::addProducts(Value sum, Value pairs, Value weights) {
  auto lanes = VectorType::get(tile.lanes, builder.getI16Type());
  Value both = vector::BitCastOp::create(
      builder, lanes,
      vector::BroadcastOp::create(builder, sum.getType(), weights));
  Value products = LLVM::CallIntrinsicOp::create(
                       builder, sum.getType(),
                       builder.getStringAttr(straight.options.pairProduct),
                       ValueRange{pairs, both})
                       .getResult(0);
  return arith::AddIOp::create(builder, sum, products);
}

/// The product of half a vector and a weight, both extended to 32 bits.
Value DotBlockBody::getProduct(Value input, Value weight) {
  auto wide = VectorType::get(tile.lanes / 2, builder.getI32Type());
  Value all = vector::BroadcastOp::create(builder, input.getType(), weight);
  return arith::MulIOp::create(builder,
                               arith::ExtSIOp::create(builder, wide, input),
                               arith::ExtSIOp::create(builder, wide, all));
}

/// The same where products are widened.
Value DotBlockBody::addProducts(Value sum, ArrayRef<Value> inputs,
                                Value weights, unsigned half) {
  SmallVector<int64_t> order = llvm::to_vector(
      llvm::seq<int64_t>(half * tile.lanes / 2, (half + 1) * tile.lanes / 2));
  Value sixteen = builder.constant(builder.getI32Type(), 16);
  for (auto [which, input] : llvm::enumerate(inputs)) {
    Value weight =
        which ? arith::ShRSIOp::create(builder, weights, sixteen).getResult()
              : weights;
    sum = arith::AddIOp::create(
        builder, sum,
        getProduct(shuffle(input, input, order), builder.resize(weight, 16)));
  }
  return sum;
}

void DotBlockBody::build(Value view, Value sums) {
  auto half = VectorType::get(tile.lanes / 2, builder.getI32Type());
  Value offsets = memref::GetGlobalOp::create(builder, offsetTable.getType(),
                                              offsetTable.getSymName());
  Value weights = memref::GetGlobalOp::create(builder, weightTable.getType(),
                                              weightTable.getSymName());
  SmallVector<Value> starts = {builder.index(0), builder.index(0)};
  for (unsigned output = 0; output < block.numOutputs; ++output)
    starts.append(kHalves,
                  builder.constant(half, straight.getBias(block, output)));
  auto loop =
      scf::ForOp::create(builder, builder.index(0), builder.index(numPairs()),
                         builder.index(1), starts);
  auto getSum = [](ValueRange values, unsigned output, unsigned each) {
    return values[2 + kHalves * output + each];
  };
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    ValueRange args = loop.getRegionIterArgs();
    Value inputs[] = {loadInput(view, offsets, args[0]),
                      loadInput(view, offsets, builder.advance(args[0], 1))};
    Value pairs[kHalves];
    for (unsigned each = 0; hasPairProduct() && each < kHalves; ++each)
      pairs[each] = shuffle(inputs[0], inputs[1], getPairOrder(each));
    SmallVector<Value> next = {builder.advance(args[0], 2),
                               builder.advance(args[1], block.numOutputs)};
    for (unsigned output = 0; output < block.numOutputs; ++output) {
      Value both = memref::LoadOp::create(builder, weights,
                                          builder.advance(args[1], output));
      for (unsigned each = 0; each < kHalves; ++each) {
        Value sum = getSum(args, output, each);
        next.push_back(hasPairProduct() ? addProducts(sum, pairs[each], both)
                                        : addProducts(sum, inputs, both, each));
      }
    }
    scf::YieldOp::create(builder, next);
  }
  for (unsigned output = 0; output < block.numOutputs; ++output)
    builder.store(shuffle(getSum(loop.getResults(), output, 0),
                          getSum(loop.getResults(), output, 1),
                          getPixelOrder()),
                  sums, straight.getSlice(block, 0, output));
}

func::FuncOp bitnn::buildDotBlock(SymbolTable &symbols,
                                  const StraightLineLayer &straight,
                                  const OutputBlock &block, StringRef name,
                                  Type inputType,
                                  KernelStatistics &statistics) {
  const Layer &layer = straight.layer;
  MLIRContext *context = layer.op->getContext();
  func::FuncOp function =
      createKernel(symbols, layer, name,
                   {inputType, IndexType::get(context), straight.wideSums});
  for (unsigned argument : {0, 2})
    function.setArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName(),
                        UnitAttr::get(context));
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  DotBlockBody body(symbols, builder, straight, block, name);
  body.createTables();
  Value start = builder.advance(function.getArgument(1), body.getFirstOffset());
  straight.forEachVector(builder, start, [&](Value, ValueRange position) {
    body.build(builder.viewAt(function.getArgument(0), position[0]),
               builder.viewAt(function.getArgument(2), position[1]));
  });
  func::ReturnOp::create(builder);
  statistics.tableBytes += body.tableBytes;
  // One per product.
  int64_t products = block.numOutputs * layer.weights.columns();
  statistics.addsPerPosition += products;
  statistics.unsharedAddsPerPosition += products;
  return function;
}
