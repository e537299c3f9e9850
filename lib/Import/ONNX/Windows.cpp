// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Windows.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

FailureOr<Shape> bitnn::importer::getSteps(const NodeContext &node,
                                           StringRef name, unsigned count,
                                           int64_t lowest) {
  FailureOr<Shape> steps = node.getInts(name, Shape(count, lowest));
  if (failed(steps))
    return failure();
  bool inRange = llvm::all_of(*steps, [&](int64_t step) {
    return step >= lowest && step <= INT32_MAX;
  });
  if (steps->size() == count && inRange)
    return steps;
  return node.refuse() << "attribute " << quote(name) << " must have " << count
                       << " entries of at least " << lowest;
}

Shape bitnn::importer::lift(ArrayRef<int64_t> shape) {
  Shape lifted(shape);
  if (lifted.size() == 3)
    lifted.insert(lifted.begin() + 2, 1);
  return lifted;
}

Shape Windows::getResultShape(int64_t images, int64_t channels) const {
  Shape shape = {images, channels};
  llvm::append_range(shape, ArrayRef(outputs).take_back(rank));
  return shape;
}

/// The padding that makes ceil(size / stride) windows; `pads` are those before
/// and after each dimension.
static LogicalResult readPads(const NodeContext &node, Windows &windows,
                              ArrayRef<int64_t> extents,
                              ArrayRef<int64_t> size) {
  unsigned rank = size.size();
  FailureOr<Shape> pads = getSteps(node, "pads", 2 * rank, 0);
  if (failed(pads))
    return failure();
  FailureOr<std::string> mode = node.getString("auto_pad", "NOTSET");
  if (failed(mode))
    return failure();
  windows.before.assign(pads->begin(), pads->begin() + rank);
  windows.after.assign(pads->begin() + rank, pads->end());
  if (*mode == "NOTSET" || mode->empty())
    return success();
  if (*mode != "VALID" && *mode != "SAME_UPPER" && *mode != "SAME_LOWER")
    return node.refuse() << "auto_pad = " << quote(*mode)
                         << " is not an ONNX padding mode";
  for (unsigned i = 0; i < rank; ++i) {
    int64_t stride = windows.strides[i];
    int64_t total = std::max<int64_t>(
        (llvm::divideCeil(size[i], stride) - 1) * stride + extents[i] - size[i],
        0);
    if (*mode == "VALID")
      total = 0;
    int64_t small = total / 2, large = total - small;
    bool upper = *mode != "SAME_LOWER";
    windows.before[i] = upper ? small : large;
    windows.after[i] = upper ? large : small;
  }
  return success();
}

/// The windows along one dimension. With ceil_mode the last may be incomplete,
/// but must begin inside the image or the padding before it.
static int64_t countWindows(int64_t padded, int64_t extent, int64_t stride,
                            int64_t end, bool useCeil) {
  int64_t count = (padded - extent) / stride + 1;
  if (useCeil && (padded - extent) % stride && count * stride < end)
    ++count;
  return count;
}

FailureOr<Windows> Windows::get(const NodeContext &node,
                                ArrayRef<int64_t> kernel,
                                ArrayRef<int64_t> image) {
  unsigned rank = kernel.size();
  if (image.size() != rank + 2 || rank < 1 || rank > 2)
    return node.refuse() << "only images of 3 or 4 dimensions (N x C x W, N x "
                            "C x H x W) are supported, this one is "
                         << toString(image);
  Windows windows;
  windows.rank = rank;
  for (int64_t extent : kernel)
    if (extent < 1 || extent > INT32_MAX)
      return node.refuse() << "a kernel of " << toString(kernel)
                           << " is not supported";
  FailureOr<Shape> strides = getSteps(node, "strides", rank, 1);
  if (failed(strides))
    return failure();
  FailureOr<Shape> dilations = getSteps(node, "dilations", rank, 1);
  if (failed(dilations))
    return failure();
  FailureOr<int64_t> useCeil = node.getInt("ceil_mode", 0);
  if (failed(useCeil))
    return failure();
  windows.strides = *strides;
  windows.dilations = *dilations;
  Shape extents;
  for (unsigned i = 0; i < rank; ++i)
    // Below 2^62: both factors are below 2^31.
    extents.push_back((kernel[i] - 1) * windows.dilations[i] + 1);
  ArrayRef<int64_t> size = image.drop_front(2);
  if (failed(readPads(node, windows, extents, size)))
    return failure();
  windows.declaredAfter = windows.after;
  Shape padded(image.take_front(2));
  for (unsigned i = 0; i < rank; ++i) {
    int64_t all = size[i] + windows.before[i] + windows.after[i];
    if (all < extents[i])
      return node.refuse() << "the kernel is larger than the padded input of "
                           << toString(image);
    int64_t count = countWindows(all, extents[i], windows.strides[i],
                                 size[i] + windows.before[i], *useCeil);
    int64_t needed = (count - 1) * windows.strides[i] + extents[i];
    windows.after[i] += std::max<int64_t>(needed - all, 0);
    padded.push_back(std::max(needed, all));
    windows.outputs.push_back(count);
  }
  if (failed(getNumElements(padded)))
    return node.refuse() << "the padded input of " << toString(padded)
                         << " is too large";
  windows.kernel.assign(kernel.begin(), kernel.end());
  if (rank == 2)
    return windows;
  for (Shape *steps : {&windows.kernel, &windows.strides, &windows.dilations,
                       &windows.outputs})
    steps->insert(steps->begin(), 1);
  for (Shape *pads : {&windows.before, &windows.after, &windows.declaredAfter})
    pads->insert(pads->begin(), 0);
  return windows;
}

bool Windows::hasPads() const {
  auto isPad = [](int64_t pad) { return pad != 0; };
  return llvm::any_of(before, isPad) || llvm::any_of(after, isPad);
}

DenseIntElementsAttr Windows::getAttribute(OpBuilder &builder,
                                           ArrayRef<int64_t> steps) {
  return builder.getI64TensorAttr(steps);
}
