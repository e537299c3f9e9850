// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Relu and Clip.

#include "Functions.h"
#include "IntegerOps.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

Result bitnn::importer::importRelu(NodeContext &node) {
  if (auto *integers = node.getIf<Integers>(0))
    return clampIntegers(node, *integers, 0, INT32_MAX);
  return applyClamp(node, node.getOperand(0), 0.0f,
                    std::numeric_limits<float>::infinity());
}

/// A bound of a Clip: an attribute before opset 11, then an operand.
static FailureOr<float> getBound(NodeContext &node, unsigned index,
                                 StringRef name, float missing) {
  FailureOr<float> bound = missing;
  if (node.node.opset < 11) {
    bound = node.getFloat(name, missing);
  } else if (Operand operand = node.getOperand(index)) {
    TensorRef floats = getFloats(operand);
    auto *constant = std::get_if<Constant>(operand.get());
    if (floats && floats->size() == 1)
      bound = floats->getFloat(0);
    else if (constant && isEightBits(constant->tensor->type) &&
             constant->tensor->size() == 1)
      bound = float(constant->tensor->getInteger(0));
    else
      return node.refuseOperand(operand, name, "one constant float32 number");
  }
  if (succeeded(bound) && std::isnan(*bound))
    return node.refuse() << "its " << name << " is not a number";
  return bound;
}

/// Weights of fewer bits, as Brevitas writes them.
static Result clampConstant(const Tensor &tensor, float lower, float upper) {
  SmallVector<int64_t> values;
  for (int64_t i = 0; i < tensor.size(); ++i)
    values.push_back(
        std::min(std::max(float(tensor.getInteger(i)), lower), upper));
  return ImportedValue(Constant{makeTensor(tensor.type, tensor.shape, values)});
}

Result bitnn::importer::importClip(NodeContext &node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  FailureOr<float> lower = getBound(node, 1, "min", -kInfinity);
  if (failed(lower))
    return failure();
  FailureOr<float> upper = getBound(node, 2, "max", kInfinity);
  if (failed(upper))
    return failure();
  if (auto *constant = node.getIf<Constant>(0);
      constant && isEightBits(constant->tensor->type))
    return clampConstant(*constant->tensor, *lower, *upper);
  if (auto *integers = node.getIf<Integers>(0)) {
    auto round = [](float bound) -> int64_t {
      return std::clamp(bound, -1000.0f, 1000.0f);
    };
    return clampIntegers(node, *integers, round(*lower), round(*upper));
  }
  return applyClamp(node, node.getOperand(0), *lower, *upper);
}
