// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor that is added to a sum before the sum is quantized: it is rounded to
// the unit of the sum, and added as an integer. A quantized one becomes a table
// of 256 integers, a constant one as many integers as it has elements.

#include "Emit.h"
#include "Quantization.h"
#include "Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <numeric>

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Sums of sums
//===----------------------------------------------------------------------===//

/// A bound of a clamp in units of a sum.
static int64_t getBound(float bound, float scale) {
  double steps = std::nearbyint(double(bound) / double(scale));
  return std::clamp(steps, double(INT32_MIN), double(INT32_MAX));
}

/// What the Relu and Clip operators behind a sum make of its integers.
static Value emitClamp(OpBuilder &builder, Location loc, Value acc,
                       const Accumulator &sum) {
  if (std::isinf(sum.lower) && std::isinf(sum.upper))
    return acc;
  AffineMap identity = builder.getMultiDimIdentityMap(sum.shape.size());
  SmallVector<Value> inputs = {acc};
  SmallVector<AffineMap> maps = {identity};
  for (float bound : {sum.lower, sum.upper}) {
    SmallVector<int32_t> values;
    for (float scale : sum.scales)
      values.push_back(getBound(bound, scale));
    inputs.push_back(
        emitConstant(builder, loc, {int64_t(values.size())}, 32, values));
    maps.push_back(values.size() > 1
                       ? identity.getSubMap(sum.channelAxis)
                       : AffineMap::get(sum.shape.size(), 0,
                                        builder.getAffineConstantExpr(0)));
  }
  return emitElementwise(
      builder, loc, sum.shape, inputs, maps, 32,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        Value low = arith::MaxSIOp::create(nested, at, scalars[0], scalars[1]);
        return arith::MinSIOp::create(nested, at, low, scalars[2]);
      });
}

/// The largest size of a sum behind its clamp; nothing if nothing can be added
/// to it.
static std::optional<int64_t> getMost(const Accumulator &sum) {
  if (sum.isInteger || sum.function || !sum.movements.empty() || !sum.bound)
    return std::nullopt;
  int64_t most = *sum.bound, clamped = 0;
  for (int64_t bias : sum.bias)
    most = std::max(most, *sum.bound + std::abs(bias));
  for (float scale : sum.scales)
    for (int64_t end : {-most, most})
      clamped = std::max(
          clamped, std::abs(std::min(std::max(end, getBound(sum.lower, scale)),
                                     getBound(sum.upper, scale))));
  return clamped;
}

/// What `emit` makes of the integers of a sum, with at most `addend` more.
static FailureOr<Accumulator>
addTo(NodeContext &node, const Accumulator &sum, int64_t addend,
      std::function<Value(OpBuilder &, Location, Value)> emit) {
  auto most = getMost(sum);
  if (!most || *most + addend > INT32_MAX)
    return node.refuse()
           << "the sum and what is added to it can leave int32; put a "
              "QuantizeLinear and a DequantizeLinear between them";
  Accumulator result = sum;
  static_cast<Real &>(result) = Real();
  result.tensor = node.node.outputs.front();
  result.bias.clear();
  result.signs.clear();
  result.bound = *most + addend;
  result.emitted = std::make_shared<Value>();
  result.emit = [=, loc = node.loc](OpBuilder &builder, ArrayRef<int64_t>,
                                    ArrayRef<int64_t>) {
    Value acc = emitAccumulator(builder, sum);
    return emit(builder, loc, emitClamp(builder, loc, acc, sum));
  };
  return result;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// Whether a tensor can be broadcast to a sum.
static bool fits(const Accumulator &sum, ArrayRef<int64_t> shape) {
  auto broadcast = getBroadcastShape(shape, sum.shape);
  return broadcast && ArrayRef(*broadcast) == ArrayRef(sum.shape);
}

FailureOr<Accumulator> bitnn::importer::addTensor(NodeContext &node,
                                                  const Accumulator &sum,
                                                  const Tensor &constant) {
  if (!fits(sum, constant.shape))
    return node.refuse() << "a constant of shape " << toString(constant.shape)
                         << " cannot be added to a result of shape "
                         << toString(sum.shape);
  bool isInteger = constant.type == ElementType::Int32;
  // The constant's shape, but with channels where they have scales.
  size_t rank = sum.shape.size();
  Shape shape(rank - constant.shape.size(), 1);
  llvm::append_range(shape, constant.shape);
  std::vector<int64_t> channels = {0};
  if (!isInteger && sum.scales.size() > 1) {
    shape[sum.channelAxis] = sum.shape[sum.channelAxis];
    channels.resize(sum.scales.size());
    std::iota(channels.begin(), channels.end(), 0);
  }
  SmallVector<int32_t> values;
  int64_t most = 0;
  for (int64_t i = 0, e = *getNumElements(shape); i < e; ++i) {
    int64_t element = getBroadcastSource(constant.shape, shape, i);
    int64_t channel = getEntry(channels, shape, sum.channelAxis, i);
    double scale = sum.scales[channel];
    double steps = isInteger
                       ? double(constant.getInteger(element))
                       : std::nearbyint(constant.getFloat(element) / scale);
    if (!(std::abs(steps) <= double(INT32_MAX)))
      return node.refuse() << "its constant does not fit the int32 sum";
    most = std::max(most, std::abs(int64_t(steps)));
    values.push_back(steps);
  }
  return addTo(
      node, sum, most, [=](OpBuilder &builder, Location loc, Value acc) {
        Value addend = emitConstant(builder, loc, shape, 32, values);
        return emitElementwise(
            builder, loc, getShape(acc), {acc, addend},
            {builder.getMultiDimIdentityMap(rank),
             getBroadcastMap(builder, shape, getShape(acc))},
            32, [](OpBuilder &nested, Location at, ValueRange scalars) {
              return arith::AddIOp::create(nested, at, scalars[0], scalars[1]);
            });
      });
}

//===----------------------------------------------------------------------===//
// Quantized tensors
//===----------------------------------------------------------------------===//

namespace {
/// What each of the 256 integers adds to each channel.
struct Addends {
  SmallVector<int32_t> values, channels;
  int64_t most = 0;
};
} // namespace

static std::optional<Addends> getAddends(const Accumulator &sum,
                                         const Dequantized &real, float sign) {
  Addends addends;
  for (float scale : sum.scales) {
    addends.channels.push_back(addends.values.size() + kEightBitValues / 2);
    for (int64_t q = kLowest; q <= kHighest; ++q) {
      float value = real.apply(dequantizeInteger(q, real.quantization), 0);
      double steps = std::nearbyint(double(sign * value) / double(scale));
      if (!(std::abs(steps) <= double(INT32_MAX)))
        return std::nullopt;
      addends.most = std::max(addends.most, std::abs(int64_t(steps)));
      addends.values.push_back(steps);
    }
  }
  return addends;
}

static Value emitAddition(OpBuilder &builder, Location loc, Value acc,
                          Value integers, const Addends &addends,
                          unsigned channelAxis) {
  Value table = emitConstant(builder, loc, {int64_t(addends.values.size())}, 32,
                             addends.values);
  AffineMap identity = builder.getMultiDimIdentityMap(getShape(acc).size());
  SmallVector<Value> inputs = {acc, integers};
  SmallVector<AffineMap> maps = {
      identity, getBroadcastMap(builder, getShape(integers), getShape(acc))};
  bool perChannel = addends.channels.size() > 1;
  if (perChannel) {
    inputs.push_back(emitConstant(builder, loc,
                                  {int64_t(addends.channels.size())}, 32,
                                  addends.channels));
    maps.push_back(identity.getSubMap(channelAxis));
  }
  return emitElementwise(
      builder, loc, getShape(acc), inputs, maps, 32,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        Value start =
            perChannel
                ? scalars[2]
                : arith::ConstantOp::create(
                      nested, at, nested.getI32IntegerAttr(addends.channels[0]))
                      .getResult();
        Value wide =
            arith::ExtSIOp::create(nested, at, nested.getI32Type(), scalars[1]);
        Value place = arith::AddIOp::create(nested, at, wide, start);
        return arith::AddIOp::create(nested, at, scalars[0],
                                     emitTableEntry(nested, at, table, place));
      });
}

static FailureOr<Accumulator> addQuantized(NodeContext &node,
                                           const Accumulator &sum,
                                           const Dequantized &real,
                                           float sign) {
  auto addends = getAddends(sum, real, sign);
  int64_t most = addends ? addends->most : INT32_MAX;
  return addTo(node, sum, most,
               [=, integers = real.integers.value, axis = sum.channelAxis](
                   OpBuilder &builder, Location loc, Value acc) {
                 return emitAddition(builder, loc, acc, integers, *addends,
                                     axis);
               });
}

//===----------------------------------------------------------------------===//
// Add and Sub
//===----------------------------------------------------------------------===//

/// A constant of several numbers, times a sign; null for anything else. One
/// number is part of a function of the sum.
static TensorRef getTensor(const Operand &operand, float sign) {
  TensorRef floats = getFloats(operand);
  if (!floats || floats->size() < 2 || floats->size() > kMostComputedElements)
    return nullptr;
  std::vector<float> values;
  for (int64_t i = 0; i < floats->size(); ++i)
    values.push_back(sign * floats->getFloat(i));
  return makeTensor(floats->shape, values);
}

std::optional<Result> bitnn::importer::addResidual(NodeContext &node,
                                                   const Operand &lhs,
                                                   const Operand &rhs) {
  StringRef op = node.node.op;
  bool isLhs = std::holds_alternative<Accumulator>(*lhs);
  auto *sum = std::get_if<Accumulator>((isLhs ? lhs : rhs).get());
  const Operand &other = isLhs ? rhs : lhs;
  if (!sum || !getMost(*sum) || (op != "Add" && (op != "Sub" || !isLhs)))
    return std::nullopt;
  float sign = op == "Sub" ? -1 : 1;
  FailureOr<Accumulator> result = failure();
  auto *real = std::get_if<Dequantized>(other.get());
  if (real && real->movements.empty() &&
      !(real->function && real->function->channels > 1) &&
      fits(*sum, getShape(real->integers.value)))
    result = addQuantized(node, *sum, *real, sign);
  else if (TensorRef constant = getTensor(other, sign);
           constant && fits(*sum, constant->shape))
    result = addTensor(node, *sum, *constant);
  else
    return std::nullopt;
  if (failed(result))
    return Result(failure());
  return Result(ImportedValue(std::move(*result)));
}
