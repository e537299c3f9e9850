// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer as one linalg.generic per plane: slow, and obviously right.

#include "bitnn/Dialect/BitNN/IR/Decomposition.h"
#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn;

static Value createEmpty(OpBuilder &builder, Location loc, ShapedType shape,
                         Type elementType) {
  return tensor::EmptyOp::create(builder, loc, shape.getShape(), elementType);
}

template <typename OpTy>
static Value createBias(OpBuilder &builder, OpTy layer) {
  Location loc = layer.getLoc();
  ShapedType type = layer.getInitType();
  Value empty = createEmpty(builder, loc, type, builder.getI32Type());
  if (!layer.getBias()) {
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 32);
    return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  }
  SmallVector<int64_t> added;
  for (int64_t dim = 0, rank = type.getRank(); dim < rank; ++dim)
    if (dim != 1)
      added.push_back(dim);
  return linalg::BroadcastOp::create(builder, loc, layer.getBias(), empty,
                                     added)
      .getResult()[0];
}

Value bitnn::createBiasTensor(OpBuilder &builder, Operation *layer) {
  if (auto conv = dyn_cast<Conv2DOp>(layer))
    return createBias(builder, conv);
  return createBias(builder, cast<MatmulOp>(layer));
}

template <typename OpTy>
static Value createEpilogue(OpBuilder &builder, OpTy layer,
                            Value accumulators) {
  if (!layer.hasEpilogue())
    return accumulators;
  Location loc = layer.getLoc();
  ShapedType type = layer.getInitType();
  Value empty = createEmpty(builder, loc, type, type.getElementType());
  SmallVector<Value> inputs = {accumulators};
  if (layer.getResidual())
    inputs.push_back(layer.getResidual());
  SmallVector<AffineMap> maps(inputs.size() + 1,
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  auto body = [&](OpBuilder &nested, Location, ValueRange elements) {
    Block &block = layer.getEpilogue().front();
    IRMapping mapping;
    mapping.map(block.getArgument(0), elements[0]);
    if (!block.getArgument(1).use_empty())
      mapping.map(block.getArgument(1),
                  linalg::IndexOp::create(nested, loc, 1).getResult());
    if (layer.getResidual())
      mapping.map(block.getArgument(2), elements[1]);
    for (Operation &op : block.without_terminator())
      nested.clone(op, mapping);
    linalg::YieldOp::create(
        nested, loc,
        mapping.lookupOrDefault(block.getTerminator()->getOperand(0)));
  };
  return linalg::GenericOp::create(builder, loc, empty.getType(), inputs, empty,
                                   maps, iterators, body)
      .getResult(0);
}

Value bitnn::createEpilogueGeneric(OpBuilder &builder, Operation *layer,
                                   Value accumulators) {
  if (auto conv = dyn_cast<Conv2DOp>(layer))
    return createEpilogue(builder, conv, accumulators);
  return createEpilogue(builder, cast<MatmulOp>(layer), accumulators);
}

Value bitnn::splitDim(OpBuilder &builder, Location loc, Value value,
                      int64_t dim, int64_t groups) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] /= groups;
  shape.insert(shape.begin() + dim, groups);
  SmallVector<ReassociationIndices> reassociation;
  for (int64_t from = 0, to = 0; from < type.getRank(); ++from) {
    reassociation.push_back({to++});
    if (from == dim)
      reassociation.back().push_back(to++);
  }
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()), value,
      reassociation);
}

//===----------------------------------------------------------------------===//
// Planes
//===----------------------------------------------------------------------===//

/// The digits of each power of two as a matrix of -1, 0 and 1 in the shape of
/// the weights.
static SmallVector<SmallVector<int32_t>> getPlanes(ArrayRef<int32_t> weights,
                                                   Encoding encoding) {
  SmallVector<SmallVector<int32_t>> planes;
  for (auto [index, weight] : llvm::enumerate(weights))
    for (Digit digit : encode(weight, encoding)) {
      while (planes.size() <= digit.shift)
        planes.emplace_back(weights.size(), 0);
      planes[digit.shift][index] = digit.negative ? -1 : 1;
    }
  return planes;
}

namespace {
/// How a plane's generic walks its operands.
struct PlaneLoops {
  SmallVector<AffineMap, 3> maps;
  SmallVector<utils::IteratorType> iterators;
};
} // namespace

/// Loops n, g, f, y, x, c, i, j; outputs are g F/G + f, inputs g C/G + c.
static PlaneLoops getPlaneLoops(Conv2DOp conv) {
  MLIRContext *context = conv.getContext();
  SmallVector<AffineExpr> d =
      llvm::map_to_vector(llvm::seq(0u, 8u), [&](unsigned dim) {
        return getAffineDimExpr(dim, context);
      });
  ArrayRef<int64_t> strides = conv.getStrides();
  ArrayRef<int64_t> dilations = conv.getDilations();
  PlaneLoops loops;
  loops.maps = {
      AffineMap::get(8, 0,
                     {d[0], d[1], d[5], d[3] * strides[0] + d[6] * dilations[0],
                      d[4] * strides[1] + d[7] * dilations[1]},
                     context),
      AffineMap::get(8, 0, {d[1], d[2], d[5], d[6], d[7]}, context),
      AffineMap::get(8, 0, {d[0], d[1], d[2], d[3], d[4]}, context)};
  loops.iterators.assign(5, utils::IteratorType::parallel);
  loops.iterators.append(3, utils::IteratorType::reduction);
  return loops;
}

/// Loops m, n, k.
static PlaneLoops getPlaneLoops(MatmulOp matmul) {
  MLIRContext *context = matmul.getContext();
  AffineExpr m, n, k;
  bindDims(context, m, n, k);
  return {{AffineMap::get(3, 0, {m, k}, context),
           AffineMap::get(3, 0, {n, k}, context),
           AffineMap::get(3, 0, {m, n}, context)},
          {utils::IteratorType::parallel, utils::IteratorType::parallel,
           utils::IteratorType::reduction}};
}

/// sums += (x * plane) << shift
static Value createPlane(OpBuilder &builder, Location loc,
                         const PlaneLoops &loops, Value input, Value plane,
                         Value sums, int64_t shift) {
  auto body = [&](OpBuilder &nested, Location, ValueRange elements) {
    Type i32 = nested.getI32Type();
    Value x = arith::ExtSIOp::create(nested, loc, i32, elements[0]);
    Value digit = arith::ExtSIOp::create(nested, loc, i32, elements[1]);
    Value product = arith::MulIOp::create(nested, loc, x, digit);
    Value amount = arith::ConstantIntOp::create(nested, loc, shift, 32);
    Value shifted = arith::ShLIOp::create(nested, loc, product, amount);
    Value sum = arith::AddIOp::create(nested, loc, elements[2], shifted);
    linalg::YieldOp::create(nested, loc, sum);
  };
  return linalg::GenericOp::create(builder, loc, sums.getType(),
                                   ValueRange{input, plane}, sums, loops.maps,
                                   loops.iterators, body)
      .getResult(0);
}

/// layer(x, W) -> epilogue(bias + sum_m layer(x, D_m) << m)
template <typename OpTy>
static FailureOr<SmallVector<Value>> decompose(OpBuilder &builder, OpTy layer) {
  FailureOr<SmallVector<int32_t>> weights =
      getConstantIntegers(layer.getWeights());
  if (failed(weights) || layer->getNumResults() != 1)
    return failure();
  Location loc = layer.getLoc();
  int64_t groups = 0;
  if constexpr (std::is_same_v<OpTy, Conv2DOp>)
    groups = layer.getGroups();
  Value input = layer.getInput(), sums = createBias(builder, layer);
  if (groups) {
    input = splitDim(builder, loc, input, 1, groups);
    sums = splitDim(builder, loc, sums, 1, groups);
  }
  auto planeType = RankedTensorType::get(layer.getWeightsType().getShape(),
                                         builder.getI8Type());
  PlaneLoops loops = getPlaneLoops(layer);
  for (auto [shift, digits] :
       llvm::enumerate(getPlanes(*weights, layer.getDigitEncoding()))) {
    Value plane = arith::ConstantOp::create(
        builder, loc, planeType, getIntegerElements(planeType, digits));
    if (groups)
      plane = splitDim(builder, loc, plane, 0, groups);
    sums = createPlane(builder, loc, loops, input, plane, sums, shift);
  }
  if (groups)
    sums = tensor::CollapseShapeOp::create(
        builder, loc, sums,
        SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}, {4}});
  return SmallVector<Value>{createEpilogue(builder, layer, sums)};
}

FailureOr<SmallVector<Value>> Conv2DOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this);
}

FailureOr<SmallVector<Value>> MatmulOp::decomposeOperation(OpBuilder &builder) {
  return decompose(builder, *this);
}
