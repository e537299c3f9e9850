// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ConvTranspose: a convolution of the image with zeros between its pixels, by
// the kernel turned round.

#include "Convolution.h"
#include "Emit.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

/// Weights C x M/G x kernel as those of a convolution: M x C/G x kernel, turned
/// round.
static QuantizedConstant turnWeights(const QuantizedConstant &from,
                                     int64_t groups) {
  const Tensor &tensor = *from.integers;
  int64_t channels = tensor.shape[0] / groups, outputs = tensor.shape[1];
  int64_t kernel =
      *getNumElements(ArrayRef<int64_t>(tensor.shape).drop_front(2));
  std::vector<int64_t> values;
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t m = 0; m < outputs; ++m)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = kernel; k-- > 0;)
          values.push_back(tensor.getInteger(
              ((group * channels + c) * outputs + m) * kernel + k));
  QuantizedConstant to = from;
  Shape shape = tensor.shape;
  shape[0] = groups * outputs;
  shape[1] = channels;
  to.integers = makeTensor(tensor.type, shape, values);
  to.axis = 0;
  // Every group has the parameters of the same outputs.
  auto repeat = [&](auto &entries) {
    auto once = entries;
    for (int64_t group = 1; group < groups && once.size() > 1; ++group)
      entries.insert(entries.end(), once.begin(), once.end());
  };
  repeat(to.scales);
  repeat(to.zeroPoints);
  return to;
}

/// Attributes of a ConvTranspose, along each dimension.
struct Turned {
  Shape strides, dilations, before, after, outputs;
};

static FailureOr<Turned> getTurned(NodeContext &node, ArrayRef<int64_t> kernel,
                                   ArrayRef<int64_t> size) {
  unsigned rank = kernel.size();
  auto strides = getSteps(node, "strides", rank, 1);
  auto dilations = getSteps(node, "dilations", rank, 1);
  auto pads = getSteps(node, "pads", 2 * rank, 0);
  auto added = getSteps(node, "output_padding", rank, 0);
  auto outputs = getSteps(node, "output_shape", rank, 0);
  auto mode = node.getString("auto_pad", "NOTSET");
  if (failed(strides) || failed(dilations) || failed(pads) || failed(added) ||
      failed(outputs) || failed(mode))
    return failure();
  Turned result = {*strides, *dilations, {}, {}, {}};
  for (unsigned i = 0; i < rank; ++i) {
    int64_t extent = (kernel[i] - 1) * (*dilations)[i] + 1;
    if (extent > INT32_MAX || (size[i] - 1) * (*strides)[i] > INT32_MAX)
      return node.refuse() << "its result is too large";
    int64_t full = (size[i] - 1) * (*strides)[i] + extent + (*added)[i];
    int64_t before = (*pads)[i], after = (*pads)[rank + i];
    if (node.has("output_shape") || StringRef(*mode).starts_with("SAME")) {
      int64_t wanted =
          node.has("output_shape") ? (*outputs)[i] : size[i] * (*strides)[i];
      int64_t total = std::max<int64_t>(full - wanted, 0);
      int64_t small = total / 2, large = total - small;
      bool upper = *mode == "SAME_UPPER";
      before = upper ? small : large;
      after = upper ? large : small;
    } else if (*mode == "VALID") {
      before = after = 0;
    }
    result.outputs.push_back(full - before - after);
    // Of the convolution: what the kernel reaches over, less what is cut off.
    result.before.push_back(extent - 1 - before);
    result.after.push_back(extent - 1 - after + (*added)[i]);
    if (result.before[i] < 0 || result.after[i] < 0 || result.outputs[i] < 1)
      return node.refuse() << "pads of " << before << " and " << after
                           << " are larger than its kernel";
  }
  return result;
}

/// The image with strides - 1 elements of zero between its pixels.
static Value emitSpread(NodeContext &node, Value image,
                        ArrayRef<int64_t> strides, int64_t zero) {
  if (llvm::all_of(strides, [](int64_t stride) { return stride == 1; }))
    return image;
  OpBuilder &builder = node.builder;
  Shape shape(getShape(image)), spread = shape;
  SmallVector<OpFoldResult> offsets(shape.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> extents, steps;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    int64_t step = i < 2 ? 1 : strides[i - 2];
    spread[i] = (extent - 1) * step + 1;
    extents.push_back(builder.getIndexAttr(extent));
    steps.push_back(builder.getIndexAttr(step));
  }
  Value zeros = emitFilled(builder, node.loc, spread, 8, zero);
  return tensor::InsertSliceOp::create(builder, node.loc, image, zeros, offsets,
                                       extents, steps);
}

Result bitnn::importer::importConvTranspose(NodeContext &node) {
  auto x = getActivation(node, node.getOperand(0), "input");
  if (failed(x))
    return failure();
  Value integers = (*x)->integers.value;
  ArrayRef<int64_t> image = getShape(integers);
  unsigned rank = image.size();
  FailureOr<int64_t> groups = node.getInt("group", 1);
  if (failed(groups))
    return failure();
  auto *given = node.getIf<QuantizedConstant>(1);
  if (!given)
    return node.refuseOperand(node.getOperand(1), "weights operand",
                              "constant 8-bit integers behind a "
                              "DequantizeLinear");
  ArrayRef<int64_t> shape = given->integers->shape;
  if ((rank != 3 && rank != 4) || shape.size() != rank || *groups < 1 ||
      shape[0] != image[1] || image[1] % *groups ||
      given->integers->size() == 0)
    return node.refuse() << "an image of shape " << toString(image) << ", "
                         << *groups << " groups and weights of shape "
                         << toString(shape) << " disagree";
  if (!given->isPerTensor() && given->axis != 1)
    return node.refuse() << "its weights have one scale per entry of axis "
                         << given->axis << ", only scales per output (axis 1) "
                         << "have an integer form";
  ArrayRef<int64_t> kernel = shape.drop_front(2);
  auto turned = getTurned(node, kernel, image.drop_front(2));
  if (failed(turned))
    return failure();
  auto weights = getWeights(node, share(turnWeights(*given, *groups)), rank,
                            /*outputAxis=*/0);
  if (failed(weights))
    return failure();
  Shape padded(image);
  for (size_t i = 0; i < kernel.size(); ++i)
    padded[2 + i] = (image[2 + i] - 1) * turned->strides[i] + 1 +
                    turned->before[i] + turned->after[i];
  if (failed(getNumElements(padded)))
    return node.refuse() << "the image between its zeros, " << toString(padded)
                         << ", is too large";
  Windows windows;
  windows.rank = kernel.size();
  auto liftSteps = [&](ArrayRef<int64_t> steps, int64_t first) {
    Shape lifted(steps);
    if (lifted.size() == 1)
      lifted.insert(lifted.begin(), first);
    return lifted;
  };
  windows.kernel = liftSteps(kernel, 1);
  windows.strides = {1, 1};
  windows.dilations = liftSteps(turned->dilations, 1);
  windows.before = liftSteps(turned->before, 0);
  windows.after = windows.declaredAfter = liftSteps(turned->after, 0);
  windows.outputs = liftSteps(turned->outputs, 1);
  Value spread =
      emitSpread(node, integers, turned->strides, (*x)->quantization.zeroPoint);
  auto sum = makeConvolution(node, **x, spread, std::move(*weights), windows,
                             *groups, node.getOperand(2));
  if (failed(sum))
    return failure();
  return ImportedValue(std::move(*sum));
}
