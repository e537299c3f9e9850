// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movements of constants.

#include "Movements.h"
#include "Quantization.h"
#include <numeric>

using namespace mlir;
using namespace bitnn::importer;

/// The element of the source for each element of the result, both by their
/// place in row-major order; -1 in a padding.
static std::vector<int64_t> getSources(ArrayRef<int64_t> shape,
                                       const Movement &movement) {
  int64_t size = *getNumElements(movement.shape);
  std::vector<int64_t> sources(size);
  if (movement.permutation.empty() && movement.sources.empty() &&
      !movement.padding) {
    std::iota(sources.begin(), sources.end(), 0);
    return sources;
  }
  Shape index(shape.size(), 0);
  for (int64_t to = 0; to < size; ++to) {
    int64_t rest = to;
    for (int64_t i = movement.shape.size() - 1; i >= 0; --i) {
      int64_t at = rest % movement.shape[i];
      rest /= movement.shape[i];
      if (movement.padding)
        index[i] = at - movement.padding->before[i];
      else if (movement.sources.empty())
        index[movement.permutation[i]] = at;
      else
        index[i] = movement.sources[i][at];
    }
    for (auto [extent, position] : llvm::zip_equal(shape, index)) {
      bool isInside = sources[to] >= 0 && position >= 0 && position < extent;
      sources[to] = isInside ? sources[to] * extent + position : -1;
    }
  }
  return sources;
}

TensorRef bitnn::importer::moveConstant(const Tensor &tensor,
                                        const Movement &movement) {
  auto result = std::make_shared<Tensor>(tensor);
  result->shape = movement.shape;
  if (tensor.bytes.empty())
    return result;
  size_t width = tensor.bytes.size() / tensor.size();
  result->bytes.clear();
  std::string fill(width, '\0');
  if (movement.padding)
    fill = (tensor.type == ElementType::Float32
                ? makeTensor(Shape{}, movement.padding->fill)
                : makeTensor(tensor.type, {}, int64_t(movement.padding->fill)))
               ->bytes;
  for (int64_t from : getSources(tensor.shape, movement)) {
    if (from < 0)
      result->bytes += fill;
    else
      result->bytes.append(tensor.bytes, from * width, width);
  }
  return result;
}

/// Where the parameters' axis is after a reshape, if it is still one.
static std::optional<int64_t> findAxis(ArrayRef<int64_t> from, int64_t axis,
                                       ArrayRef<int64_t> to) {
  auto getStride = [](ArrayRef<int64_t> shape, int64_t dimension) {
    return *getNumElements(shape.drop_front(dimension + 1));
  };
  for (int64_t i = 0, e = to.size(); i < e; ++i)
    if (to[i] == from[axis] && getStride(to, i) == getStride(from, axis))
      return i;
  return std::nullopt;
}

template <typename T>
static void selectEntries(std::vector<T> &entries, ArrayRef<int64_t> indices) {
  if (entries.size() == 1)
    return;
  std::vector<T> selected;
  for (int64_t index : indices)
    selected.push_back(entries[index]);
  entries = std::move(selected);
}

FailureOr<QuantizedConstant>
bitnn::importer::moveQuantized(NodeContext &node, QuantizedConstant constant,
                               const Movement &movement) {
  Shape shape = constant.integers->shape;
  if (movement.padding)
    return node.refuse() << "it pads quantized constants; pad them before they "
                            "are quantized";
  constant.integers = moveConstant(*constant.integers, movement);
  if (constant.isPerTensor())
    return constant;
  if (!movement.sources.empty()) {
    selectEntries(constant.scales, movement.sources[constant.axis]);
    selectEntries(constant.zeroPoints, movement.sources[constant.axis]);
    return constant;
  }
  if (!movement.permutation.empty()) {
    constant.axis = llvm::find(movement.permutation, constant.axis) -
                    movement.permutation.begin();
    return constant;
  }
  auto axis = findAxis(shape, constant.axis, movement.shape);
  if (!axis)
    return node.refuse() << "it reshapes weights that are quantized per axis; "
                            "reshape them before they are quantized";
  constant.axis = *axis;
  return constant;
}
