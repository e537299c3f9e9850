// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Scales.h"
#include <cmath>

using namespace mlir;
using namespace bitnn::importer;

FailureOr<std::vector<float>>
bitnn::importer::getScales(NodeContext &node, const Operand &operand) {
  auto *constant = operand ? std::get_if<Constant>(operand.get()) : nullptr;
  if (!constant)
    return node.refuseOperand(operand, "scale", "a constant");
  const Tensor &tensor = *constant->tensor;
  if (tensor.type != ElementType::Float32 &&
      tensor.type != ElementType::Float16)
    return node.refuse() << "its scale is " << tensor.typeName
                         << ", only float32 and float16 are supported";
  std::vector<float> scales;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    scales.push_back(tensor.getFloat(i));
    if (!std::isfinite(scales.back()) || scales.back() <= 0)
      return node.refuse() << "its scale must be positive and finite, but is "
                           << toString(scales.back());
  }
  if (scales.empty() || (scales.size() > 1 && tensor.shape.size() != 1))
    return node.refuse() << "its scale of shape " << toString(tensor.shape)
                         << " is neither per tensor nor per axis";
  return scales;
}

FailureOr<std::vector<int64_t>>
bitnn::importer::getZeroPoints(NodeContext &node, const Operand &operand,
                               ElementType type) {
  if (!operand)
    return std::vector<int64_t>{0};
  auto *constant = std::get_if<Constant>(operand.get());
  if (!constant)
    return node.refuseOperand(operand, "zero point", "a constant");
  const Tensor &tensor = *constant->tensor;
  if (tensor.type != type)
    return node.refuse() << "its zero point is " << tensor.typeName
                         << " where the integers are " << getTypeName(type);
  if (tensor.size() == 0 || (tensor.size() > 1 && tensor.shape.size() != 1))
    return node.refuse() << "its zero point of shape " << toString(tensor.shape)
                         << " is neither per tensor nor per axis";
  std::vector<int64_t> zeroPoints;
  for (int64_t i = 0; i < tensor.size(); ++i)
    zeroPoints.push_back(tensor.getInteger(i));
  return zeroPoints;
}

bool bitnn::importer::isPerAxis(const std::vector<float> &scales,
                                const std::vector<int64_t> &zeroPoints) {
  return !llvm::all_equal(scales) || !llvm::all_equal(zeroPoints);
}

FailureOr<Quantization> bitnn::importer::getPerTensor(
    NodeContext &node, const std::vector<float> &scales,
    const std::vector<int64_t> &zeroPoints, bool isUnsigned) {
  if (isPerAxis(scales, zeroPoints))
    return node.refuse() << "activations must be quantized per tensor, with "
                            "one scale and zero point";
  return Quantization{scales.front(),
                      zeroPoints.front() - (isUnsigned ? 128 : 0)};
}

FailureOr<int64_t> bitnn::importer::getAxis(NodeContext &node, size_t scales,
                                            size_t zeroPoints,
                                            ArrayRef<int64_t> shape,
                                            int64_t axis) {
  if (scales == 1 && zeroPoints == 1)
    return 0;
  int64_t rank = shape.size();
  if (axis < -rank || axis >= rank)
    return node.refuse() << "axis " << axis << " is not one of a tensor of "
                         << "shape " << toString(shape);
  axis += axis < 0 ? rank : 0;
  for (size_t count : {scales, zeroPoints})
    if (count != 1 && int64_t(count) != shape[axis])
      return node.refuse() << count << " scales or zero points along axis "
                           << axis << " of a tensor of shape "
                           << toString(shape);
  return axis;
}
