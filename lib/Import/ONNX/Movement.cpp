// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that only move data. They commute with every quantization, so they
// are applied to the integers.

#include "Emit.h"
#include "NodeContext.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

/// What a movement makes of a shape; fails with an error.
using Plan = llvm::function_ref<FailureOr<Movement>(ArrayRef<int64_t>)>;

static TensorRef moveConstant(const Tensor &tensor, const Movement &movement) {
  auto result = std::make_shared<Tensor>(tensor);
  result->shape = movement.shape;
  if (movement.permutation.empty() || tensor.bytes.empty())
    return result;
  size_t width = tensor.bytes.size() / tensor.size();
  Shape index(movement.shape.size(), 0);
  for (int64_t to = 0; to < tensor.size(); ++to) {
    int64_t rest = to, from = 0;
    for (int64_t i = movement.shape.size() - 1; i >= 0; --i) {
      index[movement.permutation[i]] = rest % movement.shape[i];
      rest /= movement.shape[i];
    }
    for (auto [extent, position] : llvm::zip_equal(tensor.shape, index))
      from = from * extent + position;
    std::copy_n(tensor.bytes.begin() + from * width, width,
                result->bytes.begin() + to * width);
  }
  return result;
}

static Result moveQuantized(NodeContext &node, QuantizedConstant constant,
                            const Movement &movement) {
  constant.integers = moveConstant(*constant.integers, movement);
  if (constant.isPerTensor())
    return ImportedValue(std::move(constant));
  if (movement.permutation.empty())
    return node.refuse() << "it reshapes weights that are quantized per axis; "
                            "reshape them before they are quantized";
  constant.axis = llvm::find(movement.permutation, constant.axis) -
                  movement.permutation.begin();
  return ImportedValue(std::move(constant));
}

static Result move(NodeContext &node, Plan plan) {
  Operand operand = node.getOperand(0);
  if (!operand)
    return node.refuse() << "its input is missing";
  auto getPlan = [&](ArrayRef<int64_t> shape) -> FailureOr<Movement> {
    FailureOr<Movement> movement = plan(shape);
    if (succeeded(movement) && movement->shape.empty() &&
        !node.getIf<Constant>(0) && !node.getIf<QuantizedConstant>(0))
      return node.refuse() << "scalars are not supported";
    return movement;
  };
  auto moveIntegers = [&](Integers integers) -> FailureOr<Integers> {
    FailureOr<Movement> movement = getPlan(getShape(integers.value));
    if (failed(movement))
      return failure();
    integers.value = emitMovement(node.builder, integers.value, *movement);
    return integers;
  };
  auto postpone = [&](auto value, ArrayRef<int64_t> shape) -> Result {
    if (!value.movements.empty())
      shape = value.movements.back().shape;
    FailureOr<Movement> movement = getPlan(shape);
    if (failed(movement))
      return failure();
    value.movements.push_back(*movement);
    value.nodes.push_back(&node.node);
    return ImportedValue(std::move(value));
  };

  if (auto *constant = node.getIf<Constant>(0)) {
    FailureOr<Movement> movement = getPlan(constant->tensor->shape);
    if (failed(movement))
      return failure();
    return ImportedValue(Constant{moveConstant(*constant->tensor, *movement)});
  }
  if (auto *constant = node.getIf<QuantizedConstant>(0)) {
    FailureOr<Movement> movement = getPlan(constant->integers->shape);
    if (failed(movement))
      return failure();
    return moveQuantized(node, *constant, *movement);
  }
  if (auto *integers = node.getIf<Integers>(0)) {
    FailureOr<Integers> moved = moveIntegers(*integers);
    if (failed(moved))
      return failure();
    moved->tensor = node.node.outputs.front();
    return ImportedValue(*moved);
  }
  if (auto *real = node.getIf<Dequantized>(0)) {
    FailureOr<Integers> moved = moveIntegers(real->integers);
    if (failed(moved))
      return failure();
    Dequantized result = *real;
    result.integers = *moved;
    result.nodes.push_back(&node.node);
    return ImportedValue(std::move(result));
  }
  if (auto *sum = node.getIf<Sum>(0))
    return postpone(*sum, getShape(sum->lhs.integers.value));
  if (auto *accumulator = node.getIf<Accumulator>(0))
    return postpone(*accumulator, accumulator->shape);

  ImportedValue outside = node.decline("its input has no integer form");
  if (auto *input = node.getIf<Outside>(0); input && input->shape) {
    FailureOr<Movement> movement = getPlan(*input->shape);
    if (failed(movement))
      return failure();
    std::get<Outside>(outside).shape = movement->shape;
  }
  return outside;
}

//===----------------------------------------------------------------------===//
// The operators
//===----------------------------------------------------------------------===//

Result bitnn::importer::importIdentity(NodeContext &node) {
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movement> {
    return Movement{{}, Shape(shape), node.loc};
  });
}

Result bitnn::importer::importConstant(NodeContext &node) {
  auto found = node.node.attributes.find("value");
  if (found != node.node.attributes.end())
    if (auto *tensor = std::get_if<TensorRef>(&found->second))
      return ImportedValue(Constant{*tensor});
  return node.refuse() << "only constants with the attribute 'value', a "
                          "tensor, are supported";
}

Result bitnn::importer::importFlatten(NodeContext &node) {
  FailureOr<int64_t> axis = node.getInt("axis", 1);
  if (failed(axis))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movement> {
    int64_t rank = shape.size();
    int64_t split = *axis + (*axis < 0 ? rank : 0);
    if (split < 0 || split > rank)
      return node.refuse() << "axis " << *axis << " is not one of a tensor of "
                           << "shape " << toString(shape);
    // Products of extents of a tensor that exists.
    int64_t rows = *getNumElements(shape.take_front(split));
    int64_t columns = *getNumElements(shape.drop_front(split));
    return Movement{{}, {rows, columns}, node.loc};
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
  auto *constant = node.getIf<Constant>(1);
  if (!constant || constant->tensor->type != ElementType::Int64)
    return node.refuseOperand(node.getOperand(1), "shape",
                              "a constant int64 tensor");
  FailureOr<int64_t> allowZero = node.getInt("allowzero", 0);
  if (failed(allowZero))
    return failure();
  Shape requested;
  for (int64_t i = 0; i < constant->tensor->size(); ++i)
    requested.push_back(constant->tensor->getInteger(i));
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movement> {
    FailureOr<Shape> result = resolveShape(node, requested, shape, *allowZero);
    if (failed(result))
      return failure();
    return Movement{{}, *result, node.loc};
  });
}

Result bitnn::importer::importTranspose(NodeContext &node) {
  FailureOr<Shape> attribute = node.getInts("perm", {});
  if (failed(attribute))
    return failure();
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movement> {
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
    return Movement{permutation, result, node.loc};
  });
}
