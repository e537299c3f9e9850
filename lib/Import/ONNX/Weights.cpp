// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Weights.h"
#include "Quantization.h"
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
                              "DequantizeLinear; quantize the weights, too");
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
  weights.sizes.resize(outputs);
  weights.bits = 8;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t value =
        tensor.getInteger(i) -
        getEntry(constant->zeroPoints, tensor.shape, constant->axis, i);
    weights.values.push_back(value);
    int64_t output = getEntry(outputIndices, tensor.shape, outputAxis, i);
    weights.sums[output] += value;
    weights.sizes[output] += std::abs(value);
    if (!llvm::isInt<8>(value))
      weights.bits = 16;
  }
  return weights;
}

void Weights::applySigns(ArrayRef<int64_t> signs, unsigned outputAxis) {
  if (llvm::all_of(signs, [](int64_t sign) { return sign == 1; }))
    return;
  std::vector<int64_t> perOutput(signs.begin(), signs.end());
  for (int64_t i = 0, e = values.size(); i < e; ++i) {
    values[i] *= getEntry(perOutput, shape, outputAxis, i);
    if (!llvm::isInt<8>(values[i]))
      bits = 16;
  }
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

FailureOr<Accumulator> bitnn::importer::foldAffine(NodeContext &node,
                                                   const Accumulator &sum,
                                                   ArrayRef<float> gain,
                                                   ArrayRef<double> offset) {
  Accumulator result = sum;
  result.tensor = node.node.outputs.front();
  result.emitted = std::make_shared<Value>();
  result.isInteger = false;
  size_t channels = sum.bias.size();
  if (gain.size() > 1)
    result.scales.resize(channels, sum.scales.front());
  auto at = [](auto values, size_t channel) {
    return values[values.size() == 1 ? 0 : channel];
  };
  // A gain of zero leaves the offset alone, in steps of the old scale.
  for (size_t i = 0; i < result.scales.size(); ++i) {
    float size = std::abs(at(gain, i));
    if (size != 0)
      result.scales[i] *= size;
    if (!std::isfinite(result.scales[i]) || result.scales[i] <= 0)
      return node.refuse() << "a factor of " << toString(size)
                           << " leaves the range of float32 scales";
  }
  for (size_t channel = 0; channel < channels; ++channel) {
    float factor = at(gain, channel);
    int64_t sign = (factor > 0) - (factor < 0);
    double steps = std::nearbyint(at(offset, channel) /
                                  double(at(ArrayRef(result.scales), channel)));
    if (!(std::abs(steps) <= double(INT32_MAX)))
      return node.refuse() << "its constant of channel " << channel
                           << " does not fit the int32 sum";
    result.signs[channel] *= sign;
    result.bias[channel] *= sign;
    if (failed(addToBias(node, result, channel, int64_t(steps))))
      return failure();
  }
  return result;
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
  sum.signs.resize(weights.sums.size(), 1);
  sum.bound = 0;
  for (int64_t size : weights.sizes)
    sum.bound = std::max(*sum.bound, size * 128);
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

/// Whether int32 biases are in steps of the sum's scale.
static bool isInSteps(const Accumulator &sum, const QuantizedConstant &bias) {
  if (bias.integers->type != ElementType::Int32)
    return false;
  for (int64_t channel = 0; channel < int64_t(sum.bias.size()); ++channel) {
    int64_t element = bias.integers->size() == 1 ? 0 : channel;
    auto get = [&](const auto &parameters) {
      return getEntry(parameters, bias.integers->shape, bias.axis, element);
    };
    float expected =
        sum.scales.size() == 1 ? sum.scales[0] : sum.scales[channel];
    if (get(bias.zeroPoints) || std::abs(double(get(bias.scales)) - expected) >
                                    kScaleTolerance * expected)
      return false;
  }
  return true;
}

LogicalResult bitnn::importer::addBias(NodeContext &node, Accumulator &sum,
                                       const Operand &bias, unsigned axis) {
  auto *constant = std::get_if<Constant>(bias.get());
  auto *quantized = std::get_if<QuantizedConstant>(bias.get());
  TensorRef integers, floats;
  if (constant && constant->tensor->type == ElementType::Int32)
    integers = constant->tensor;
  else if (quantized && isInSteps(sum, *quantized))
    integers = quantized->integers;
  else
    floats = getFloats(bias);
  if (!integers && !floats)
    return node.refuseOperand(bias, "bias", "constant int32 or float32");
  ArrayRef<int64_t> shape = integers ? integers->shape : floats->shape;
  if (!isPerChannel(sum, shape, axis) && axis + 1 == sum.shape.size()) {
    auto added = addTensor(node, sum, integers ? *integers : *floats);
    if (succeeded(added))
      sum = std::move(*added);
    return added;
  }
  if (!isPerChannel(sum, shape, axis))
    return node.refuse() << "a bias of shape " << toString(shape)
                         << " is not one number per channel of a result of "
                         << "shape " << toString(sum.shape);
  int64_t size = *getNumElements(shape);
  for (int64_t channel = 0; channel < int64_t(sum.bias.size()); ++channel) {
    int64_t element = size == 1 ? 0 : channel;
    double scale = sum.scales[sum.scales.size() == 1 ? 0 : channel];
    double steps = integers ? double(integers->getInteger(element))
                            : std::nearbyint(floats->getFloat(element) / scale);
    if (!(std::abs(steps) <= -double(INT32_MIN)))
      return node.refuse() << "the bias of channel " << channel
                           << " does not fit the int32 sum";
    if (failed(addToBias(node, sum, channel, int64_t(steps))))
      return failure();
  }
  sum.emitted = std::make_shared<Value>();
  return success();
}
