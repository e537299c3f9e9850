// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MatMul, QLinearMatMul, MatMulInteger: the constant on any side, in batches.

#include "Convolution.h"
#include "Emit.h"
#include "Movements.h"
#include "Products.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

static Result multiply(NodeContext &node, const Operand &lhs,
                       const Operand &rhs);

/// The operand after a movement.
static FailureOr<Operand>
moveOperand(NodeContext &node, const Operand &operand,
            llvm::function_ref<Movements(ArrayRef<int64_t>)> plan) {
  Result moved = move(node, operand, [&](ArrayRef<int64_t> shape) {
    return FailureOr<Movements>(plan(shape));
  });
  if (failed(moved))
    return failure();
  return share(std::move(*moved));
}

/// A vector as a matrix of one row or column; the product loses that dimension.
static Result multiplyVector(NodeContext &node, const Operand &lhs,
                             const Operand &rhs, bool isLhs) {
  auto matrix =
      moveOperand(node, isLhs ? lhs : rhs, [&](ArrayRef<int64_t> shape) {
        return reshape(node, isLhs ? Shape{1, shape[0]} : Shape{shape[0], 1});
      });
  if (failed(matrix))
    return failure();
  Result product =
      isLhs ? multiply(node, *matrix, rhs) : multiply(node, lhs, *matrix);
  if (failed(product))
    return failure();
  return move(node, share(std::move(*product)), [&](ArrayRef<int64_t> shape) {
    Shape result(shape);
    result.erase(result.end() - (isLhs ? 2 : 1));
    return FailureOr<Movements>(reshape(node, result));
  });
}

/// A batch of one constant matrix is that matrix; the product gets the leading
/// dimensions that only the batch has.
static Result multiplySingle(NodeContext &node, const Operand &lhs,
                             const Operand &rhs, bool isLhs) {
  auto matrix =
      moveOperand(node, isLhs ? lhs : rhs, [&](ArrayRef<int64_t> shape) {
        return reshape(node, Shape(shape.take_back(2)));
      });
  if (failed(matrix))
    return failure();
  Result product =
      isLhs ? multiply(node, *matrix, rhs) : multiply(node, lhs, *matrix);
  if (failed(product))
    return failure();
  auto &sum = std::get<Accumulator>(*product);
  size_t rank = getCurrentShape(*(isLhs ? lhs : rhs))->size();
  if (rank > sum.shape.size())
    sum = prependOnes(node, std::move(sum), rank - sum.shape.size());
  return product;
}

/// Constant matrices times x: the product of both transposed, and transposed
/// back.
static FailureOr<Accumulator> multiplyColumns(NodeContext &node,
                                              const Operand &weights,
                                              const Dequantized &x) {
  auto exchanged = moveOperand(node, weights, [&](ArrayRef<int64_t> shape) {
    return Movements{exchange(node, shape)};
  });
  if (failed(exchanged))
    return failure();
  Value integers = x.integers.value;
  Dequantized columns = x;
  columns.integers.value =
      emitMovement(node.builder, integers, exchange(node, getShape(integers)));
  auto sum =
      multiplyBatch(node, columns, std::get<QuantizedConstant>(**exchanged));
  if (failed(sum))
    return failure();
  return exchangeSum(node, std::move(*sum));
}

static Result multiply(NodeContext &node, const Operand &lhs,
                       const Operand &rhs) {
  bool isLhs = lhs && std::holds_alternative<QuantizedConstant>(*lhs);
  auto x = getActivation(node, isLhs ? rhs : lhs, "input");
  if (failed(x))
    return failure();
  const Operand &other = isLhs ? lhs : rhs;
  auto *weights = other ? std::get_if<QuantizedConstant>(other.get()) : nullptr;
  size_t rank = getShape((*x)->integers.value).size();
  if (rank == 1)
    return multiplyVector(node, lhs, rhs, !isLhs);
  FailureOr<Accumulator> sum = failure();
  if (weights && weights->integers->shape.size() == 1) {
    return multiplyVector(node, lhs, rhs, isLhs);
  } else if (weights && weights->integers->shape.size() > 2) {
    auto batch = ArrayRef(weights->integers->shape).drop_back(2);
    if (llvm::all_of(batch, [](int64_t extent) { return extent == 1; }))
      return multiplySingle(node, lhs, rhs, isLhs);
    sum = isLhs ? multiplyColumns(node, lhs, **x)
                : multiplyBatch(node, **x, *weights);
  } else {
    sum = multiplyMatrix(node, {**x, other, nullptr, isLhs});
  }
  if (failed(sum))
    return failure();
  return ImportedValue(std::move(*sum));
}

Result bitnn::importer::importMatMul(NodeContext &node) {
  return multiply(node, node.getOperand(0), node.getOperand(1));
}

Result bitnn::importer::importQLinearMatMul(NodeContext &node) {
  auto operands = dequantizeOperands(node, /*weightsAxis=*/-1);
  if (failed(operands))
    return failure();
  Result sum = multiply(node, operands->first, operands->second);
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(6),
                  node.getOperand(7));
}

Result bitnn::importer::importMatMulInteger(NodeContext &node) {
  Operand one = makeUnitScale();
  Result lhs = dequantize(node, node.getOperand(0), one, node.getOperand(2),
                          /*axis=*/-2);
  if (failed(lhs))
    return failure();
  Result rhs = dequantize(node, node.getOperand(1), one, node.getOperand(3),
                          /*axis=*/-1);
  if (failed(rhs))
    return failure();
  return asIntegers(
      multiply(node, share(std::move(*lhs)), share(std::move(*rhs))));
}
