// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer times and plus constants is one layer: BatchNormalization, and Add,
// Sub, Mul and Div by one number or one per channel.

#include "Functions.h"
#include "Quantization.h"
#include "Weights.h"

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Layers and constants
//===----------------------------------------------------------------------===//

/// A constant that a layer is scaled with or that is added to it, if it is one
/// number or one per channel.
static std::optional<ChannelConstant> getFactor(const Accumulator &sum,
                                                const Operand &other) {
  auto constant = getChannelConstant(other, sum.shape);
  bool fits = constant && (constant->values.size() == 1 ||
                           constant->axis == sum.channelAxis);
  return fits ? constant : std::nullopt;
}

std::optional<Result> bitnn::importer::foldConstant(NodeContext &node,
                                                    const Operand &lhs,
                                                    const Operand &rhs) {
  bool isLhs = std::holds_alternative<Accumulator>(*lhs);
  auto *sum = std::get_if<Accumulator>((isLhs ? lhs : rhs).get());
  if (!sum || !sum->isLayer() || !sum->isUntouched() || !sum->nodes.empty())
    return std::nullopt;
  const Operand &other = isLhs ? rhs : lhs;
  StringRef op = node.node.op;
  if (op == "Add") {
    auto *constant = std::get_if<Constant>(other.get());
    if (std::holds_alternative<QuantizedConstant>(*other) ||
        (constant && constant->tensor->type == ElementType::Int32)) {
      Accumulator result = *sum;
      if (failed(addBias(node, result, other, sum->shape.size() - 1)))
        return Result(failure());
      result.tensor = node.node.outputs.front();
      return Result(ImportedValue(std::move(result)));
    }
  }
  auto constant = getFactor(*sum, other);
  if (!constant || (op == "Div" && !isLhs))
    return std::nullopt;
  std::vector<float> gain = {1};
  std::vector<double> offset = {0};
  if (op == "Add" || op == "Sub") {
    offset.assign(constant->values.begin(), constant->values.end());
    if (op == "Sub" && isLhs)
      for (double &value : offset)
        value = -value;
    if (op == "Sub" && !isLhs)
      gain = {-1};
  } else if (op == "Mul" || op == "Div") {
    gain = constant->values;
    if (op == "Div")
      for (float &value : gain)
        value = 1.0f / value;
  } else {
    return std::nullopt;
  }
  FailureOr<Accumulator> folded = foldAffine(node, *sum, gain, offset);
  if (failed(folded))
    return Result(failure());
  return Result(ImportedValue(std::move(*folded)));
}

Result bitnn::importer::importBatchNormalization(NodeContext &node) {
  if (failed(node.refuseUnless("training_mode", 0)))
    return failure();
  FailureOr<float> epsilon = node.getFloat("epsilon", 1e-5f);
  if (failed(epsilon))
    return failure();
  Operand x = node.getOperand(0);
  auto shape = x ? getCurrentShape(*x) : std::nullopt;
  if (!shape || shape->size() < 2)
    return node.decline("its input has no channels of known number");
  std::vector<float> values[4];
  for (unsigned i = 0; i < 4; ++i) {
    Operand operand = node.getOperand(1 + i);
    TensorRef tensor = operand ? getFloats(operand) : nullptr;
    if (!tensor || tensor->size() != (*shape)[1])
      return node.refuseOperand(operand, "parameters",
                                "one constant number per channel");
    for (int64_t channel = 0; channel < tensor->size(); ++channel)
      values[i].push_back(tensor->getFloat(channel));
  }
  std::vector<float> gain;
  std::vector<double> offset;
  for (int64_t i = 0; i < (*shape)[1]; ++i) {
    gain.push_back(double(values[0][i]) /
                   std::sqrt(double(values[3][i]) + double(*epsilon)));
    offset.push_back(double(values[1][i]) -
                     double(values[2][i]) * double(gain.back()));
  }
  if (auto *sum = std::get_if<Accumulator>(x.get());
      sum && sum->isLayer() && sum->isUntouched() && sum->nodes.empty() &&
      sum->channelAxis == 1) {
    FailureOr<Accumulator> folded = foldAffine(node, *sum, gain, offset);
    if (failed(folded))
      return failure();
    return ImportedValue(std::move(*folded));
  }
  Function step;
  step.channels = gain.size();
  step.axis = 1;
  step.turns = {{{}}};
  step.apply = [=](float value, int64_t channel) {
    // Two statements: compilers may fuse only within one.
    float product = value * gain[channel];
    return product + float(offset[channel]);
  };
  return applyFunction(node, x, step);
}
