// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A quantized tensor that is added to a sum before the sum is quantized: it is
// rounded to the unit of the sum, by a table, and added as an integer.

#include "Emit.h"
#include "Quantization.h"
#include "Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitnn::importer;

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
  SmallVector<AffineMap> maps = {identity, identity};
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

std::optional<Result> bitnn::importer::addResidual(NodeContext &node,
                                                   const Operand &lhs,
                                                   const Operand &rhs) {
  StringRef op = node.node.op;
  bool isLhs = std::holds_alternative<Accumulator>(*lhs);
  auto *sum = std::get_if<Accumulator>((isLhs ? lhs : rhs).get());
  auto *real = std::get_if<Dequantized>((isLhs ? rhs : lhs).get());
  bool isSum = op == "Add" || (op == "Sub" && isLhs);
  if (!sum || !real || !isSum || !sum->isLayer() || !sum->isUntouched() ||
      !sum->nodes.empty() || sum->isInteger || !real->movements.empty() ||
      (real->function && real->function->channels > 1) ||
      getShape(real->integers.value) != ArrayRef<int64_t>(sum->shape))
    return std::nullopt;
  auto addends = getAddends(*sum, *real, op == "Sub" ? -1.0f : 1.0f);
  int64_t most = sum->bound;
  for (int64_t bias : sum->bias)
    most = std::max(most, sum->bound + std::abs(bias));
  if (!addends || most + addends->most > INT32_MAX)
    return Result(node.refuse()
                  << "the sum and what is added to it can leave int32; put a "
                     "QuantizeLinear and a DequantizeLinear between them");
  Accumulator result = *sum;
  result.tensor = node.node.outputs.front();
  result.bias.clear();
  result.signs.clear();
  result.emitted = std::make_shared<Value>();
  result.emit = [sum = *sum, integers = real->integers.value,
                 addends = *addends, loc = node.loc](
                    OpBuilder &builder, ArrayRef<int64_t>, ArrayRef<int64_t>) {
    return emitAddition(builder, loc, emitAccumulator(builder, sum), integers,
                        addends, sum.channelAxis);
  };
  return Result(ImportedValue(std::move(result)));
}
