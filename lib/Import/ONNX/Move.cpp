// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movements of data commute with every quantization, so they are applied to the
// integers.

#include "Emit.h"
#include "Movements.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

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
