// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Emit.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

Value bitnn::importer::emitConstant(OpBuilder &builder, Location loc,
                                    ArrayRef<int64_t> shape, unsigned bits,
                                    ArrayRef<int32_t> values) {
  auto type = RankedTensorType::get(shape, builder.getIntegerType(bits));
  return arith::ConstantOp::create(builder, loc,
                                   getIntegerElements(type, values));
}

Value bitnn::importer::emitFilled(OpBuilder &builder, Location loc,
                                  ArrayRef<int64_t> shape, unsigned bits,
                                  int64_t value) {
  IntegerType element = builder.getIntegerType(bits);
  Value scalar = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(element, value));
  Value empty = tensor::EmptyOp::create(builder, loc, shape, element);
  return linalg::FillOp::create(builder, loc, scalar, empty).getResult(0);
}

Value bitnn::importer::emitBias(OpBuilder &builder, Location loc,
                                ArrayRef<int64_t> shape,
                                ArrayRef<int64_t> bias) {
  if (llvm::all_of(bias, [](int64_t value) { return value == 0; }))
    return emitFilled(builder, loc, shape, 32, 0);
  SmallVector<int32_t> values(bias.begin(), bias.end());
  Value constant =
      emitConstant(builder, loc, {int64_t(bias.size())}, 32, values);
  Value empty =
      tensor::EmptyOp::create(builder, loc, shape, builder.getI32Type());
  SmallVector<int64_t> dimensions = {0};
  for (int64_t i = 2; i < int64_t(shape.size()); ++i)
    dimensions.push_back(i);
  return linalg::BroadcastOp::create(builder, loc, constant, empty, dimensions)
      ->getResult(0);
}

Value bitnn::importer::emitPad(OpBuilder &builder, Location loc, Value image,
                               ArrayRef<int64_t> before,
                               ArrayRef<int64_t> after, int64_t fill) {
  auto isZero = [](int64_t pad) { return pad == 0; };
  if (llvm::all_of(before, isZero) && llvm::all_of(after, isZero))
    return image;
  auto type = cast<RankedTensorType>(image.getType());
  Shape shape(type.getShape());
  unsigned first = shape.size() - before.size();
  SmallVector<OpFoldResult> low(first, builder.getIndexAttr(0)), high = low;
  for (unsigned i = 0; i < before.size(); ++i) {
    shape[first + i] += before[i] + after[i];
    low.push_back(builder.getIndexAttr(before[i]));
    high.push_back(builder.getIndexAttr(after[i]));
  }
  Value value = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(type.getElementType(), fill));
  return tensor::PadOp::create(builder, loc, type.clone(shape), image, low,
                               high, value);
}

Value bitnn::importer::emitElementwise(OpBuilder &builder, Location loc,
                                       ArrayRef<int64_t> shape,
                                       ValueRange inputs,
                                       ArrayRef<AffineMap> inputMaps,
                                       unsigned resultBits,
                                       EmitScalar emitScalar) {
  unsigned rank = shape.size();
  SmallVector<AffineMap> maps(inputMaps);
  maps.push_back(builder.getMultiDimIdentityMap(rank));
  Value empty = tensor::EmptyOp::create(builder, loc, shape,
                                        builder.getIntegerType(resultBits));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), inputs, empty, maps, iterators,
             [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
               linalg::YieldOp::create(
                   nested, nestedLoc,
                   emitScalar(nested, nestedLoc, arguments.drop_back()));
             })
      .getResult(0);
}

Value bitnn::importer::emitElementwise(OpBuilder &builder, Location loc,
                                       ValueRange inputs, unsigned resultBits,
                                       EmitScalar emitScalar) {
  ArrayRef<int64_t> shape = getShape(inputs.front());
  AffineMap identity = builder.getMultiDimIdentityMap(shape.size());
  SmallVector<AffineMap> maps;
  for (Value input : inputs)
    maps.push_back(identity.getMinorSubMap(getShape(input).size()));
  return emitElementwise(builder, loc, shape, inputs, maps, resultBits,
                         emitScalar);
}

AffineMap bitnn::importer::getBroadcastMap(OpBuilder &builder,
                                           ArrayRef<int64_t> from,
                                           ArrayRef<int64_t> to) {
  SmallVector<AffineExpr> places;
  for (auto [i, extent] : llvm::enumerate(from)) {
    unsigned dimension = to.size() - from.size() + i;
    bool isRepeated = extent == 1 && to[dimension] != 1;
    places.push_back(isRepeated ? builder.getAffineConstantExpr(0)
                                : builder.getAffineDimExpr(dimension));
  }
  return AffineMap::get(to.size(), 0, places, builder.getContext());
}

std::optional<Shape> bitnn::importer::getBroadcastShape(ArrayRef<int64_t> lhs,
                                                        ArrayRef<int64_t> rhs) {
  if (lhs.size() < rhs.size())
    std::swap(lhs, rhs);
  Shape shape(lhs);
  for (size_t i = 1; i <= rhs.size(); ++i) {
    int64_t &mine = shape[shape.size() - i];
    int64_t other = rhs[rhs.size() - i];
    if (mine != other && mine != 1 && other != 1)
      return std::nullopt;
    mine = mine == 1 ? other : mine;
  }
  return shape;
}

int64_t bitnn::importer::getBroadcastSource(ArrayRef<int64_t> from,
                                            ArrayRef<int64_t> to,
                                            int64_t element) {
  int64_t source = 0, stride = 1;
  for (size_t i = 1; i <= from.size(); ++i) {
    int64_t position = element % to[to.size() - i];
    element /= to[to.size() - i];
    if (from[from.size() - i] != 1)
      source += position * stride;
    stride *= from[from.size() - i];
  }
  return source;
}

Value bitnn::importer::emitTableEntry(OpBuilder &builder, Location loc,
                                      Value table, Value place) {
  Value index =
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), place);
  return tensor::ExtractOp::create(builder, loc, table, index);
}

Value bitnn::importer::emitLookup(OpBuilder &builder, Location loc, Value value,
                                  ArrayRef<int32_t> table, unsigned axis) {
  constexpr int32_t kValues = 256;
  SmallVector<int8_t> bytes(table.begin(), table.end());
  int64_t channels = bytes.size() / kValues;
  if (channels == 1) {
    auto type = RankedTensorType::get(kValues, builder.getI8Type());
    auto attribute = DenseElementsAttr::get(type, ArrayRef<int8_t>(bytes));
    return emitElementwise(
        builder, loc, value, 8,
        [&](OpBuilder &nested, Location nestedLoc, ValueRange scalars) {
          return LookupOp::create(nested, nestedLoc, scalars[0], attribute);
        });
  }
  SmallVector<int32_t> starts;
  for (int64_t channel = 0; channel < channels; ++channel)
    starts.push_back(channel * kValues + kValues / 2);
  ArrayRef<int64_t> shape = getShape(value);
  Value places = emitConstant(builder, loc, {channels}, 32, starts);
  Value entries = emitConstant(builder, loc, {int64_t(table.size())}, 8, table);
  AffineMap identity = builder.getMultiDimIdentityMap(shape.size());
  return emitElementwise(
      builder, loc, shape, {value, places},
      {identity, identity.getSubMap(axis)}, 8,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange scalars) {
        Value wide = arith::ExtSIOp::create(nested, nestedLoc,
                                            nested.getI32Type(), scalars[0]);
        Value place =
            arith::AddIOp::create(nested, nestedLoc, wide, scalars[1]);
        return emitTableEntry(nested, nestedLoc, entries, place);
      });
}

Value bitnn::importer::emitRecentre(OpBuilder &builder, Location loc,
                                    Value value) {
  Value half = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(builder.getI8Type(), -128));
  return emitElementwise(
      builder, loc, value, 8,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange scalars) {
        return arith::XOrIOp::create(nested, nestedLoc, scalars[0], half);
      });
}

Value bitnn::importer::emitReshape(OpBuilder &builder, Location loc,
                                   Value value, ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  RankedTensorType target = type.clone(shape);
  auto groups = getReassociationIndicesForReshape(type, target);
  if (type.getRank() == 1 || target.getRank() == 1)
    groups = {llvm::to_vector<2>(
        llvm::seq<int64_t>(0, std::max(type.getRank(), target.getRank())))};
  if (groups && type.getRank() > target.getRank())
    return tensor::CollapseShapeOp::create(builder, loc, target, value,
                                           *groups);
  if (groups && type.getRank() < target.getRank())
    return tensor::ExpandShapeOp::create(builder, loc, target, value, *groups);
  // Neither merges nor splits dimensions only: both, through a vector.
  Value flat = emitReshape(builder, loc, value,
                           ArrayRef<int64_t>{type.getNumElements()});
  return emitReshape(builder, loc, flat, shape);
}

/// The start and the step of indices that are equally far from each other.
static std::optional<std::pair<int64_t, int64_t>>
getProgression(ArrayRef<int64_t> indices) {
  int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
  for (size_t i = 1; i < indices.size(); ++i)
    if (indices[i] - indices[i - 1] != step)
      return std::nullopt;
  return std::pair(indices.front(), step);
}

/// A selection with a start and a positive step per dimension, or nothing.
static Value emitSlice(OpBuilder &builder, Value value,
                       const Movement &movement) {
  SmallVector<OpFoldResult> starts, extents, steps;
  for (const Shape &indices : movement.sources) {
    auto progression = getProgression(indices);
    if (!progression || progression->second < 1)
      return {};
    starts.push_back(builder.getIndexAttr(progression->first));
    extents.push_back(builder.getIndexAttr(indices.size()));
    steps.push_back(builder.getIndexAttr(progression->second));
  }
  Value slice = tensor::ExtractSliceOp::create(builder, movement.loc, value,
                                               starts, extents, steps);
  // Kernels walk through contiguous images.
  Value empty = tensor::EmptyOp::create(builder, movement.loc, movement.shape,
                                        getElementTypeOrSelf(value.getType()));
  return linalg::CopyOp::create(builder, movement.loc, slice, empty)
      .getResult(0);
}

/// Any selection: the place of the source is a sum of one term per dimension.
static Value emitGather(OpBuilder &builder, Value value,
                        const Movement &movement) {
  Location loc = movement.loc;
  ArrayRef<int64_t> shape = getShape(value);
  Value flat =
      emitReshape(builder, loc, value,
                  {cast<RankedTensorType>(value.getType()).getNumElements()});
  AffineMap identity = builder.getMultiDimIdentityMap(shape.size());
  SmallVector<Value> places;
  SmallVector<AffineMap> maps;
  int64_t stride = 1;
  for (unsigned i = shape.size(); i-- > 0;) {
    SmallVector<int32_t> terms;
    for (int64_t index : movement.sources[i])
      terms.push_back(index * stride);
    places.push_back(
        emitConstant(builder, loc, {int64_t(terms.size())}, 32, terms));
    maps.push_back(identity.getSubMap(i));
    stride *= shape[i];
  }
  return emitElementwise(
      builder, loc, movement.shape, places, maps,
      getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(),
      [&](OpBuilder &nested, Location nestedLoc, ValueRange scalars) {
        Value place = scalars.front();
        for (Value term : scalars.drop_front())
          place = arith::AddIOp::create(nested, nestedLoc, place, term);
        return emitTableEntry(nested, nestedLoc, flat, place);
      });
}

Value bitnn::importer::emitMovement(OpBuilder &builder, Value value,
                                    const Movement &movement) {
  if (movement.emit)
    return movement.emit(builder, value);
  if (movement.padding)
    return emitPad(builder, movement.loc, value, movement.padding->before,
                   movement.padding->after, movement.padding->integer);
  if (!movement.sources.empty()) {
    Value slice = emitSlice(builder, value, movement);
    return slice ? slice : emitGather(builder, value, movement);
  }
  if (movement.permutation.empty())
    return emitReshape(builder, movement.loc, value, movement.shape);
  Value empty = tensor::EmptyOp::create(builder, movement.loc, movement.shape,
                                        getElementTypeOrSelf(value.getType()));
  return linalg::TransposeOp::create(builder, movement.loc, value, empty,
                                     movement.permutation)
      ->getResult(0);
}

Value bitnn::importer::emitAccumulator(OpBuilder &builder,
                                       const Accumulator &sum) {
  if (!*sum.emitted)
    *sum.emitted = sum.emit(builder, sum.bias, sum.signs);
  return *sum.emitted;
}
