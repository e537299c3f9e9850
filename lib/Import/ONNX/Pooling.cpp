// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MaxPool, AveragePool, their global and their QLinear forms.

#include "Emit.h"
#include "Movements.h"
#include "Windows.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn::importer;

static Value emitWindow(OpBuilder &builder, Location loc,
                        const Windows &windows) {
  return tensor::EmptyOp::create(builder, loc, windows.kernel,
                                 builder.getI8Type());
}

static FailureOr<Windows> getPoolWindows(NodeContext &node,
                                         ArrayRef<int64_t> image) {
  // All of the image.
  if (StringRef(node.node.op).contains("Global"))
    return Windows::get(
        node, image.drop_front(std::min<size_t>(2, image.size())), image);
  if (!node.has("kernel_shape"))
    return node.refuse() << "kernel_shape is missing";
  FailureOr<Shape> kernel = node.getInts("kernel_shape", {});
  if (failed(kernel))
    return failure();
  return Windows::get(node, *kernel, image);
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

static Value emitMaxPool(OpBuilder &builder, Location loc, Value image,
                         const Windows &windows) {
  constexpr int64_t kLowest = -128;
  Shape shape(getShape(image));
  image = emitReshape(builder, loc, image, lift(shape));
  Value padded =
      emitPad(builder, loc, image, windows.before, windows.after, kLowest);
  Shape result = windows.getResultShape(shape[0], shape[1]);
  Value init = emitFilled(builder, loc, lift(result), 8, kLowest);
  Value pooled = linalg::PoolingNchwMaxOp::create(
                     builder, loc, init.getType(),
                     ValueRange{padded, emitWindow(builder, loc, windows)},
                     init, Windows::getAttribute(builder, windows.strides),
                     Windows::getAttribute(builder, windows.dilations))
                     .getResult(0);
  return emitReshape(builder, loc, pooled, result);
}

/// The maximum commutes with every quantization, so it is a movement.
Result bitnn::importer::importMaxPool(NodeContext &node) {
  if (failed(node.refuseUnless("storage_order", 0)))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    auto windows = getPoolWindows(node, shape);
    if (failed(windows))
      return failure();
    Movement pool{{}, windows->getResultShape(shape[0], shape[1]), node.loc};
    pool.emit = [windows = *windows, loc = node.loc](OpBuilder &builder,
                                                     Value image) {
      return emitMaxPool(builder, loc, image, windows);
    };
    return Movements{pool};
  });
}

//===----------------------------------------------------------------------===//
// AveragePool
//===----------------------------------------------------------------------===//

/// How many elements each window averages, with or without the padding; one
/// number if that is the same everywhere. What ceil_mode adds is not counted.
static std::vector<int64_t> countElements(const Windows &windows,
                                          ArrayRef<int64_t> image,
                                          bool countPadding) {
  auto first = [&](unsigned i) {
    return countPadding ? -windows.before[i] : 0;
  };
  auto end = [&](unsigned i) {
    return image[2 + i] + (countPadding ? windows.declaredAfter[i] : 0);
  };
  SmallVector<int64_t> counts[2];
  for (unsigned i = 0; i < 2; ++i)
    for (int64_t output = 0; output < windows.outputs[i]; ++output) {
      int64_t count = 0;
      for (int64_t k = 0; k < windows.kernel[i]; ++k) {
        int64_t position = output * windows.strides[i] +
                           k * windows.dilations[i] - windows.before[i];
        count += position >= first(i) && position < end(i);
      }
      counts[i].push_back(count);
    }
  std::vector<int64_t> products;
  for (int64_t rows : counts[0])
    for (int64_t columns : counts[1])
      products.push_back(rows * columns);
  if (llvm::all_equal(products))
    products.resize(1);
  return products;
}

/// `x` is averaged over windows; padding counts as zero, or not at all.
static Result average(NodeContext &node, const Dequantized &x,
                      const Windows &windows, bool countPadding) {
  Value image = x.integers.value;
  Shape imageShape(getShape(image));
  Accumulator sum;
  sum.tensor = node.node.outputs.front();
  sum.shape = windows.getResultShape(imageShape[0], imageShape[1]);
  sum.scales = {x.quantization.scale};
  int64_t zeroPoint = x.quantization.zeroPoint;
  int64_t size = windows.getKernelSize();
  if (size > INT32_MAX / 256)
    return node.refuse() << "a window of " << toString(windows.kernel)
                         << " elements can leave int32";
  sum.addend = -zeroPoint * size;
  sum.counts = countElements(windows, lift(imageShape), countPadding);
  if (llvm::is_contained(sum.counts, 0))
    return node.refuse() << "a window has no element but padding";
  Location loc = node.loc;
  Shape shape = sum.shape;
  sum.emit = [=](OpBuilder &builder, ArrayRef<int64_t>,
                 ArrayRef<int64_t>) -> Value {
    Value lifted = emitReshape(builder, loc, image, lift(imageShape));
    Value padded =
        emitPad(builder, loc, lifted, windows.before, windows.after, zeroPoint);
    Value init = emitFilled(builder, loc, lift(shape), 32, 0);
    Value pooled = linalg::PoolingNchwSumOp::create(
                       builder, loc, init.getType(),
                       ValueRange{padded, emitWindow(builder, loc, windows)},
                       init, Windows::getAttribute(builder, windows.strides),
                       Windows::getAttribute(builder, windows.dilations))
                       .getResult(0);
    return emitReshape(builder, loc, pooled, shape);
  };
  return ImportedValue(std::move(sum));
}

static Result averagePool(NodeContext &node, const Operand &input) {
  auto x = getActivation(node, input, "input");
  if (failed(x))
    return failure();
  auto windows = getPoolWindows(node, getShape((*x)->integers.value));
  if (failed(windows))
    return failure();
  FailureOr<int64_t> countPadding = node.getInt("count_include_pad", 0);
  if (failed(countPadding))
    return failure();
  return average(node, **x, *windows, *countPadding);
}

Result bitnn::importer::importAveragePool(NodeContext &node) {
  return averagePool(node, node.getOperand(0));
}

Result bitnn::importer::importGlobalAveragePool(NodeContext &node) {
  return averagePool(node, node.getOperand(0));
}

Result bitnn::importer::importQLinearAveragePool(NodeContext &node) {
  if (failed(node.refuseUnless("channels_last", 0)))
    return failure();
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(x))
    return failure();
  Result sum = averagePool(node, share(std::move(*x)));
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(3),
                  node.getOperand(4));
}
