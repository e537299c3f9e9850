// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that keep every element: reshapes and transposes.

#include "Movements.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

Result bitnn::importer::importIdentity(NodeContext &node) {
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    return Movements();
  });
}

Result bitnn::importer::importConstant(NodeContext &node) {
  for (const auto &attribute : node.node.attributes) {
    StringRef name = attribute.first();
    const AttributeValue &value = attribute.second;
    TensorRef tensor;
    if (auto *given = std::get_if<TensorRef>(&value); given && name == "value")
      tensor = *given;
    else if (auto *one = std::get_if<int64_t>(&value);
             one && name == "value_int")
      tensor = makeTensor(ElementType::Int64, {}, *one);
    else if (auto *one = std::get_if<float>(&value);
             one && name == "value_float")
      tensor = makeTensor(Shape{}, *one);
    else if (auto *all = std::get_if<std::vector<int64_t>>(&value);
             all && name == "value_ints")
      tensor = makeTensor(ElementType::Int64, {int64_t(all->size())}, *all);
    else if (auto *all = std::get_if<std::vector<float>>(&value);
             all && name == "value_floats")
      tensor = makeTensor(Shape{int64_t(all->size())}, *all);
    if (tensor)
      return ImportedValue(Constant{tensor});
  }
  return node.refuse() << "only constants of numbers are supported";
}

Result bitnn::importer::importFlatten(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    int64_t rank = shape.size();
    int64_t split = *axis + (*axis < 0 ? rank : 0);
    if (split < 0 || split > rank)
      return node.refuse() << "axis " << *axis << " is not one of a tensor of "
                           << "shape " << toString(shape);
    // Products of extents of a tensor that exists.
    int64_t rows = *getNumElements(shape.take_front(split));
    int64_t columns = *getNumElements(shape.drop_front(split));
    return reshape(node, {rows, columns});
  });
}

/// Fills in what 0 and -1 stand for.
static FailureOr<Shape> resolveShape(NodeContext &node,
                                     ArrayRef<int64_t> requested,
                                     ArrayRef<int64_t> shape, bool allowZero) {
  Shape result(requested);
  int64_t known = 1;
  std::optional<size_t> open;
  bool valid = true;
  for (auto [i, extent] : llvm::enumerate(result)) {
    if (extent == 0 && !allowZero)
      extent = i < shape.size() ? shape[i] : 0;
    if (extent == -1) {
      valid &= !open;
      open = i;
    } else {
      valid &= extent > 0 && !llvm::MulOverflow(known, extent, known);
    }
  }
  int64_t size = *getNumElements(shape);
  if (valid && open && size % known == 0)
    result[*open] = size / known;
  else if (!valid || open || known != size)
    return node.refuse() << "a tensor of shape " << toString(shape)
                         << " cannot become " << toString(requested);
  return result;
}

Result bitnn::importer::importReshape(NodeContext &node) {
  FailureOr<int64_t> allowZero = node.getInt("allowzero", 0);
  if (failed(allowZero))
    return failure();
  auto requested = getIntegers(node, "shape", /*operand=*/1, /*opset=*/5);
  if (failed(requested))
    return failure();
  if (!*requested)
    return node.refuse() << "its shape is missing";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    FailureOr<Shape> result =
        resolveShape(node, **requested, shape, *allowZero);
    if (failed(result))
      return failure();
    return reshape(node, *result);
  });
}

Result bitnn::importer::importTranspose(NodeContext &node) {
  FailureOr<Shape> attribute = node.getInts("perm", {});
  if (failed(attribute))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    int64_t rank = shape.size();
    Shape permutation = *attribute;
    if (!node.has("perm"))
      permutation = llvm::to_vector<4>(llvm::reverse(llvm::seq(rank)));
    Shape sorted = permutation, result;
    llvm::sort(sorted);
    if (!llvm::equal(sorted, llvm::seq(rank)))
      return node.refuse() << "perm does not permute the dimensions of a "
                              "tensor of shape "
                           << toString(shape);
    for (int64_t axis : permutation)
      result.push_back(shape[axis]);
    return Movements{Movement{permutation, result, node.loc}};
  });
}

/// The axes of a Squeeze or Unsqueeze in a tensor of `rank` dimensions, in
/// ascending order.
static FailureOr<Shape> sortAxes(NodeContext &node, ArrayRef<int64_t> axes,
                                 int64_t rank) {
  Shape sorted;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
    if (failed(normalized))
      return failure();
    sorted.push_back(*normalized);
  }
  llvm::sort(sorted);
  if (llvm::adjacent_find(sorted) != sorted.end())
    return node.refuse() << "an axis appears twice";
  return sorted;
}

Result bitnn::importer::importSqueeze(NodeContext &node) {
  auto axes = getIntegers(node, "axes", /*operand=*/1, /*opset=*/13);
  if (failed(axes))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    FailureOr<Shape> removed = Shape();
    if (*axes)
      removed = sortAxes(node, **axes, shape.size());
    if (failed(removed))
      return failure();
    Shape result;
    for (auto [i, extent] : llvm::enumerate(shape)) {
      bool isRemoved =
          *axes ? llvm::is_contained(*removed, int64_t(i)) : extent == 1;
      if (isRemoved && extent != 1)
        return node.refuse() << "it removes dimension " << i << " of "
                             << toString(shape) << ", which is not 1";
      if (!isRemoved)
        result.push_back(extent);
    }
    return reshape(node, result);
  });
}

Result bitnn::importer::importUnsqueeze(NodeContext &node) {
  auto axes = getIntegers(node, "axes", /*operand=*/1, /*opset=*/13);
  if (failed(axes))
    return failure();
  if (!*axes)
    return node.refuse() << "its axes are missing";
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    auto added = sortAxes(node, **axes, shape.size() + (*axes)->size());
    if (failed(added))
      return failure();
    Shape result(shape);
    for (int64_t axis : *added)
      result.insert(result.begin() + axis, 1);
    return reshape(node, result);
  });
}
