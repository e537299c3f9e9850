// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Add, QLinearAdd, Relu, Clip.

#include "Emit.h"
#include "NodeContext.h"
#include <cmath>

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Relu and Clip
//===----------------------------------------------------------------------===//

/// Clamps a real value; a clamp of a clamp is one clamp.
static Result clamp(NodeContext &node, float lower, float upper) {
  auto apply = [&](auto real) -> Result {
    auto clip = [&](float bound) {
      return std::min(std::max(bound, lower), upper);
    };
    real.lower = clip(real.lower);
    real.upper = clip(real.upper);
    real.nodes.push_back(&node.node);
    return ImportedValue(std::move(real));
  };
  if (auto *dequantized = node.getIf<Dequantized>(0))
    return apply(*dequantized);
  if (auto *sum = node.getIf<Sum>(0))
    return apply(*sum);
  if (auto *accumulator = node.getIf<Accumulator>(0))
    return apply(*accumulator);
  return node.decline("its input is not behind a DequantizeLinear");
}

Result bitnn::importer::importRelu(NodeContext &node) {
  return clamp(node, 0.0f, std::numeric_limits<float>::infinity());
}

/// A bound of a Clip: an attribute before opset 11, then an operand.
static FailureOr<float> getBound(NodeContext &node, unsigned index,
                                 StringRef name, float missing) {
  FailureOr<float> bound = missing;
  if (node.node.opset < 11) {
    bound = node.getFloat(name, missing);
  } else if (Operand operand = node.getOperand(index)) {
    auto *constant = std::get_if<Constant>(operand.get());
    auto *quantized = std::get_if<QuantizedConstant>(operand.get());
    if (constant && constant->tensor->type == ElementType::Float32 &&
        constant->tensor->size() == 1)
      bound = constant->tensor->getFloat(0);
    else if (quantized && quantized->integers->size() == 1)
      bound = float(quantized->integers->getInteger(0) -
                    quantized->zeroPoints.front()) *
              quantized->scales.front();
    else
      return node.refuseOperand(operand, name, "one constant float32 number");
  }
  if (succeeded(bound) && !std::isfinite(*bound) && *bound != missing)
    return node.refuse() << "its " << name << " must be finite, but is "
                         << toString(*bound);
  return bound;
}

Result bitnn::importer::importClip(NodeContext &node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  FailureOr<float> lower = getBound(node, 1, "min", -kInfinity);
  if (failed(lower))
    return failure();
  FailureOr<float> upper = getBound(node, 2, "max", kInfinity);
  if (failed(upper))
    return failure();
  return clamp(node, *lower, *upper);
}

//===----------------------------------------------------------------------===//
// Add
//===----------------------------------------------------------------------===//

static bool isConstant(const Operand &operand) {
  return operand && (std::get_if<Constant>(operand.get()) ||
                     std::get_if<QuantizedConstant>(operand.get()));
}

/// A sum with a bias behind it: still one exact sum.
static Result addBiasAfter(NodeContext &node, const Accumulator &product,
                           const Operand &bias) {
  if (product.bias.empty() || !product.nodes.empty())
    return node.decline("only a bias directly after Conv, Gemm or MatMul is "
                        "part of the sum");
  Accumulator sum = product;
  if (failed(addBias(node, sum, bias, sum.shape.size() - 1)))
    return failure();
  sum.tensor = node.node.outputs.front();
  return ImportedValue(std::move(sum));
}

/// A constant as a dequantized tensor of the shape of the other operand.
static FailureOr<Dequantized>
getAddend(NodeContext &node, const Operand &operand, ArrayRef<int64_t> shape) {
  if (auto *constant = std::get_if<QuantizedConstant>(operand.get());
      constant && constant->isPerTensor() &&
      isEightBits(constant->integers->type) &&
      ArrayRef<int64_t>(constant->integers->shape) == shape) {
    bool isUnsigned = constant->integers->type == ElementType::UInt8;
    int64_t half = isUnsigned ? 128 : 0;
    SmallVector<int32_t> values;
    for (int64_t i = 0; i < constant->integers->size(); ++i)
      values.push_back(constant->integers->getInteger(i) - half);
    Dequantized result;
    result.quantization = {constant->scales.front(),
                           constant->zeroPoints.front() - half};
    result.integers.value =
        emitConstant(node.builder, node.loc, shape, 8, values);
    return result;
  }
  auto real = getActivation(node, operand, "operand");
  if (failed(real))
    return failure();
  return **real;
}

static Result addDequantized(NodeContext &node, const Operand &a,
                             const Operand &b) {
  auto shapeOf = [](const Operand &operand) -> ArrayRef<int64_t> {
    if (auto *real = std::get_if<Dequantized>(operand.get()))
      return getShape(real->integers.value);
    if (auto *constant = std::get_if<QuantizedConstant>(operand.get()))
      return constant->integers->shape;
    return {};
  };
  ArrayRef<int64_t> shape = shapeOf(isConstant(a) ? b : a);
  if (shapeOf(a) != shapeOf(b))
    return node.decline("it adds shapes " + toString(shapeOf(a)) + " and " +
                        toString(shapeOf(b)) + ", which must be equal");
  auto lhs = getAddend(node, a, shape);
  if (failed(lhs))
    return failure();
  auto rhs = getAddend(node, b, shape);
  if (failed(rhs))
    return failure();
  Sum sum;
  sum.tensor = node.node.outputs.front();
  sum.lhs = std::move(*lhs);
  sum.rhs = std::move(*rhs);
  return ImportedValue(std::move(sum));
}

/// An operand whose integers are there, without a Relu or Clip since.
static bool isAddend(const Operand &operand) {
  if (auto *constant = std::get_if<QuantizedConstant>(operand.get()))
    return constant->isPerTensor() && isEightBits(constant->integers->type);
  auto *real = std::get_if<Dequantized>(operand.get());
  return real && std::isinf(real->lower) && std::isinf(real->upper);
}

Result bitnn::importer::importAdd(NodeContext &node) {
  Operand a = node.getOperand(0), b = node.getOperand(1);
  if (!a || !b)
    return node.refuse() << "it needs two operands";
  if (auto *sum = node.getIf<Accumulator>(0); sum && isConstant(b))
    return addBiasAfter(node, *sum, b);
  if (auto *sum = node.getIf<Accumulator>(1); sum && isConstant(a))
    return addBiasAfter(node, *sum, a);
  if (isAddend(a) && isAddend(b) && !(isConstant(a) && isConstant(b)))
    return addDequantized(node, a, b);
  return node.decline("its operands are not both 8-bit integers directly "
                      "behind a DequantizeLinear");
}

Result bitnn::importer::importQLinearAdd(NodeContext &node) {
  Result a = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(a))
    return failure();
  Result b = dequantize(node, node.getOperand(3), node.getOperand(4),
                        node.getOperand(5));
  if (failed(b))
    return failure();
  Operand lhs = share(std::move(*a)), rhs = share(std::move(*b));
  if (!isAddend(lhs) || !isAddend(rhs) || (isConstant(lhs) && isConstant(rhs)))
    return node.refuse() << "its operands must be 8-bit integers, quantized "
                            "per tensor and not both constant";
  Result sum = addDequantized(node, lhs, rhs);
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(6),
                  node.getOperand(7));
}
