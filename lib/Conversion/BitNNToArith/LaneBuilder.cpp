// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LaneBuilder.h"
#include "bitnn/Arithmetic/Digits.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

Type LaneBuilder::getLaneType(Type lanes, unsigned bits) {
  Type element = getIntegerType(bits);
  if (auto vector = dyn_cast<VectorType>(lanes))
    return vector.clone(element);
  return element;
}

Value LaneBuilder::constant(Type type, int64_t value) {
  Type element = getElementTypeOrSelf(type);
  APInt bits(element.getIntOrFloatBitWidth(), value, /*isSigned=*/true,
             /*implicitTrunc=*/true);
  TypedAttr attribute = IntegerAttr::get(element, bits);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, bits);
  return arith::ConstantOp::create(*this, attribute);
}

Value LaneBuilder::splat(Type type, Value scalar) {
  if (scalar.getType() == type)
    return scalar;
  return vector::BroadcastOp::create(*this, type, scalar);
}

Value LaneBuilder::resize(Value value, unsigned bits) {
  Type type = getLaneType(value.getType(), bits);
  unsigned from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  if (from == bits)
    return value;
  if (from < bits)
    return arith::ExtSIOp::create(*this, type, value);
  return arith::TruncIOp::create(*this, type, value);
}

Value LaneBuilder::add(Value value, int64_t addend) {
  if (addend == 0)
    return value;
  return arith::AddIOp::create(*this, value, constant(value.getType(), addend));
}

Value LaneBuilder::shiftLeft(Value value, unsigned amount) {
  if (amount == 0)
    return value;
  return arith::ShLIOp::create(*this, value, constant(value.getType(), amount));
}

Value LaneBuilder::shiftRight(Value value, unsigned amount) {
  if (amount == 0)
    return value;
  return arith::ShRSIOp::create(*this, value,
                                constant(value.getType(), amount));
}

/// op(extsi(x), bound) -> extsi(op(x, bound)): a narrow vector has more lanes.
template <typename OpTy>
static Value bound(LaneBuilder &builder, Value value, int64_t bound) {
  auto extend = value.getDefiningOp<arith::ExtSIOp>();
  Type type = extend ? extend.getIn().getType() : value.getType();
  bool fits =
      llvm::isIntN(getElementTypeOrSelf(type).getIntOrFloatBitWidth(), bound);
  if (!extend || !fits || !isa<VectorType>(type))
    return OpTy::create(builder, value,
                        builder.constant(value.getType(), bound));
  Value narrow =
      OpTy::create(builder, extend.getIn(), builder.constant(type, bound));
  return arith::ExtSIOp::create(builder, value.getType(), narrow);
}

Value LaneBuilder::atLeast(Value value, int64_t lower) {
  return bound<arith::MaxSIOp>(*this, value, lower);
}

Value LaneBuilder::atMost(Value value, int64_t upper) {
  return bound<arith::MinSIOp>(*this, value, upper);
}

Value LaneBuilder::accumulate(Value sum, Value term, bool negative) {
  if (!sum && !negative)
    return term;
  if (!sum)
    sum = constant(term.getType(), 0);
  if (negative)
    return arith::SubIOp::create(*this, sum, term);
  return arith::AddIOp::create(*this, sum, term);
}

Value LaneBuilder::multiplyByDigits(Value value, int64_t factor) {
  Value sum;
  SmallVector<Digit, 8> digits = encode(factor, Encoding::Csd);
  for (Digit digit : llvm::reverse(digits))
    sum = accumulate(sum, shiftLeft(value, digit.shift), digit.negative);
  return sum;
}

Value LaneBuilder::lift(Value sum, const Rounding &rounding) {
  if (rounding.lift == Lift::None)
    return sum;
  // The parity bit, at the place where it is added.
  Value bit = shiftRight(sum, rounding.shift - rounding.liftShift);
  if (rounding.lift == Lift::Odd)
    bit = arith::XOrIOp::create(*this, bit, constant(bit.getType(), -1));
  bit = arith::AndIOp::create(
      *this, bit, constant(bit.getType(), int64_t(1) << rounding.liftShift));
  return arith::AddIOp::create(*this, sum, bit);
}

Value LaneBuilder::forEachLane(Type type, ValueRange values,
                               function_ref<Value(ValueRange)> scalar) {
  auto vectorType = dyn_cast<VectorType>(type);
  if (!vectorType)
    return scalar(values);
  Value result = constant(type, 0);
  for (int64_t lane = 0; lane < vectorType.getNumElements(); ++lane) {
    auto elements = llvm::map_to_vector(values, [&](Value value) -> Value {
      return vector::ExtractOp::create(*this, value, lane);
    });
    result = vector::InsertOp::create(*this, scalar(elements), result, lane);
  }
  return result;
}
