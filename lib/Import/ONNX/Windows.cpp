// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Windows.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

/// An attribute with `count` entries, each in [lowest, 2^31).
static FailureOr<Shape> getSteps(const NodeContext &node, StringRef name,
                                 unsigned count, int64_t lowest) {
  FailureOr<Shape> steps = node.getInts(name, Shape(count, lowest));
  if (failed(steps))
    return failure();
  bool inRange = llvm::all_of(*steps, [&](int64_t step) {
    return step >= lowest && step <= INT32_MAX;
  });
  if (steps->size() == count && inRange)
    return steps;
  return node.refuse() << "attribute " << quote(name) << " must have " << count
                       << " entries of at least " << lowest
                       << ": only two-dimensional windows are supported";
}

/// The padding that makes ceil(size / stride) windows.
static FailureOr<Shape> getPads(const NodeContext &node, const Windows &windows,
                                ArrayRef<int64_t> extents,
                                ArrayRef<int64_t> image) {
  FailureOr<Shape> pads = getSteps(node, "pads", 4, 0);
  if (failed(pads))
    return failure();
  FailureOr<std::string> mode = node.getString("auto_pad", "NOTSET");
  if (failed(mode))
    return failure();
  if (*mode == "NOTSET" || mode->empty())
    return pads;
  if (*mode == "VALID")
    return Shape(4, 0);
  if (*mode != "SAME_UPPER" && *mode != "SAME_LOWER")
    return node.refuse() << "auto_pad = " << quote(*mode)
                         << " is not an ONNX padding mode";
  for (unsigned i = 0; i < 2; ++i) {
    int64_t stride = windows.strides[i];
    int64_t total =
        std::max<int64_t>((llvm::divideCeil(image[i], stride) - 1) * stride +
                              extents[i] - image[i],
                          0);
    int64_t small = total / 2, large = total - small;
    bool upper = *mode == "SAME_UPPER";
    (*pads)[i] = upper ? small : large;
    (*pads)[2 + i] = upper ? large : small;
  }
  return pads;
}

FailureOr<Windows> Windows::get(const NodeContext &node,
                                ArrayRef<int64_t> kernel,
                                ArrayRef<int64_t> image) {
  if (image.size() != 4 || kernel.size() != 2)
    return node.refuse() << "only images of 4 dimensions (N x C x H x W) are "
                            "supported, this one is "
                         << toString(image);
  Windows windows;
  windows.kernel.assign(kernel.begin(), kernel.end());
  for (int64_t extent : kernel)
    if (extent < 1 || extent > INT32_MAX)
      return node.refuse() << "a kernel of " << toString(kernel)
                           << " is not supported";
  FailureOr<Shape> strides = getSteps(node, "strides", 2, 1);
  if (failed(strides))
    return failure();
  FailureOr<Shape> dilations = getSteps(node, "dilations", 2, 1);
  if (failed(dilations))
    return failure();
  windows.strides = *strides;
  windows.dilations = *dilations;
  Shape extents;
  for (unsigned i = 0; i < 2; ++i)
    // Below 2^62: both factors are below 2^31.
    extents.push_back((kernel[i] - 1) * windows.dilations[i] + 1);
  ArrayRef<int64_t> size = image.drop_front(2);
  FailureOr<Shape> pads = getPads(node, windows, extents, size);
  if (failed(pads))
    return failure();
  windows.before.assign(pads->begin(), pads->begin() + 2);
  windows.after.assign(pads->begin() + 2, pads->end());
  Shape padded(image.take_front(2));
  for (unsigned i = 0; i < 2; ++i) {
    padded.push_back(size[i] + windows.before[i] + windows.after[i]);
    if (padded.back() < extents[i])
      return node.refuse() << "the kernel is larger than the padded input of "
                           << toString(image);
    windows.outputs.push_back(
        (padded.back() - extents[i]) / windows.strides[i] + 1);
  }
  if (failed(getNumElements(padded)))
    return node.refuse() << "the padded input of " << toString(padded)
                         << " is too large";
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
