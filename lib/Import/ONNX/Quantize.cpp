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

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static const StoredType kStoredTypes[] = {
    {ElementType::Int8, "int8", -128, 127},
    {ElementType::UInt8, "uint8", 0, 255},
    {ElementType::Int8, "int4", -8, 7},
    {ElementType::UInt8, "uint4", 0, 15},
    {ElementType::Int8, "int2", -2, 1},
    {ElementType::UInt8, "uint2", 0, 3},
};

std::optional<StoredType> bitnn::importer::getStoredType(StringRef name) {
  for (const StoredType &type : kStoredTypes)
    if (type.name == name)
      return type;
  return std::nullopt;
}

std::optional<StoredType> bitnn::importer::getStoredType(int64_t onnxType) {
  switch (onnxType) {
  case kOnnxInt8:
    return getStoredType("int8");
  case kOnnxUInt8:
    return getStoredType("uint8");
  case 21:
    return getStoredType("uint4");
  case 22:
    return getStoredType("int4");
  case 25:
    return getStoredType("uint2");
  case 26:
    return getStoredType("int2");
  default:
    return std::nullopt;
  }
}

static constexpr llvm::StringLiteral kSupportedTypes =
    "only int8, uint8 and narrower integers are supported";

/// The integers' type: the zero point's, or output_dtype, or uint8.
static FailureOr<StoredType> getTargetType(NodeContext &node,
                                           const Operand &zeroPoint) {
  if (zeroPoint) {
    auto *constant = std::get_if<Constant>(zeroPoint.get());
    if (!constant)
      return node.refuseOperand(zeroPoint, "zero point", "a constant");
    if (auto type = getStoredType(constant->tensor->typeName))
      return *type;
    return node.refuse() << "it quantizes to " << constant->tensor->typeName
                         << ", " << kSupportedTypes;
  }
  FailureOr<int64_t> number = node.getInt("output_dtype", 0);
  if (failed(number))
    return failure();
  if (auto type = getStoredType(*number == 0 ? kOnnxUInt8 : *number))
    return *type;
  return node.refuse() << "output_dtype = " << *number << ", "
                       << kSupportedTypes;
}

//===----------------------------------------------------------------------===//
// QuantizeLinear
//===----------------------------------------------------------------------===//

static Result quantizeConstant(NodeContext &node, const Tensor &tensor,
                               const std::vector<float> &scales,
                               const std::vector<int64_t> &zeroPoints,
                               const StoredType &type, int64_t axis) {
  FailureOr<int64_t> normalized =
      getAxis(node, scales.size(), zeroPoints.size(), tensor.shape, axis);
  if (failed(normalized))
    return failure();
  SmallVector<int64_t> integers;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    float real = tensor.getFloat(i);
    if (std::isnan(real))
      return node.refuse() << "it quantizes a constant that is not a number";
    Quantization to = {getEntry(scales, tensor.shape, *normalized, i),
                       getEntry(zeroPoints, tensor.shape, *normalized, i),
                       type.lowest, type.highest};
    integers.push_back(quantizeReal(real, to));
  }
  auto result = std::make_shared<Tensor>(
      *makeTensor(type.stored, tensor.shape, integers));
  result->typeName = type.name;
  return ImportedValue(Constant{result});
}

Result bitnn::importer::quantize(NodeContext &node, const Operand &value,
                                 const Operand &scale, const Operand &zeroPoint,
                                 int64_t axis) {
  FailureOr<StoredType> type = getTargetType(node, zeroPoint);
  if (failed(type))
    return failure();
  auto scales = getScales(node, scale);
  if (failed(scales))
    return failure();
  auto zeroPoints = getZeroPoints(node, zeroPoint, type->stored);
  if (failed(zeroPoints))
    return failure();
  if (TensorRef floats = value ? getFloats(value) : nullptr)
    return quantizeConstant(node, *floats, *scales, *zeroPoints, *type, axis);

  auto *outside = value ? std::get_if<Outside>(value.get()) : nullptr;
  bool isInput =
      outside && outside->sources.empty() && !outside->inputs.empty();
  if (isInput && outside->shape && isPerAxis(*scales, *zeroPoints)) {
    if (failed(getAxis(node, scales->size(), zeroPoints->size(),
                       *outside->shape, axis)))
      return failure();
    return node.importer.cutInput(node, *outside, type->isUnsigned(), {});
  }
  if (failed(getPerTensor(node, *scales, *zeroPoints, type->isUnsigned())))
    return failure();
  Quantization to = type->getQuantization(scales->front(), zeroPoints->front());
  if (isInput)
    return node.importer.cutInput(node, *outside, type->isUnsigned(), to);

  FailureOr<Value> integers = quantizeValue(node, value, to);
  if (failed(integers))
    return failure();
  return ImportedValue(Integers{*integers,
                                type->isUnsigned(),
                                node.node.outputs.front(),
                                Quantization{to.scale, to.zeroPoint},
                                {}});
}

Result bitnn::importer::importQuantizeLinear(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis) || failed(node.refuseUnless("block_size", 0)))
    return failure();
  return quantize(node, node.getOperand(0), node.getOperand(1),
                  node.getOperand(2), *axis);
}
