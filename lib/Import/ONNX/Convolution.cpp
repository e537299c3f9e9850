// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conv, QLinearConv and ConvInteger.

#include "Convolution.h"
#include "Emit.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
/// What is known before a bias. Images and weights have two dimensions.
struct Convolution {
  Value image;
  Weights weights;
  Windows windows;
  int64_t groups, padding;
  Shape outputShape;
  Location loc;

  Value emit(OpBuilder &builder, ArrayRef<int64_t> bias,
             ArrayRef<int64_t> signs) const;

private:
  bool isDepthwise() const {
    return weights.shape[0] == groups && weights.shape[1] == 1 && groups > 1;
  }
  Value emitSums(OpBuilder &builder, Value input, Value init) const;
  Value emitGrouped(OpBuilder &builder, Value input, Value init) const;
};
} // namespace

/// N x C x ... as N x G x C/G x ...
static Value splitChannels(OpBuilder &builder, Location loc, Value value,
                           int64_t groups) {
  Shape shape(getShape(value));
  shape[1] /= groups;
  shape.insert(shape.begin() + 1, groups);
  SmallVector<ReassociationIndices> dimensions = {{0}, {1, 2}, {3}, {4}};
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(shape, getElementTypeOrSelf(value)),
      value, dimensions);
}

Value Convolution::emitGrouped(OpBuilder &builder, Value input,
                               Value init) const {
  Shape shape = weights.shape;
  shape[0] /= groups;
  shape.insert(shape.begin(), groups);
  Value constant =
      emitConstant(builder, loc, shape, weights.bits, weights.values);
  Value split = splitChannels(builder, loc, init, groups);
  Value result =
      linalg::Conv2DNgchwGfchwOp::create(
          builder, loc, split.getType(),
          ValueRange{splitChannels(builder, loc, input, groups), constant},
          split, Windows::getAttribute(builder, windows.strides),
          Windows::getAttribute(builder, windows.dilations))
          .getResult(0);
  SmallVector<ReassociationIndices> dimensions = {{0}, {1, 2}, {3}, {4}};
  return tensor::CollapseShapeOp::create(builder, loc, init.getType(), result,
                                         dimensions);
}

Value Convolution::emitSums(OpBuilder &builder, Value input, Value init) const {
  if (groups > 1 && !isDepthwise())
    return emitGrouped(builder, input, init);
  auto strides = Windows::getAttribute(builder, windows.strides);
  auto dilations = Windows::getAttribute(builder, windows.dilations);
  Shape shape = weights.shape;
  if (isDepthwise())
    shape.erase(shape.begin() + 1);
  Value constant =
      emitConstant(builder, loc, shape, weights.bits, weights.values);
  if (isDepthwise())
    return linalg::DepthwiseConv2DNchwChwOp::create(
               builder, loc, init.getType(), ValueRange{input, constant}, init,
               strides, dilations)
        .getResult(0);
  return linalg::Conv2DNchwFchwOp::create(builder, loc, init.getType(),
                                          ValueRange{input, constant}, init,
                                          strides, dilations)
      .getResult(0);
}

Value Convolution::emit(OpBuilder &builder, ArrayRef<int64_t> bias,
                        ArrayRef<int64_t> signs) const {
  Convolution convolution = *this;
  convolution.weights.applySigns(signs, /*outputAxis=*/0);
  Value lifted = emitReshape(builder, loc, image, lift(getShape(image)));
  Value input =
      emitPad(builder, loc, lifted, windows.before, windows.after, padding);
  Value init = emitBias(builder, loc, lift(outputShape), bias);
  return emitReshape(builder, loc, convolution.emitSums(builder, input, init),
                     outputShape);
}

FailureOr<Accumulator> bitnn::importer::makeConvolution(
    NodeContext &node, const Dequantized &x, Value image, Weights weights,
    const Windows &windows, int64_t groups, const Operand &bias) {
  ArrayRef<int64_t> imageShape = getShape(image);
  Shape shape = windows.getResultShape(imageShape[0], weights.shape[0]);
  auto sum = makeLayer(node, x, weights, shape, /*channelAxis=*/1, bias);
  if (failed(sum))
    return failure();
  weights.shape = lift(weights.shape);
  auto convolution = std::make_shared<const Convolution>(
      Convolution{image, std::move(weights), windows, groups,
                  x.quantization.zeroPoint, shape, node.loc});
  sum->emit = [convolution](OpBuilder &builder, ArrayRef<int64_t> bias,
                            ArrayRef<int64_t> signs) {
    return convolution->emit(builder, bias, signs);
  };
  return sum;
}

static Result convolve(NodeContext &node, const Operand &input,
                       const Operand &weightsOperand, const Operand &bias) {
  auto x = getActivation(node, input, "input");
  if (failed(x))
    return failure();
  Value integers = (*x)->integers.value;
  ArrayRef<int64_t> image = getShape(integers);
  // One-dimensional where the input is.
  auto weights = getWeights(node, weightsOperand,
                            /*rank=*/image.size() == 3 ? 3 : 4,
                            /*outputAxis=*/0);
  if (failed(weights))
    return failure();
  Shape kernel(ArrayRef<int64_t>(weights->shape).drop_front(2));
  auto windows = Windows::get(node, kernel, image);
  if (failed(windows))
    return failure();
  FailureOr<Shape> kernelShape = node.getInts("kernel_shape", kernel);
  if (failed(kernelShape))
    return failure();
  FailureOr<int64_t> groups = node.getInt("group", 1);
  if (failed(groups))
    return failure();
  if (*kernelShape != kernel)
    return node.refuse() << "kernel_shape " << toString(*kernelShape)
                         << " and weights of shape " << toString(weights->shape)
                         << " disagree";
  if (*groups < 1 || image[1] % *groups || weights->shape[0] % *groups ||
      image[1] / *groups != weights->shape[1])
    return node.refuse() << image[1] << " channels, " << *groups
                         << " groups and weights of shape "
                         << toString(weights->shape) << " disagree";
  auto sum = makeConvolution(node, **x, integers, std::move(*weights), *windows,
                             *groups, bias);
  if (failed(sum))
    return failure();
  return ImportedValue(std::move(*sum));
}

Result bitnn::importer::importConv(NodeContext &node) {
  return convolve(node, node.getOperand(0), node.getOperand(1),
                  node.getOperand(2));
}

Result bitnn::importer::importQLinearConv(NodeContext &node) {
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(x))
    return failure();
  Result weights = dequantize(node, node.getOperand(3), node.getOperand(4),
                              node.getOperand(5), /*axis=*/0);
  if (failed(weights))
    return failure();
  Result sum = convolve(node, share(std::move(*x)), share(std::move(*weights)),
                        node.getOperand(8));
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(6),
                  node.getOperand(7));
}

Operand bitnn::importer::makeUnitScale() {
  return share(Constant{makeTensor(Shape{}, 1.0f)});
}

Result bitnn::importer::asIntegers(Result sum) {
  if (failed(sum))
    return failure();
  if (auto *accumulator = std::get_if<Accumulator>(&*sum))
    accumulator->isInteger = true;
  return sum;
}

Result bitnn::importer::importConvInteger(NodeContext &node) {
  Operand one = makeUnitScale();
  Result x = dequantize(node, node.getOperand(0), one, node.getOperand(2));
  if (failed(x))
    return failure();
  Result weights =
      dequantize(node, node.getOperand(1), one, node.getOperand(3), /*axis=*/0);
  if (failed(weights))
    return failure();
  return asIntegers(convolve(node, share(std::move(*x)),
                             share(std::move(*weights)), nullptr));
}
