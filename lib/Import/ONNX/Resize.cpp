// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample to the nearest pixel: a selection.

#include "Movements.h"
#include <cmath>

using namespace mlir;
using namespace bitnn::importer;

/// Where the center of a pixel of the result is in the source, in float32 as
/// onnxruntime computes it.
static FailureOr<float> getPlace(NodeContext &node, StringRef mode, float x,
                                 float scale, int64_t from, int64_t to) {
  if (mode == "half_pixel")
    return (x + 0.5f) / scale - 0.5f;
  if (mode == "pytorch_half_pixel")
    return to > 1 ? (x + 0.5f) / scale - 0.5f : 0.0f;
  if (mode == "align_corners")
    return to > 1 ? x * float(from - 1) / float(to - 1) : 0.0f;
  if (mode == "asymmetric")
    return x / scale;
  return node.refuse() << "coordinate_transformation_mode = " << quote(mode)
                       << " is not supported";
}

static FailureOr<int64_t> roundPlace(NodeContext &node, StringRef mode,
                                     float place) {
  if (mode == "round_prefer_floor")
    return std::ceil(place - 0.5f);
  if (mode == "round_prefer_ceil")
    return std::floor(place + 0.5f);
  if (mode == "floor")
    return std::floor(place);
  if (mode == "ceil")
    return std::ceil(place);
  return node.refuse() << "nearest_mode = " << quote(mode)
                       << " is no mode of ONNX";
}

namespace {
/// How the pixels of each dimension are chosen.
struct Resizing {
  std::string transformation, rounding;
  /// Of the dimensions in `axes`, one of them is empty.
  std::vector<float> scales;
  Shape sizes, axes;

  FailureOr<Movements> plan(NodeContext &node, ArrayRef<int64_t> shape) const;
};
} // namespace

FailureOr<Movements> Resizing::plan(NodeContext &node,
                                    ArrayRef<int64_t> shape) const {
  Shape dimensions = axes;
  if (dimensions.empty())
    dimensions = llvm::to_vector<4>(llvm::seq<int64_t>(shape.size()));
  if (dimensions.size() != std::max(scales.size(), sizes.size()))
    return node.refuse() << "it needs one scale or size for each of "
                         << dimensions.size() << " dimensions";
  Shape result(shape);
  for (auto [i, given] : llvm::enumerate(dimensions)) {
    auto axis = normalizeAxis(node, given, shape.size());
    if (failed(axis))
      return failure();
    float scale = sizes.empty() ? scales[i] : 1.0f;
    double extent =
        sizes.empty() ? std::floor(double(shape[*axis]) * scale) : sizes[i];
    if (!(extent >= 1 && extent <= kMostElements))
      return node.refuse() << "dimension " << *axis << " would have " << extent
                           << " elements";
    result[*axis] = extent;
  }
  if (failed(checkShape(node, result)))
    return failure();
  Movement movement = selectAll(node, shape);
  for (auto [i, given] : llvm::enumerate(dimensions)) {
    auto axis = normalizeAxis(node, given, shape.size());
    if (failed(axis))
      return failure();
    int64_t from = shape[*axis];
    float scale = sizes.empty() ? scales[i] : float(sizes[i]) / float(from);
    int64_t extent = result[*axis];
    Shape indices;
    for (int64_t x = 0; x < extent; ++x) {
      auto place = getPlace(node, transformation, x, scale, from, extent);
      if (failed(place))
        return failure();
      auto index = roundPlace(node, rounding, *place);
      if (failed(index))
        return failure();
      indices.push_back(std::clamp<int64_t>(*index, 0, from - 1));
    }
    select(movement, *axis, indices);
  }
  return Movements{movement};
}

static LogicalResult readScales(NodeContext &node, unsigned operand,
                                std::vector<float> &scales) {
  auto *constant = node.getIf<Constant>(operand);
  if (!constant || constant->tensor->type != ElementType::Float32)
    return node.refuseOperand(node.getOperand(operand), "scales",
                              "a constant float32 tensor");
  for (int64_t i = 0; i < constant->tensor->size(); ++i)
    scales.push_back(constant->tensor->getFloat(i));
  return success();
}

static Result resize(NodeContext &node, const Resizing &resizing) {
  FailureOr<std::string> mode = node.getString("mode", "nearest");
  if (failed(mode))
    return failure();
  if (*mode != "nearest")
    return node.decline("mode = " + quote(*mode) +
                        " needs products of pixels; only nearest has an "
                        "integer form");
  return move(node, [&](ArrayRef<int64_t> shape) {
    return resizing.plan(node, shape);
  });
}

Result bitnn::importer::importUpsample(NodeContext &node) {
  Resizing resizing{"asymmetric", "floor", {}, {}, {}};
  if (node.node.opset < 9)
    return node.refuse() << "its version before opset 9 is not supported";
  if (failed(readScales(node, 1, resizing.scales)))
    return failure();
  return resize(node, resizing);
}

Result bitnn::importer::importResize(NodeContext &node) {
  Resizing resizing{"asymmetric", "floor", {}, {}, {}};
  if (node.node.opset < 11) {
    if (failed(readScales(node, 1, resizing.scales)))
      return failure();
    return resize(node, resizing);
  }
  auto transformation =
      node.getString("coordinate_transformation_mode", "half_pixel");
  if (failed(transformation))
    return failure();
  auto rounding = node.getString("nearest_mode", "round_prefer_floor");
  if (failed(rounding))
    return failure();
  auto policy = node.getString("keep_aspect_ratio_policy", "stretch");
  if (failed(policy))
    return failure();
  if (*policy != "stretch")
    return node.refuse() << "keep_aspect_ratio_policy = " << quote(*policy)
                         << " is not supported, only stretch";
  auto axes = node.getInts("axes", {});
  if (failed(axes))
    return failure();
  auto sizes = getIntegers(node, "sizes", /*operand=*/3, /*opset=*/11);
  if (failed(sizes))
    return failure();
  resizing.transformation = *transformation;
  resizing.rounding = *rounding;
  resizing.axes = *axes;
  if (*sizes && !(*sizes)->empty())
    resizing.sizes = **sizes;
  else if (failed(readScales(node, 2, resizing.scales)))
    return failure();
  return resize(node, resizing);
}
