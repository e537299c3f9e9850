// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantizeLinear.

#include "Importer.h"
#include "Quantization.h"
#include "Scales.h"

using namespace mlir;
using namespace bitnn::importer;

TensorRef bitnn::importer::getFloats(const Operand &value) {
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

  FailureOr<Value> integers = quantizeValue(node, value, *to);
  if (failed(integers))
    return failure();
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
