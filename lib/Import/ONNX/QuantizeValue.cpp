// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what a value stands for to 8-bit integers.

#include "Emit.h"
#include "Pairs.h"
#include "Quantization.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

static Value quantizeDequantized(NodeContext &node, const Dequantized &real,
                                 Quantization to) {
  int64_t channels = real.function ? real.function->channels : 1;
  SmallVector<int32_t> table;
  for (int64_t channel = 0; channel < channels; ++channel)
    for (int64_t q = kLowest; q <= kHighest; ++q)
      table.push_back(quantizeReal(
          real.apply(dequantizeInteger(q, real.quantization), channel), to));
  if (llvm::equal(table, llvm::seq_inclusive<int64_t>(kLowest, kHighest)))
    return real.integers.value;
  return emitLookup(node.builder, node.loc, real.integers.value, table,
                    real.function ? real.function->axis : 0);
}

namespace {
/// The functions of a requantize, and which one a place uses.
struct Multipliers {
  std::vector<float> values;
  /// Of a pool that averages fewer elements at the border: the function of
  /// each position.
  SmallVector<int32_t> ofPosition;
};
} // namespace

/// f32(scale / f32(y_scale * count)); equal functions are one.
static Multipliers getMultipliers(const Accumulator &sum, Quantization to) {
  Multipliers result;
  if (sum.counts.size() > 1) {
    std::vector<int64_t> counts;
    for (int64_t count : sum.counts) {
      auto found = llvm::find(counts, count);
      result.ofPosition.push_back(found - counts.begin());
      if (found == counts.end())
        counts.push_back(count);
    }
    for (int64_t count : counts)
      result.values.push_back(sum.scales.front() / (to.scale * float(count)));
    return result;
  }
  for (float scale : sum.scales)
    result.values.push_back(scale / (to.scale * float(sum.counts.front())));
  if (llvm::all_equal(result.values))
    result.values.resize(1);
  return result;
}

static FailureOr<Value> quantizeAccumulator(NodeContext &node,
                                            const Accumulator &sum,
                                            Quantization to) {
  if (sum.function)
    return quantizeByTable(node, sum, to);
  OpBuilder &builder = node.builder;
  Multipliers multipliers = getMultipliers(sum, to);
  for (float multiplier : multipliers.values)
    if (!std::isfinite(multiplier) || multiplier <= 0)
      return node.refuse() << "its scales give the multiplier "
                           << toString(multiplier)
                           << ", which has no float32 arithmetic; requantize "
                              "with scales nearer to each other";
  auto type =
      RankedTensorType::get(multipliers.values.size(), builder.getF32Type());
  auto [lowest, highest] = getRange(sum, to);
  auto reference =
      FloatScaleAttr::get(builder.getContext(),
                          cast<DenseFPElementsAttr>(DenseElementsAttr::get(
                              type, ArrayRef<float>(multipliers.values))),
                          to.zeroPoint, lowest, highest);

  Value addend;
  if (sum.addend)
    addend = arith::ConstantOp::create(builder, node.loc,
                                       builder.getI32IntegerAttr(sum.addend));
  SmallVector<Value> inputs = {emitAccumulator(builder, sum)};
  bool perPosition = !multipliers.ofPosition.empty();
  if (perPosition)
    inputs.push_back(emitConstant(builder, node.loc,
                                  ArrayRef(sum.shape).drop_front(2), 16,
                                  multipliers.ofPosition));
  return emitElementwise(
      builder, node.loc, inputs, 8,
      [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
        Value acc = scalars[0], index;
        if (addend)
          acc = arith::AddIOp::create(nested, loc, acc, addend);
        if (perPosition)
          index = arith::IndexCastUIOp::create(
              nested, loc, nested.getIndexType(), scalars[1]);
        else if (multipliers.values.size() > 1)
          index = linalg::IndexOp::create(nested, loc, sum.channelAxis);
        return RequantizeOp::create(nested, loc, nested.getI8Type(), acc, index,
                                    reference);
      });
}

//===----------------------------------------------------------------------===//
// Any value
//===----------------------------------------------------------------------===//

/// The parts one by one, each by its own rule, and then as integers.
static FailureOr<Value> quantizeParts(NodeContext &node, const Parts &parts,
                                      Quantization to) {
  OpBuilder &builder = node.builder;
  SmallVector<Value> integers;
  for (const Operand &part : parts.operands) {
    FailureOr<Value> quantized = quantizeValue(node, part, to);
    if (failed(quantized))
      return failure();
    integers.push_back(*quantized);
  }
  auto [lower, upper] = getRange(parts, to);
  int64_t lowest = lower, highest = upper;
  bool isClamped = lowest > to.lowest || highest < to.highest;
  Value result;
  if (parts.kind == Parts::Kind::Concat) {
    result = tensor::ConcatOp::create(builder, node.loc, parts.axis, integers);
  } else {
    SmallVector<AffineMap> maps;
    for (Value operand : integers)
      maps.push_back(getBroadcastMap(builder, getShape(operand), parts.shape));
    result = emitElementwise(
        builder, node.loc, parts.shape, integers, maps, 8,
        [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
          if (parts.kind == Parts::Kind::Max)
            return arith::MaxSIOp::create(nested, loc, scalars[0], scalars[1]);
          return arith::MinSIOp::create(nested, loc, scalars[0], scalars[1]);
        });
  }
  if (!isClamped)
    return result;
  SmallVector<int32_t> table;
  for (int64_t q = kLowest; q <= kHighest; ++q)
    table.push_back(std::clamp(q, lowest, highest));
  return emitLookup(builder, node.loc, result, table, /*axis=*/0);
}

/// A constant among the parts.
static Value emitQuantized(NodeContext &node, const Tensor &floats,
                           Quantization to) {
  SmallVector<int32_t> integers;
  for (int64_t i = 0; i < floats.size(); ++i)
    integers.push_back(quantizeReal(floats.getFloat(i), to));
  Shape shape = floats.shape;
  if (shape.empty())
    shape = {1};
  return emitConstant(node.builder, node.loc, shape, 8, integers);
}

FailureOr<Value> bitnn::importer::quantizeValue(NodeContext &node,
                                                const Operand &value,
                                                Quantization to) {
  if (TensorRef floats = value ? getFloats(value) : nullptr)
    return emitQuantized(node, *floats, to);
  FailureOr<Value> integers = failure();
  const Real *real = nullptr;
  if (auto *quantized = value ? std::get_if<Dequantized>(value.get()) : nullptr)
    integers = quantizeDequantized(node, *quantized, to), real = quantized;
  else if (auto *pair = value ? std::get_if<Pair>(value.get()) : nullptr)
    integers = quantizePair(node, *pair, to), real = pair;
  else if (auto *acc = value ? std::get_if<Accumulator>(value.get()) : nullptr)
    integers = quantizeAccumulator(node, *acc, to), real = acc;
  else if (auto *softmax = value ? std::get_if<Softmax>(value.get()) : nullptr)
    integers = quantizeSoftmax(node, *softmax, to), real = softmax;
  else if (auto *parts = value ? std::get_if<Parts>(value.get()) : nullptr)
    integers = quantizeParts(node, *parts, to), real = parts;
  else
    return node.refuseOperand(value, "input", "a float tensor");
  if (failed(integers))
    return failure();
  for (Movement movement : real->movements) {
    if (movement.padding)
      movement.padding->integer = quantizeReal(movement.padding->fill, to);
    integers = emitMovement(node.builder, *integers, movement);
  }
  return integers;
}
