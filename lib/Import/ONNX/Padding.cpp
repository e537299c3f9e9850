// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pad, in all of its modes.

#include "Emit.h"
#include "Movements.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
/// Elements that are added before and after each dimension; negative numbers
/// remove some.
struct Pads {
  Shape before, after;
};
} // namespace

static FailureOr<Pads> getPads(NodeContext &node, ArrayRef<int64_t> shape) {
  auto pads = getIntegers(node, "pads", /*operand=*/1, /*opset=*/11);
  if (failed(pads))
    return failure();
  auto axes = getIntegers(node, "axes", /*operand=*/3, /*opset=*/11);
  if (failed(axes))
    return failure();
  if (!*axes)
    *axes = llvm::to_vector<4>(llvm::seq<int64_t>(shape.size()));
  size_t count = (*axes)->size();
  if (!*pads || (*pads)->size() != 2 * count)
    return node.refuse() << "it needs two pads for each of " << count
                         << " dimensions";
  Pads result = {Shape(shape.size(), 0), Shape(shape.size(), 0)};
  for (size_t i = 0; i < count; ++i) {
    auto axis = normalizeAxis(node, (**axes)[i], shape.size());
    if (failed(axis))
      return failure();
    result.before[*axis] = (**pads)[i];
    result.after[*axis] = (**pads)[count + i];
    for (int64_t pad : {(**pads)[i], (**pads)[count + i]})
      if (pad < -shape[*axis] || pad > kMostElements)
        return node.refuse() << "a pad of " << pad << " is not supported";
  }
  return result;
}

/// The element of a dimension that stands for one outside of it.
static FailureOr<int64_t> reflect(NodeContext &node, StringRef mode,
                                  int64_t index, int64_t extent) {
  if (mode == "edge")
    return std::clamp<int64_t>(index, 0, extent - 1);
  if (mode == "wrap")
    return ((index % extent) + extent) % extent;
  // Without repeating the edge.
  int64_t period = std::max<int64_t>(2 * (extent - 1), 1);
  int64_t place = ((index % period) + period) % period;
  return place < extent ? place : period - place;
}

static FailureOr<Movements> padByMode(NodeContext &node, StringRef mode,
                                      ArrayRef<int64_t> shape) {
  FailureOr<Pads> pads = getPads(node, shape);
  if (failed(pads))
    return failure();
  Shape padded(shape);
  for (size_t i = 0; i < padded.size(); ++i)
    padded[i] += pads->before[i] + pads->after[i];
  if (failed(checkShape(node, padded)))
    return failure();
  Movement movement = selectAll(node, shape);
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    Shape indices;
    for (int64_t i = -pads->before[axis]; i < extent + pads->after[axis]; ++i)
      indices.push_back(*reflect(node, mode, i, extent));
    select(movement, axis, indices);
  }
  return Movements{movement};
}

/// The constant that an image is padded with.
static FailureOr<float> getFill(NodeContext &node) {
  if (node.node.opset < 11)
    return node.getFloat("value", 0.0f);
  Operand value = node.getOperand(2);
  if (!value)
    return 0.0f;
  if (auto floats = getFloats(value); floats && floats->size() == 1)
    return floats->getFloat(0);
  auto *constant = std::get_if<Constant>(value.get());
  if (constant && isInteger(constant->tensor->type) &&
      constant->tensor->size() == 1)
    return float(constant->tensor->getInteger(0));
  return node.refuseOperand(value, "constant_value", "one constant number");
}

Result bitnn::importer::importPad(NodeContext &node) {
  FailureOr<std::string> mode = node.getString("mode", "constant");
  if (failed(mode))
    return failure();
  if (*mode == "edge" || *mode == "reflect" || *mode == "wrap")
    return move(node, [&](ArrayRef<int64_t> shape) {
      return padByMode(node, *mode, shape);
    });
  if (*mode != "constant")
    return node.refuse() << "mode = " << quote(*mode) << " is no mode of ONNX";
  FailureOr<float> fill = getFill(node);
  if (failed(fill))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    FailureOr<Pads> pads = getPads(node, shape);
    if (failed(pads))
      return failure();
    // Negative pads are a selection before the padding.
    Movement kept = selectAll(node, shape);
    Movement padded{{}, {}, node.loc};
    padded.padding.emplace();
    padded.padding->fill = *fill;
    for (auto [axis, extent] : llvm::enumerate(shape)) {
      int64_t before = pads->before[axis], after = pads->after[axis];
      select(
          kept, axis,
          llvm::to_vector<4>(llvm::seq(std::max<int64_t>(-before, 0),
                                       extent + std::min<int64_t>(after, 0))));
      padded.padding->before.push_back(std::max<int64_t>(before, 0));
      padded.padding->after.push_back(std::max<int64_t>(after, 0));
      padded.shape.push_back(extent + before + after);
    }
    Movements movements;
    if (kept.shape != Shape(shape))
      movements.push_back(kept);
    movements.push_back(padded);
    return movements;
  });
}
