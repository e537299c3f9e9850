// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MaxPool, AveragePool, GlobalAveragePool and their QLinear forms.

#include "Emit.h"
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
  if (failed(node.refuseUnless("ceil_mode", 0)))
    return failure();
  if (!node.has("kernel_shape"))
    return node.refuse() << "kernel_shape is missing";
  FailureOr<Shape> kernel = node.getInts("kernel_shape", {});
  if (failed(kernel))
    return failure();
  return Windows::get(node, *kernel, image);
}

static Shape getPooledShape(ArrayRef<int64_t> image, const Windows &windows) {
  return {image[0], image[1], windows.outputs[0], windows.outputs[1]};
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

static FailureOr<Value> emitMaxPool(NodeContext &node, Value image) {
  FailureOr<Windows> windows = getPoolWindows(node, getShape(image));
  if (failed(windows))
    return failure();
  OpBuilder &builder = node.builder;
  constexpr int64_t kLowest = -128;
  Value padded = emitPad(builder, node.loc, image, windows->before,
                         windows->after, kLowest);
  Value init = emitFilled(
      builder, node.loc, getPooledShape(getShape(image), *windows), 8, kLowest);
  return linalg::PoolingNchwMaxOp::create(
             builder, node.loc, init.getType(),
             ValueRange{padded, emitWindow(builder, node.loc, *windows)}, init,
             Windows::getAttribute(builder, windows->strides),
             Windows::getAttribute(builder, windows->dilations))
      .getResult(0);
}

Result bitnn::importer::importMaxPool(NodeContext &node) {
  if (auto *integers = node.getIf<Integers>(0)) {
    FailureOr<Value> pooled = emitMaxPool(node, integers->value);
    if (failed(pooled))
      return failure();
    Integers result = *integers;
    result.value = *pooled;
    result.tensor = node.node.outputs.front();
    return ImportedValue(result);
  }
  if (auto *real = node.getIf<Dequantized>(0);
      real && !real->function && real->movements.empty()) {
    // The maximum commutes with everything monotone: scales and clamps.
    FailureOr<Value> pooled = emitMaxPool(node, real->integers.value);
    if (failed(pooled))
      return failure();
    Dequantized result = *real;
    result.integers.value = *pooled;
    result.nodes.push_back(&node.node);
    return ImportedValue(result);
  }
  return node.decline("its input is not 8-bit integers, with or without a "
                      "DequantizeLinear");
}

//===----------------------------------------------------------------------===//
// AveragePool
//===----------------------------------------------------------------------===//

/// How many elements each window averages, without the padding; one number if
/// that is the same everywhere.
static std::vector<int64_t> countElements(const Windows &windows,
                                          ArrayRef<int64_t> image) {
  SmallVector<int64_t> counts[2];
  for (unsigned i = 0; i < 2; ++i)
    for (int64_t output = 0; output < windows.outputs[i]; ++output) {
      int64_t count = 0;
      for (int64_t k = 0; k < windows.kernel[i]; ++k) {
        int64_t position = output * windows.strides[i] +
                           k * windows.dilations[i] - windows.before[i];
        count += position >= 0 && position < image[2 + i];
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
  Accumulator sum;
  sum.tensor = node.node.outputs.front();
  sum.shape = getPooledShape(getShape(image), windows);
  sum.scales = {x.quantization.scale};
  int64_t zeroPoint = x.quantization.zeroPoint;
  int64_t size = windows.getKernelSize();
  if (size > INT32_MAX / 256)
    return node.refuse() << "a window of " << toString(windows.kernel)
                         << " elements can leave int32";
  sum.addend = -zeroPoint * size;
  sum.counts = countPadding ? std::vector<int64_t>{size}
                            : countElements(windows, getShape(image));
  if (llvm::is_contained(sum.counts, 0))
    return node.refuse() << "a window has no element but padding";
  Location loc = node.loc;
  Shape shape = sum.shape;
  sum.emit = [=](OpBuilder &builder, ArrayRef<int64_t>,
                 ArrayRef<int64_t>) -> Value {
    Value padded =
        emitPad(builder, loc, image, windows.before, windows.after, zeroPoint);
    Value init = emitFilled(builder, loc, shape, 32, 0);
    return linalg::PoolingNchwSumOp::create(
               builder, loc, init.getType(),
               ValueRange{padded, emitWindow(builder, loc, windows)}, init,
               Windows::getAttribute(builder, windows.strides),
               Windows::getAttribute(builder, windows.dilations))
        .getResult(0);
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

static Result globalAveragePool(NodeContext &node, const Operand &input) {
  auto x = getActivation(node, input, "input");
  if (failed(x))
    return failure();
  ArrayRef<int64_t> image = getShape((*x)->integers.value);
  auto windows = Windows::get(
      node, image.drop_front(std::min<size_t>(2, image.size())), image);
  if (failed(windows))
    return failure();
  return average(node, **x, *windows, /*countPadding=*/false);
}

Result bitnn::importer::importAveragePool(NodeContext &node) {
  return averagePool(node, node.getOperand(0));
}

Result bitnn::importer::importGlobalAveragePool(NodeContext &node) {
  return globalAveragePool(node, node.getOperand(0));
}

static Result poolIntegers(NodeContext &node,
                           Result (*pool)(NodeContext &, const Operand &)) {
  if (failed(node.refuseUnless("channels_last", 0)))
    return failure();
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(x))
    return failure();
  Result sum = pool(node, share(std::move(*x)));
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(3),
                  node.getOperand(4));
}

Result bitnn::importer::importQLinearAveragePool(NodeContext &node) {
  return poolIntegers(node, averagePool);
}

Result bitnn::importer::importQLinearGlobalAveragePool(NodeContext &node) {
  return poolIntegers(node, globalAveragePool);
}
