// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Concat and QLinearConcat.

#include "Emit.h"
#include "Movements.h"
#include "Quantization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn::importer;

/// The shape of tensors that are joined along an axis.
static FailureOr<Shape> joinShapes(NodeContext &node, ArrayRef<Shape> shapes,
                                   int64_t axis) {
  Shape result = shapes.front();
  result[axis] = 0;
  for (Shape shape : shapes) {
    bool fits = shape.size() == result.size();
    if (fits) {
      result[axis] += shape[axis];
      shape[axis] = result[axis];
    }
    if (!fits || shape != result || failed(getNumElements(result)))
      return node.refuse() << "a tensor of shape " << toString(shape)
                           << " does not fit the others along axis " << axis;
  }
  return result;
}

/// Integers of one type, which stay what they are.
static std::optional<Integers>
joinIntegers(NodeContext &node, ArrayRef<Operand> operands, unsigned axis) {
  SmallVector<Value> values;
  std::optional<bool> isUnsigned;
  for (const Operand &operand : operands) {
    auto *integers = std::get_if<Integers>(operand.get());
    if (!integers ||
        integers->isUnsigned != isUnsigned.value_or(integers->isUnsigned))
      return std::nullopt;
    isUnsigned = integers->isUnsigned;
    values.push_back(integers->value);
  }
  Integers result;
  result.isUnsigned = *isUnsigned;
  result.tensor = node.node.outputs.front();
  result.value = tensor::ConcatOp::create(node.builder, node.loc, axis, values);
  return result;
}

/// Dequantized tensors of one scale, which keep it.
static std::optional<Dequantized>
joinDequantized(NodeContext &node, ArrayRef<Operand> operands, unsigned axis) {
  SmallVector<Value> values;
  const Dequantized *first = nullptr;
  for (const Operand &operand : operands) {
    auto *real = std::get_if<Dequantized>(operand.get());
    if (!real || !real->isUntouched())
      return std::nullopt;
    first = first ? first : real;
    if (!(real->quantization == first->quantization) ||
        real->source.isUnsigned != first->source.isUnsigned)
      return std::nullopt;
    values.push_back(real->integers.value);
  }
  Dequantized result;
  result.tensor = node.node.outputs.front();
  result.quantization = first->quantization;
  result.integers.value =
      tensor::ConcatOp::create(node.builder, node.loc, axis, values);
  result.integers.isUnsigned = first->source.isUnsigned;
  result.integers.tensor = result.tensor;
  result.integers.quantization = result.quantization;
  result.source = result.integers;
  return result;
}

static Result concatenate(NodeContext &node, ArrayRef<Operand> operands,
                          int64_t givenAxis) {
  std::vector<Shape> shapes;
  for (const Operand &operand : operands) {
    auto shape = operand ? getCurrentShape(*operand) : std::nullopt;
    if (!shape || shape->empty())
      return node.decline("an operand has no integer form");
    shapes.push_back(*shape);
  }
  if (shapes.empty())
    return node.refuse() << "it has no operands";
  auto axis = normalizeAxis(node, givenAxis, shapes.front().size());
  if (failed(axis))
    return failure();
  FailureOr<Shape> shape = joinShapes(node, shapes, *axis);
  if (failed(shape))
    return failure();
  if (operands.size() == 1)
    return ImportedValue(*operands.front());
  if (auto integers = joinIntegers(node, operands, *axis))
    return ImportedValue(*integers);
  if (auto real = joinDequantized(node, operands, *axis))
    return ImportedValue(*real);
  for (const Operand &operand : operands)
    if (std::holds_alternative<Integers>(*operand))
      return node.refuse() << "it joins integers of two types, or integers "
                              "and floats";
  Parts parts;
  parts.tensor = node.node.outputs.front();
  parts.operands.assign(operands.begin(), operands.end());
  parts.axis = *axis;
  parts.shape = *shape;
  return ImportedValue(std::move(parts));
}

Result bitnn::importer::importConcat(NodeContext &node) {
  // Before opset 4 the axis had a default.
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis))
    return failure();
  return concatenate(node, node.operands, *axis);
}

Result bitnn::importer::importQLinearConcat(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis))
    return failure();
  SmallVector<Operand> parts;
  for (size_t i = 2; i + 2 < node.operands.size(); i += 3) {
    Result part = dequantize(node, node.getOperand(i), node.getOperand(i + 1),
                             node.getOperand(i + 2));
    if (failed(part))
      return failure();
    parts.push_back(share(std::move(*part)));
  }
  Result joined = concatenate(node, parts, *axis);
  if (failed(joined))
    return failure();
  return quantize(node, share(std::move(*joined)), node.getOperand(0),
                  node.getOperand(1));
}
