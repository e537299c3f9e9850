// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movements of data commute with every quantization, so they are applied to the
// integers.

#include "Emit.h"
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

static TensorRef moveConstant(const Tensor &tensor, const Movement &movement) {
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

static FailureOr<QuantizedConstant> moveQuantized(NodeContext &node,
                                                  QuantizedConstant constant,
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

namespace {
/// Applies the movements of a node to a value.
struct Mover {
  NodeContext &node;
  Plan plan;
  bool isConstant;

  FailureOr<Movements> getPlan(ArrayRef<int64_t> shape) const {
    FailureOr<Movements> movements = plan(shape);
    if (failed(movements))
      return failure();
    for (const Movement &movement : *movements) {
      if (movement.shape.empty() && !isConstant)
        return node.refuse() << "scalars are not supported";
      if (failed(checkShape(node, movement.shape, isConstant)))
        return failure();
    }
    return movements;
  }

  Integers moveIntegers(Integers integers, const Movements &movements) const {
    for (const Movement &movement : movements)
      integers.value = emitMovement(node.builder, integers.value, movement);
    return integers;
  }

  /// After the quantization that is still to come.
  template <typename T>
  Result postpone(T value, ArrayRef<int64_t> shape) const {
    if (!value.movements.empty())
      shape = value.movements.back().shape;
    Shape current(shape);
    FailureOr<Movements> movements = getPlan(current);
    if (failed(movements))
      return failure();
    llvm::append_range(value.movements, *movements);
    value.nodes.push_back(&node.node);
    return ImportedValue(std::move(value));
  }

  Result operator()(const Constant &constant) const;
  Result operator()(const QuantizedConstant &constant) const;
  Result operator()(const Integers &integers) const;
  Result operator()(const Dequantized &real) const;
  Result operator()(const Accumulator &sum) const {
    return postpone(sum, sum.shape);
  }
  Result operator()(const Pair &pair) const {
    return postpone(pair, pair.shape);
  }
  Result operator()(const Softmax &softmax) const {
    return postpone(softmax, getShape(softmax.input.integers.value));
  }
  Result operator()(const Parts &parts) const {
    return postpone(parts, parts.shape);
  }
  Result operator()(const Outside &outside) const;
  Result operator()(std::monostate) const {
    return node.refuse() << "its input is missing";
  }
};
} // namespace

Result Mover::operator()(const Constant &constant) const {
  FailureOr<Movements> movements = getPlan(constant.tensor->shape);
  if (failed(movements))
    return failure();
  if (llvm::any_of(*movements, [](const Movement &m) { return bool(m.emit); }))
    return node.decline("its input is a constant");
  TensorRef tensor = constant.tensor;
  for (const Movement &movement : *movements)
    tensor = moveConstant(*tensor, movement);
  return ImportedValue(Constant{tensor});
}

Result Mover::operator()(const QuantizedConstant &constant) const {
  FailureOr<Movements> movements = getPlan(constant.integers->shape);
  if (failed(movements))
    return failure();
  if (llvm::any_of(*movements, [](const Movement &m) { return bool(m.emit); }))
    return node.decline("its input is a constant");
  FailureOr<QuantizedConstant> moved = constant;
  for (const Movement &movement : *movements)
    if (moved = moveQuantized(node, *moved, movement); failed(moved))
      return failure();
  return ImportedValue(std::move(*moved));
}

Result Mover::operator()(const Integers &integers) const {
  FailureOr<Movements> movements = getPlan(getShape(integers.value));
  if (failed(movements))
    return failure();
  for (Movement &movement : *movements)
    if (movement.padding) {
      int64_t half = integers.isUnsigned ? 128 : 0;
      movement.padding->integer = int64_t(movement.padding->fill) - half;
      if (movement.padding->integer < kLowest ||
          movement.padding->integer > kHighest)
        return node.refuse() << "its constant " << movement.padding->fill
                             << " is not in the range of the integers";
    }
  Integers moved = moveIntegers(integers, *movements);
  moved.tensor = node.node.outputs.front();
  return ImportedValue(moved);
}

/// The integer that stands for a number, if there is one.
static std::optional<int64_t> findInteger(const Dequantized &real,
                                          float value) {
  for (int64_t q = kLowest; q <= kHighest; ++q)
    if (real.apply(dequantizeInteger(q, real.quantization), 0) == value)
      return q;
  return std::nullopt;
}

Result Mover::operator()(const Dequantized &real) const {
  ArrayRef<int64_t> shape = getShape(real.integers.value);
  if ((real.function && real.function->channels > 1) || !real.movements.empty())
    return postpone(real, shape);
  FailureOr<Movements> movements = getPlan(shape);
  if (failed(movements))
    return failure();
  for (Movement &movement : *movements)
    if (movement.emit && real.function) {
      return postpone(real, shape);
    } else if (movement.padding) {
      auto integer = findInteger(real, movement.padding->fill);
      if (!integer)
        return postpone(real, shape);
      movement.padding->integer = *integer;
    }
  Dequantized result = real;
  result.integers = moveIntegers(real.integers, *movements);
  result.nodes.push_back(&node.node);
  return ImportedValue(std::move(result));
}

Result Mover::operator()(const Outside &input) const {
  ImportedValue result = node.decline("its input has no integer form");
  if (!input.shape)
    return result;
  FailureOr<Movements> movements = getPlan(*input.shape);
  if (failed(movements))
    return failure();
  std::get<Outside>(result).shape =
      movements->empty() ? *input.shape : movements->back().shape;
  return result;
}

std::optional<Shape>
bitnn::importer::getCurrentShape(const ImportedValue &value) {
  auto afterMovements = [](const Real &real, ArrayRef<int64_t> shape) {
    return real.movements.empty() ? Shape(shape) : real.movements.back().shape;
  };
  if (auto *constant = std::get_if<Constant>(&value))
    return constant->tensor->shape;
  if (auto *constant = std::get_if<QuantizedConstant>(&value))
    return constant->integers->shape;
  if (auto *integers = std::get_if<Integers>(&value))
    return Shape(getShape(integers->value));
  if (auto *real = std::get_if<Dequantized>(&value))
    return afterMovements(*real, getShape(real->integers.value));
  if (auto *sum = std::get_if<Accumulator>(&value))
    return afterMovements(*sum, sum->shape);
  if (auto *pair = std::get_if<Pair>(&value))
    return afterMovements(*pair, pair->shape);
  if (auto *softmax = std::get_if<Softmax>(&value))
    return afterMovements(*softmax, getShape(softmax->input.integers.value));
  if (auto *parts = std::get_if<Parts>(&value))
    return afterMovements(*parts, parts->shape);
  return std::nullopt;
}

LogicalResult bitnn::importer::checkShape(NodeContext &node,
                                          ArrayRef<int64_t> shape,
                                          bool isConstant) {
  FailureOr<int64_t> size = getNumElements(shape);
  if (succeeded(size) && *size > 0 &&
      !(isConstant && *size > kMostComputedElements))
    return success();
  return node.refuse() << "its result of shape " << toString(shape)
                       << " is empty or too large";
}

Result bitnn::importer::move(NodeContext &node, const Operand &operand,
                             Plan plan) {
  if (!operand)
    return node.refuse() << "its input is missing";
  bool isConstant = std::holds_alternative<Constant>(*operand) ||
                    std::holds_alternative<QuantizedConstant>(*operand);
  return std::visit(Mover{node, plan, isConstant}, *operand);
}

Result bitnn::importer::move(NodeContext &node, Plan plan) {
  return move(node, node.getOperand(0), plan);
}

//===----------------------------------------------------------------------===//
// Axes and selections
//===----------------------------------------------------------------------===//

Movement bitnn::importer::selectAll(NodeContext &node,
                                    ArrayRef<int64_t> shape) {
  Movement movement{{}, Shape(shape), node.loc};
  for (int64_t extent : shape)
    movement.sources.push_back(llvm::to_vector<4>(llvm::seq(extent)));
  return movement;
}

void bitnn::importer::select(Movement &movement, unsigned axis, Shape indices) {
  movement.shape[axis] = indices.size();
  movement.sources[axis] = std::move(indices);
}

FailureOr<int64_t> bitnn::importer::normalizeAxis(NodeContext &node,
                                                  int64_t axis, int64_t rank) {
  int64_t normalized = axis + (axis < 0 ? rank : 0);
  if (normalized >= 0 && normalized < rank)
    return normalized;
  return node.refuse() << "axis " << axis << " is not one of a tensor of "
                       << rank << " dimensions";
}

FailureOr<std::optional<Shape>>
bitnn::importer::getIntegers(NodeContext &node, StringRef attribute,
                             unsigned operand, int64_t opset) {
  if (node.node.opset < opset) {
    if (!node.has(attribute))
      return std::optional<Shape>();
    FailureOr<Shape> values = node.getInts(attribute, {});
    if (failed(values))
      return failure();
    return std::optional<Shape>(*values);
  }
  Operand value = node.getOperand(operand);
  if (!value)
    return std::optional<Shape>();
  auto *constant = std::get_if<Constant>(value.get());
  if (!constant || (constant->tensor->type != ElementType::Int64 &&
                    constant->tensor->type != ElementType::Int32))
    return node.refuseOperand(value, attribute, "a constant int64 tensor");
  Shape values;
  for (int64_t i = 0; i < constant->tensor->size(); ++i)
    values.push_back(constant->tensor->getInteger(i));
  return std::optional<Shape>(values);
}
