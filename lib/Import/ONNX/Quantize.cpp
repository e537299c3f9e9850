// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantizeLinear: from what a value stands for to integers. The float32
// arithmetic is that of the reference (python/bitnn), step by step.

#include "Emit.h"
#include "Importer.h"
#include "Scales.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

static constexpr int64_t kLowest = -128, kHighest = 127;

/// clamp(rint(real / scale) + zero point), ties to even, the quotient in
/// float32.
static int64_t quantizeReal(float real, Quantization to,
                            int64_t lowest = kLowest,
                            int64_t highest = kHighest) {
  float quotient = real / to.scale;
  double rounded = double(std::nearbyint(quotient)) + double(to.zeroPoint);
  return std::clamp(rounded, double(lowest), double(highest));
}

static float dequantizeInteger(int64_t q, Quantization from) {
  return float(q - from.zeroPoint) * from.scale;
}

/// What the Relu and Clip operators before a QuantizeLinear leave of the range.
static std::pair<int32_t, int32_t> getRange(const Real &real, Quantization to) {
  return {quantizeReal(real.lower, to), quantizeReal(real.upper, to)};
}

static Value quantizeDequantized(NodeContext &node, const Dequantized &real,
                                 Quantization to) {
  SmallVector<int8_t> table;
  for (int64_t q = kLowest; q <= kHighest; ++q) {
    float value = dequantizeInteger(q, real.quantization);
    value = std::min(std::max(value, real.lower), real.upper);
    table.push_back(quantizeReal(value, to));
  }
  if (llvm::equal(table, llvm::seq_inclusive<int64_t>(kLowest, kHighest)))
    return real.integers.value;
  auto type = RankedTensorType::get(256, node.builder.getI8Type());
  auto attribute = DenseElementsAttr::get(type, ArrayRef<int8_t>(table));
  return emitElementwise(
      node.builder, node.loc, real.integers.value, 8,
      [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
        return LookupOp::create(nested, loc, scalars[0], attribute);
      });
}

static Value quantizeSum(NodeContext &node, const Sum &sum, Quantization to) {
  OpBuilder &builder = node.builder;
  auto [lowest, highest] = getRange(sum, to);
  auto f32 = [&](float value) { return builder.getF32FloatAttr(value); };
  auto reference = FloatAddAttr::get(
      builder.getContext(), f32(sum.lhs.quantization.scale),
      sum.lhs.quantization.zeroPoint, f32(sum.rhs.quantization.scale),
      sum.rhs.quantization.zeroPoint, f32(to.scale), to.zeroPoint, lowest,
      highest);
  return emitElementwise(
      builder, node.loc, {sum.lhs.integers.value, sum.rhs.integers.value}, 8,
      [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
        return AddOp::create(nested, loc, scalars[0], scalars[1], reference);
      });
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
                                  ArrayRef(sum.shape).take_back(2), 16,
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

/// A constant tensor of floats, or what a quantized constant stands for.
static TensorRef getFloats(const Operand &value) {
  if (auto *constant = std::get_if<Constant>(value.get()))
    return constant->tensor->type == ElementType::Float32 ? constant->tensor
                                                          : nullptr;
  auto *quantized = std::get_if<QuantizedConstant>(value.get());
  if (!quantized)
    return nullptr;
  const Tensor &tensor = *quantized->integers;
  std::vector<float> floats;
  for (int64_t i = 0; i < tensor.size(); ++i)
    floats.push_back(dequantizeInteger(
        tensor.getInteger(i),
        {getEntry(quantized->scales, tensor.shape, quantized->axis, i),
         getEntry(quantized->zeroPoints, tensor.shape, quantized->axis, i)}));
  return makeTensor(tensor.shape, floats);
}

static Result quantizeConstant(NodeContext &node, const Tensor &tensor,
                               const std::vector<float> &scales,
                               const std::vector<int64_t> &zeroPoints,
                               ElementType type, int64_t axis) {
  FailureOr<int64_t> normalized =
      getAxis(node, scales.size(), zeroPoints.size(), tensor.shape, axis);
  if (failed(normalized))
    return failure();
  int64_t lowest = type == ElementType::Int8 ? kLowest : 0;
  SmallVector<int64_t> integers;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    float real = tensor.getFloat(i);
    if (std::isnan(real))
      return node.refuse() << "it quantizes a constant that is not a number";
    Quantization to = {getEntry(scales, tensor.shape, *normalized, i),
                       getEntry(zeroPoints, tensor.shape, *normalized, i)};
    integers.push_back(quantizeReal(real, to, lowest, lowest + 255));
  }
  return ImportedValue(Constant{makeTensor(type, tensor.shape, integers)});
}

/// The integers' type: the zero point's, or output_dtype, or uint8.
static FailureOr<ElementType> getTargetType(NodeContext &node,
                                            const Operand &zeroPoint) {
  if (zeroPoint) {
    auto *constant = std::get_if<Constant>(zeroPoint.get());
    if (!constant)
      return node.refuseOperand(zeroPoint, "zero point", "a constant");
    if (isEightBits(constant->tensor->type))
      return constant->tensor->type;
    return node.refuse() << "it quantizes to " << constant->tensor->typeName
                         << ", only int8 and uint8 are supported";
  }
  FailureOr<int64_t> type = node.getInt("output_dtype", 0);
  if (failed(type))
    return failure();
  constexpr int64_t kUnspecified = 0, kUInt8 = 2, kInt8 = 3;
  if (*type == kUnspecified || *type == kUInt8)
    return ElementType::UInt8;
  if (*type == kInt8)
    return ElementType::Int8;
  return node.refuse() << "output_dtype = " << *type
                       << " is not supported, only int8 and uint8";
}

Result bitnn::importer::quantize(NodeContext &node, const Operand &value,
                                 const Operand &scale, const Operand &zeroPoint,
                                 int64_t axis) {
  FailureOr<ElementType> type = getTargetType(node, zeroPoint);
  if (failed(type))
    return failure();
  auto scales = getScales(node, scale);
  if (failed(scales))
    return failure();
  auto zeroPoints = getZeroPoints(node, zeroPoint, *type);
  if (failed(zeroPoints))
    return failure();
  if (TensorRef floats = value ? getFloats(value) : nullptr)
    return quantizeConstant(node, *floats, *scales, *zeroPoints, *type, axis);

  bool isUnsigned = *type == ElementType::UInt8;
  auto to = getPerTensor(node, *scales, *zeroPoints, isUnsigned);
  if (failed(to))
    return failure();
  auto *outside = value ? std::get_if<Outside>(value.get()) : nullptr;
  if (outside && outside->sources.empty() && !outside->inputs.empty())
    return node.importer.cutInput(node, *outside, isUnsigned, *to);

  FailureOr<Value> integers = failure();
  const Real *real = nullptr;
  if (auto *dequantized =
          value ? std::get_if<Dequantized>(value.get()) : nullptr)
    integers = quantizeDequantized(node, *dequantized, *to);
  else if (auto *sum = value ? std::get_if<Sum>(value.get()) : nullptr)
    integers = quantizeSum(node, *sum, *to), real = sum;
  else if (auto *acc = value ? std::get_if<Accumulator>(value.get()) : nullptr)
    integers = quantizeAccumulator(node, *acc, *to), real = acc;
  else
    return node.refuseOperand(value, "input", "a float tensor");
  if (failed(integers))
    return failure();
  if (real)
    for (const Movement &movement : real->movements)
      integers = emitMovement(node.builder, *integers, movement);
  return ImportedValue(
      Integers{*integers, isUnsigned, node.node.outputs.front(), *to, {}});
}

Result bitnn::importer::importQuantizeLinear(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis) || failed(node.refuseUnless("block_size", 0)))
    return failure();
  return quantize(node, node.getOperand(0), node.getOperand(1),
                  node.getOperand(2), *axis);
}
