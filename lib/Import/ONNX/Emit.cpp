// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Emit.h"
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
  SmallVector<OpFoldResult> low(2, builder.getIndexAttr(0)), high = low;
  for (unsigned i = 0; i < 2; ++i) {
    shape[2 + i] += before[i] + after[i];
    low.push_back(builder.getIndexAttr(before[i]));
    high.push_back(builder.getIndexAttr(after[i]));
  }
  Value value = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(type.getElementType(), fill));
  return tensor::PadOp::create(builder, loc, type.clone(shape), image, low,
                               high, value);
}

Value bitnn::importer::emitElementwise(OpBuilder &builder, Location loc,
                                       ValueRange inputs, unsigned resultBits,
                                       EmitScalar emitScalar) {
  ArrayRef<int64_t> shape = getShape(inputs.front());
  unsigned rank = shape.size();
  SmallVector<AffineMap> maps;
  AffineMap identity = builder.getMultiDimIdentityMap(rank);
  for (Value input : inputs)
    maps.push_back(identity.getMinorSubMap(getShape(input).size()));
  maps.push_back(identity);
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

Value bitnn::importer::emitMovement(OpBuilder &builder, Value value,
                                    const Movement &movement) {
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
    *sum.emitted = sum.emit(builder, sum.bias);
  return *sum.emitted;
}
