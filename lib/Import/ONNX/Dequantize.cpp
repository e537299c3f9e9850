// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DequantizeLinear: attaches what integers stand for, and computes nothing.

#include "Importer.h"
#include "Scales.h"
#include <cmath>

using namespace mlir;
using namespace bitnn::importer;

static Result dequantizeConstant(NodeContext &node, const Constant &constant,
                                 const Operand &scale, const Operand &zeroPoint,
                                 int64_t axis) {
  const Tensor &tensor = *constant.tensor;
  if (!isEightBits(tensor.type) && tensor.type != ElementType::Int32)
    return node.refuse() << "dequantizes " << tensor.typeName
                         << ", only int8, uint8 and int32 are supported";
  auto scales = getScales(node, scale);
  if (failed(scales))
    return failure();
  auto zeroPoints = getZeroPoints(node, zeroPoint, tensor.type);
  if (failed(zeroPoints))
    return failure();
  FailureOr<int64_t> normalized =
      getAxis(node, scales->size(), zeroPoints->size(), tensor.shape, axis);
  if (failed(normalized))
    return failure();
  return ImportedValue(
      QuantizedConstant{constant.tensor, *scales, *zeroPoints, *normalized});
}

Result bitnn::importer::dequantize(NodeContext &node, const Operand &value,
                                   const Operand &scale,
                                   const Operand &zeroPoint, int64_t axis) {
  if (auto *constant = value ? std::get_if<Constant>(value.get()) : nullptr)
    return dequantizeConstant(node, *constant, scale, zeroPoint, axis);
  auto *integers = value ? std::get_if<Integers>(value.get()) : nullptr;
  if (!integers)
    return node.refuseOperand(value, "input", "an int8 or uint8 tensor");
  auto scales = getScales(node, scale);
  if (failed(scales))
    return failure();
  ElementType type =
      integers->isUnsigned ? ElementType::UInt8 : ElementType::Int8;
  // ONNX: without a zero point, it is 0 in the type of the integers.
  auto zeroPoints = getZeroPoints(node, zeroPoint, type);
  if (failed(zeroPoints))
    return failure();
  auto quantization =
      getPerTensor(node, *scales, *zeroPoints, integers->isUnsigned);
  if (failed(quantization))
    return failure();
  node.importer.describeArgument(*integers, *quantization);
  Dequantized real;
  real.tensor = integers->tensor;
  real.source = real.integers = *integers;
  real.source.quantization = real.quantization = *quantization;
  return ImportedValue(real);
}

Result bitnn::importer::importDequantizeLinear(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis) || failed(node.refuseUnless("block_size", 0)))
    return failure();
  return dequantize(node, node.getOperand(0), node.getOperand(1),
                    node.getOperand(2), *axis);
}

FailureOr<const Dequantized *>
bitnn::importer::getActivation(NodeContext &node, const Operand &value,
                               StringRef what) {
  auto *real = value ? std::get_if<Dequantized>(value.get()) : nullptr;
  if (real && real->isUntouched())
    return real;
  return node.refuseOperand(
      value, what,
      "8-bit integers behind a DequantizeLinear; put a QuantizeLinear and a "
      "DequantizeLinear before it");
}
