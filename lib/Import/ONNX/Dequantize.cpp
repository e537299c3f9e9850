// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// DequantizeLinear: attaches what integers stand for, and computes nothing.

#include "Importer.h"
#include "Quantization.h"
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

/// Activations with several scales: functions of the integers, one per entry of
/// the axis. Nothing but such functions has an integer form behind it.
static Result dequantizePerAxis(NodeContext &node, const Integers &integers,
                                const std::vector<float> &scales,
                                const std::vector<int64_t> &zeroPoints,
                                int64_t axis) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(integers.value.getType()).getShape();
  FailureOr<int64_t> normalized =
      getAxis(node, scales.size(), zeroPoints.size(), shape, axis);
  if (failed(normalized))
    return failure();
  auto function = std::make_shared<Function>();
  function->channels = shape[*normalized];
  function->axis = *normalized;
  function->turns = {{{}}};
  function->apply = [=](float integer, int64_t channel) {
    int64_t zeroPoint = zeroPoints[zeroPoints.size() == 1 ? 0 : channel];
    return (integer - float(zeroPoint)) *
           scales[scales.size() == 1 ? 0 : channel];
  };
  Dequantized real;
  real.tensor = integers.tensor;
  real.source = real.integers = integers;
  real.quantization = {1.0f, integers.isUnsigned ? kLowest : 0};
  real.function = function;
  real.nodes.push_back(&node.node);
  return ImportedValue(real);
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
  if (isPerAxis(*scales, *zeroPoints) && node.node.op == "DequantizeLinear")
    return dequantizePerAxis(node, *integers, *scales, *zeroPoints, axis);
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
  if (real && real->nodes.size() == 1 &&
      StringRef(real->nodes.front()->op) == "DequantizeLinear")
    return node.refuse() << "its " << what << " " << quote(real->tensor)
                         << " has several scales or zero points; quantize "
                            "activations per tensor";
  return node.refuseOperand(
      value, what,
      "8-bit integers behind a DequantizeLinear; put a QuantizeLinear and a "
      "DequantizeLinear before it");
}
