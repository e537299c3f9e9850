// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The executable definition of conv_2d and matmul: one element of the result,
// on buffers, by multiplications.

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace bitnn;

/// One loop per dimension of the result; the sum is inside.
template <typename OpTy>
static SmallVector<Range> getResultDomain(OpTy layer, OpBuilder &builder) {
  return llvm::map_to_vector(layer.getInitType().getShape(), [&](int64_t size) {
    return Range{builder.getIndexAttr(0), builder.getIndexAttr(size),
                 builder.getIndexAttr(1)};
  });
}

/// The sum over `extents` of body(indices), from `start` on.
static Value
createSum(OpBuilder &builder, Location loc, ArrayRef<int64_t> extents,
          Value start, SmallVector<Value> &indices,
          llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  if (indices.size() == extents.size())
    return arith::AddIOp::create(builder, loc, start, body(builder, indices));
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto loop = scf::ForOp::create(
      builder, loc, index(0), index(extents[indices.size()]), index(1), start,
      [&](OpBuilder &nested, Location, Value iv, ValueRange sums) {
        indices.push_back(iv);
        Value sum = createSum(nested, loc, extents, sums[0], indices, body);
        indices.pop_back();
        scf::YieldOp::create(nested, loc, sum);
      });
  return loop.getResult(0);
}

static Value createProduct(OpBuilder &builder, Location loc, Value input,
                           ValueRange inputIndices, Value weights,
                           ValueRange weightIndices) {
  auto load = [&](Value buffer, ValueRange indices) -> Value {
    Value element = memref::LoadOp::create(builder, loc, buffer, indices);
    return arith::ExtSIOp::create(builder, loc, builder.getI32Type(), element);
  };
  return arith::MulIOp::create(builder, loc, load(input, inputIndices),
                               load(weights, weightIndices));
}

template <typename OpTy>
static Value createBias(OpBuilder &builder, OpTy layer, Value channel) {
  if (layer.getBias())
    return memref::LoadOp::create(builder, layer.getLoc(), layer.getBias(),
                                  channel);
  return arith::ConstantIntOp::create(builder, layer.getLoc(), 0, 32);
}

/// Applies the epilogue to one accumulator and stores what it yields.
template <typename OpTy>
static void createStore(OpBuilder &builder, OpTy layer, Value accumulator,
                        ValueRange ivs) {
  Location loc = layer.getLoc();
  Value stored = accumulator;
  if (layer.hasEpilogue()) {
    Block &block = layer.getEpilogue().front();
    IRMapping mapping;
    mapping.map(block.getArgument(0), accumulator);
    mapping.map(block.getArgument(1), ivs[1]);
    if (layer.getResidual())
      mapping.map(block.getArgument(2),
                  memref::LoadOp::create(builder, loc, layer.getResidual(), ivs)
                      .getResult());
    for (Operation &op : block.without_terminator())
      builder.clone(op, mapping);
    stored = mapping.lookupOrDefault(block.getTerminator()->getOperand(0));
  }
  memref::StoreOp::create(builder, loc, stored, layer.getInit(), ivs);
}

//===----------------------------------------------------------------------===//
// Conv2DOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> Conv2DOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(4, utils::IteratorType::parallel);
}

SmallVector<Range> Conv2DOp::getIterationDomain(OpBuilder &builder) {
  return getResultDomain(*this, builder);
}

LogicalResult Conv2DOp::generateScalarImplementation(OpBuilder &builder,
                                                     Location loc,
                                                     ValueRange ivs) {
  if (getNumResults() != 0)
    return failure();
  AffineExpr first, second;
  bindDims(getContext(), first, second);
  auto apply = [&](OpBuilder &nested, AffineExpr expr,
                   ValueRange operands) -> Value {
    return affine::AffineApplyOp::create(
        nested, loc, AffineMap::get(operands.size(), 0, expr), operands);
  };
  ArrayRef<int64_t> weights = getWeightsType().getShape();
  ArrayRef<int64_t> strides = getStrides(), dilations = getDilations();
  int64_t outputsPerGroup = weights[0] / getGroups();
  auto product = [&](OpBuilder &nested, ValueRange k) {
    Value channel =
        apply(nested, first.floorDiv(outputsPerGroup) * weights[1] + second,
              {ivs[1], k[0]});
    Value row = apply(nested, first * strides[0] + second * dilations[0],
                      {ivs[2], k[1]});
    Value column = apply(nested, first * strides[1] + second * dilations[1],
                         {ivs[3], k[2]});
    return createProduct(nested, loc, getInput(),
                         {ivs[0], channel, row, column}, getWeights(),
                         {ivs[1], k[0], k[1], k[2]});
  };
  SmallVector<Value> indices;
  Value sum = createSum(builder, loc, weights.drop_front(),
                        createBias(builder, *this, ivs[1]), indices, product);
  createStore(builder, *this, sum, ivs);
  return success();
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> MatmulOp::getLoopIteratorTypes() {
  return SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel);
}

SmallVector<Range> MatmulOp::getIterationDomain(OpBuilder &builder) {
  return getResultDomain(*this, builder);
}

LogicalResult MatmulOp::generateScalarImplementation(OpBuilder &builder,
                                                     Location loc,
                                                     ValueRange ivs) {
  if (getNumResults() != 0)
    return failure();
  auto product = [&](OpBuilder &nested, ValueRange k) {
    return createProduct(nested, loc, getInput(), {ivs[0], k[0]}, getWeights(),
                         {ivs[1], k[0]});
  };
  SmallVector<Value> indices;
  Value sum = createSum(builder, loc, getWeightsType().getDimSize(1),
                        createBias(builder, *this, ivs[1]), indices, product);
  createStore(builder, *this, sum, ivs);
  return success();
}
