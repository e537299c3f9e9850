// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Weights.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace bitnn::importer;

FailureOr<Weights> bitnn::importer::getWeights(NodeContext &node,
                                               const Operand &operand,
                                               unsigned rank,
                                               unsigned outputAxis) {
  auto *constant =
      operand ? std::get_if<QuantizedConstant>(operand.get()) : nullptr;
  if (!constant || !isEightBits(constant->integers->type))
    return node.refuseOperand(operand, "weights operand",
                              "constant 8-bit integers behind a "
                              "DequantizeLinear");
  const Tensor &tensor = *constant->integers;
  if (tensor.shape.size() != rank || tensor.size() == 0)
    return node.refuse() << "weights of shape " << toString(tensor.shape)
                         << " are not supported, only of " << rank
                         << " dimensions";
  Weights weights;
  weights.shape = tensor.shape;
  weights.scales = constant->scales;
  if (llvm::all_equal(weights.scales))
    weights.scales.resize(1);
  if (weights.scales.size() > 1 && constant->axis != outputAxis)
    return node.refuse() << "its weights have one scale per entry of axis "
                         << constant->axis << ", which is summed over; only "
                         << "scales per output (axis " << outputAxis
                         << ") have an integer form";
  int64_t outputs = tensor.shape[outputAxis];
  std::vector<int64_t> outputIndices(outputs);
  std::iota(outputIndices.begin(), outputIndices.end(), 0);
  weights.sums.resize(outputs);
  weights.bits = 8;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t value =
        tensor.getInteger(i) -
        getEntry(constant->zeroPoints, tensor.shape, constant->axis, i);
    weights.values.push_back(value);
    weights.sums[getEntry(outputIndices, tensor.shape, outputAxis, i)] += value;
    if (!llvm::isInt<8>(value))
      weights.bits = 16;
  }
  return weights;
}

static LogicalResult addToBias(NodeContext &node, Accumulator &sum,
                               int64_t channel, int64_t value) {
  sum.bias[channel] += value;
  if (llvm::isInt<32>(sum.bias[channel]))
    return success();
  return node.refuse() << "the accumulator of channel " << channel
                       << " leaves int32: it is " << sum.bias[channel]
                       << " where the stored input is zero";
}

FailureOr<Accumulator>
bitnn::importer::makeLayer(NodeContext &node, const Dequantized &input,
                           const Weights &weights, Shape shape,
                           unsigned channelAxis, const Operand &bias) {
  if (failed(getNumElements(shape)))
    return node.refuse() << "its result of " << toString(shape)
                         << " is too large";
  Accumulator sum;
  sum.tensor = node.node.outputs.front();
  sum.shape = std::move(shape);
  sum.channelAxis = channelAxis;
  for (float scale : weights.scales)
    sum.scales.push_back(input.quantization.scale * scale);
  sum.bias.resize(weights.sums.size());
  // sum((x - zx) w) + b = sum(x w) + (b - zx sum(w)), and only the latter has
  // to be in int32.
  for (auto [bias, weight] : llvm::zip_equal(sum.bias, weights.sums))
    bias = -input.quantization.zeroPoint * weight;
  if (bias && failed(addBias(node, sum, bias, channelAxis)))
    return failure();
  for (size_t channel = 0; channel < sum.bias.size(); ++channel)
    if (failed(addToBias(node, sum, channel, 0)))
      return failure();
  return sum;
}

//===----------------------------------------------------------------------===//
// Biases
//===----------------------------------------------------------------------===//

/// Exporters compute a bias's scale in float32 or float64; more than this is
/// another scale.
static constexpr double kScaleTolerance = 1e-6;

static LogicalResult checkScale(NodeContext &node, float scale,
                                float expected) {
  if (std::abs(double(scale) - expected) <= kScaleTolerance * expected)
    return success();
  return node.refuse() << "the bias's scale must be input scale * weight "
                          "scale = "
                       << toString(expected) << ", but is " << toString(scale);
}

/// Whether a bias depends on nothing but the channel; `shape` is aligned with
/// the last dimensions of the sum, a vector with `axis`.
static bool isPerChannel(const Accumulator &sum, ArrayRef<int64_t> shape,
                         unsigned axis) {
  if (shape.size() > sum.shape.size())
    return false;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    unsigned dimension =
        shape.size() == 1 ? axis : sum.shape.size() - shape.size() + i;
    if (extent != 1 &&
        (dimension != sum.channelAxis || extent != sum.shape[dimension]))
      return false;
  }
  return true;
}

LogicalResult bitnn::importer::addBias(NodeContext &node, Accumulator &sum,
                                       const Operand &bias, unsigned axis) {
  auto *constant = std::get_if<Constant>(bias.get());
  auto *quantized = std::get_if<QuantizedConstant>(bias.get());
  TensorRef tensor = constant    ? constant->tensor
                     : quantized ? quantized->integers
                                 : nullptr;
  if (!tensor || tensor->type != ElementType::Int32)
    return node.refuseOperand(
        bias, "bias",
        "constant int32 (behind a DequantizeLinear in the QDQ form)");
  if (!isPerChannel(sum, tensor->shape, axis))
    return node.refuse() << "a bias of shape " << toString(tensor->shape)
                         << " is not one number per channel of a result of "
                         << "shape " << toString(sum.shape);
  for (int64_t channel = 0; channel < int64_t(sum.bias.size()); ++channel) {
    int64_t element = tensor->size() == 1 ? 0 : channel;
    if (quantized) {
      if (getEntry(quantized->zeroPoints, tensor->shape, quantized->axis,
                   element))
        return node.refuse() << "the bias has a zero point";
      if (failed(checkScale(node,
                            getEntry(quantized->scales, tensor->shape,
                                     quantized->axis, element),
                            sum.scales.size() == 1 ? sum.scales[0]
                                                   : sum.scales[channel])))
        return failure();
    }
    if (failed(addToBias(node, sum, channel, tensor->getInteger(element))))
      return failure();
  }
  sum.emitted = std::make_shared<Value>();
  return success();
}
