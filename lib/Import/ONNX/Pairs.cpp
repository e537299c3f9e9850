// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What two 8-bit tensors give is a function of 65,536 pairs. A sum or
// difference has a form of its own; of anything else all values are in a table.

#include "Pairs.h"
#include "Emit.h"
#include "Quantization.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

/// What is not a number stays so, as in ONNX.
static float chooseLarger(float a, float b) {
  return std::isnan(b) ? b : std::max(a, b);
}
static float chooseSmaller(float a, float b) {
  return std::isnan(b) ? b : std::min(a, b);
}

BinaryFunction bitnn::importer::getBinaryFunction(StringRef op) {
  return llvm::StringSwitch<BinaryFunction>(op)
      .Case("Add", [](float a, float b) { return a + b; })
      .Case("Sub", [](float a, float b) { return a - b; })
      .Case("Mul", [](float a, float b) { return a * b; })
      .Case("Div", [](float a, float b) { return a / b; })
      .Case("Max", chooseLarger)
      .Case("Min", chooseSmaller)
      .Case("Pow",
            [](float a, float b) { return float(std::pow(double(a), b)); })
      .Case("PRelu", [](float a, float b) { return a < 0 ? a * b : a; })
      .Default(nullptr);
}

bool bitnn::importer::canPair(const Dequantized &real) {
  return real.movements.empty() &&
         (!real.function || real.function->channels == 1);
}

Pair bitnn::importer::makePair(NodeContext &node, StringRef op,
                               const Dequantized &lhs, const Dequantized &rhs,
                               Shape shape) {
  Pair pair;
  pair.tensor = node.node.outputs.front();
  pair.lhs = lhs;
  pair.rhs = rhs;
  pair.combine = getBinaryFunction(op);
  pair.sign = op == "Add" ? 1 : op == "Sub" ? -1 : 0;
  pair.shape = std::move(shape);
  return pair;
}

std::optional<Pair> bitnn::importer::getPair(const Parts &parts) {
  if (parts.kind == Parts::Kind::Concat)
    return std::nullopt;
  auto *lhs = std::get_if<Dequantized>(parts.operands[0].get());
  auto *rhs = std::get_if<Dequantized>(parts.operands[1].get());
  if (!lhs || !rhs || !canPair(*lhs) || !canPair(*rhs))
    return std::nullopt;
  Pair pair;
  static_cast<Real &>(pair) = parts;
  pair.lhs = *lhs;
  pair.rhs = *rhs;
  pair.combine =
      getBinaryFunction(parts.kind == Parts::Kind::Max ? "Max" : "Min");
  pair.shape = parts.shape;
  return pair;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Value bitnn::importer::emitPairLookup(
    OpBuilder &builder, Location loc, ArrayRef<Value> inputs,
    ArrayRef<int64_t> shape, function_ref<int64_t(int64_t, int64_t)> function) {
  SmallVector<int32_t> values;
  for (int64_t a = kLowest; a <= kHighest; ++a)
    for (int64_t b = kLowest; b <= kHighest; ++b)
      values.push_back(function(a, b));
  Value table = emitConstant(builder, loc, {int64_t(values.size())}, 8, values);
  SmallVector<AffineMap> maps;
  for (Value input : inputs)
    maps.push_back(getBroadcastMap(builder, getShape(input), shape));
  return emitElementwise(
      builder, loc, shape, inputs, maps, 8,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        auto constant = [&](int32_t value) -> Value {
          return arith::ConstantOp::create(nested, at,
                                           nested.getI32IntegerAttr(value));
        };
        // a * 256 + b, counted from the pair of the lowest integers.
        constexpr int32_t kBits = 8;
        constexpr int32_t kMiddle = -(kLowest * kEightBitValues) - kLowest;
        Type wide = nested.getI32Type();
        Value a = arith::ExtSIOp::create(nested, at, wide, scalars[0]);
        Value b = arith::ExtSIOp::create(nested, at, wide, scalars[1]);
        Value row = arith::ShLIOp::create(nested, at, a, constant(kBits));
        Value place = arith::AddIOp::create(nested, at, row, b);
        place = arith::AddIOp::create(nested, at, place, constant(kMiddle));
        return emitTableEntry(nested, at, table, place);
      });
}

static Value quantizeByPairs(NodeContext &node, const Pair &pair,
                             Quantization to) {
  auto getReal = [](const Dequantized &operand, int64_t q) {
    return operand.apply(dequantizeInteger(q, operand.quantization), 0);
  };
  return emitPairLookup(node.builder, node.loc,
                        {pair.lhs.integers.value, pair.rhs.integers.value},
                        pair.shape, [&](int64_t a, int64_t b) {
                          float value = pair.combine(getReal(pair.lhs, a),
                                                     getReal(pair.rhs, b));
                          return quantizeReal(pair.apply(value, 0), to);
                        });
}

//===----------------------------------------------------------------------===//
// Sums and differences
//===----------------------------------------------------------------------===//

/// -b stands for another integer: (~b) - (~zero point) = -(b - zero point).
static Quantization negate(Quantization quantization) {
  return {quantization.scale, ~quantization.zeroPoint};
}

static Value quantizeSum(NodeContext &node, const Pair &sum, Quantization to) {
  OpBuilder &builder = node.builder;
  auto [lowest, highest] = getRange(sum, to);
  auto f32 = [&](float value) { return builder.getF32FloatAttr(value); };
  bool isDifference = sum.sign < 0;
  Quantization rhs =
      isDifference ? negate(sum.rhs.quantization) : sum.rhs.quantization;
  auto reference = FloatAddAttr::get(
      builder.getContext(), f32(sum.lhs.quantization.scale),
      sum.lhs.quantization.zeroPoint, f32(rhs.scale), rhs.zeroPoint,
      f32(to.scale), to.zeroPoint, lowest, highest);
  SmallVector<Value> inputs = {sum.lhs.integers.value, sum.rhs.integers.value};
  SmallVector<AffineMap> maps;
  for (Value input : inputs)
    maps.push_back(getBroadcastMap(builder, getShape(input), sum.shape));
  return emitElementwise(
      builder, node.loc, sum.shape, inputs, maps, 8,
      [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
        Value summand = scalars[1];
        if (isDifference) {
          Value ones = arith::ConstantOp::create(
              nested, loc, nested.getIntegerAttr(nested.getI8Type(), -1));
          summand = arith::XOrIOp::create(nested, loc, summand, ones);
        }
        return AddOp::create(nested, loc, scalars[0], summand, reference);
      });
}

Value bitnn::importer::quantizePair(NodeContext &node, const Pair &pair,
                                    Quantization to) {
  bool isSum = pair.sign != 0 && !pair.function && pair.lhs.isUntouched() &&
               pair.rhs.isUntouched();
  return isSum ? quantizeSum(node, pair, to) : quantizeByPairs(node, pair, to);
}
