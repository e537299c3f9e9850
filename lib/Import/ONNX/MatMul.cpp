// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MatMul, QLinearMatMul, MatMulInteger: the constant on any side, in batches.

#include "Convolution.h"
#include "Emit.h"
#include "Movements.h"
#include "Products.h"

using namespace mlir;
using namespace bitnn::importer;

/// The movement that exchanges the last two dimensions.
static Movement exchange(NodeContext &node, ArrayRef<int64_t> shape) {
  Shape permutation = llvm::to_vector<4>(llvm::seq<int64_t>(shape.size()));
  std::swap(permutation[shape.size() - 2], permutation[shape.size() - 1]);
  Movement movement{permutation, Shape(shape), node.loc};
  std::swap(movement.shape[shape.size() - 2], movement.shape.back());
  return movement;
}

/// Constant rows times x, .. x K x N: the product of both transposed, and
/// transposed back.
static FailureOr<Accumulator> multiplyColumns(NodeContext &node,
                                              const Operand &weights,
                                              const Dequantized &x) {
  Value integers = x.integers.value;
  Movement movement = exchange(node, getShape(integers));
  Value columns = emitMovement(node.builder, integers, movement);
  auto sum = multiplyRows(node, x, columns, weights, /*bias=*/nullptr,
                          /*transposeInput=*/false, /*transposeWeights=*/true);
  if (failed(sum))
    return failure();
  Movement back = exchange(node, sum->shape);
  sum->shape = back.shape;
  --sum->channelAxis;
  sum->emit = [emit = sum->emit, back](OpBuilder &builder,
                                       ArrayRef<int64_t> bias,
                                       ArrayRef<int64_t> signs) {
    return emitMovement(builder, emit(builder, bias, signs), back);
  };
  return sum;
}

/// B products of M x K and constant K x N matrices: a convolution of B groups
/// of K channels, whose pixels are the rows.
static FailureOr<Accumulator> multiplyBatch(NodeContext &node,
                                            const Dequantized &x,
                                            const QuantizedConstant &given) {
  Value integers = x.integers.value;
  ArrayRef<int64_t> left = getShape(integers), right = given.integers->shape;
  ArrayRef<int64_t> batch = right.drop_back(2);
  int64_t rank = right.size(), k = left.back(), n = right.back();
  if (left.drop_back(2) != batch || right[rank - 2] != k)
    return node.refuse() << "an input of shape " << toString(left)
                         << " and weights of shape " << toString(right)
                         << " disagree";
  if (!given.isPerTensor() && given.axis != rank - 1)
    return node.refuse() << "its weights have one scale per entry of axis "
                         << given.axis << ", only scales per output (axis "
                         << rank - 1 << ") have an integer form";
  int64_t count = *getNumElements(batch), m = left[left.size() - 2];
  // Columns become outputs.
  QuantizedConstant weights = given;
  std::vector<int64_t> values;
  for (int64_t b = 0; b < count; ++b)
    for (int64_t output = 0; output < n; ++output)
      for (int64_t input = 0; input < k; ++input)
        values.push_back(
            given.integers->getInteger((b * k + input) * n + output));
  weights.integers =
      makeTensor(given.integers->type, {count * n, k, 1, 1}, values);
  weights.axis = 0;
  auto repeat = [&](auto &entries) {
    auto once = entries;
    for (int64_t b = 1; b < count && once.size() > 1; ++b)
      entries.insert(entries.end(), once.begin(), once.end());
  };
  repeat(weights.scales);
  repeat(weights.zeroPoints);
  auto read = getWeights(node, share(std::move(weights)), /*rank=*/4, 0);
  if (failed(read))
    return failure();
  Value columns = emitMovement(node.builder, integers, exchange(node, left));
  Value image =
      emitReshape(node.builder, node.loc, columns, {1, count * k, m, 1});
  Windows windows;
  windows.rank = 2;
  windows.kernel = windows.strides = windows.dilations = {1, 1};
  windows.before = windows.after = windows.declaredAfter = {0, 0};
  windows.outputs = {m, 1};
  auto sum = makeConvolution(node, x, image, std::move(*read), windows, count,
                             /*bias=*/nullptr);
  if (failed(sum))
    return failure();
  Shape shape(batch);
  shape.append({n, m});
  sum->movements.push_back(Movement{{}, shape, node.loc});
  sum->movements.push_back(exchange(node, shape));
  return sum;
}

/// A vector as a matrix of one row or column; the sum loses that dimension.
static Result multiplyVector(NodeContext &node, const Operand &lhs,
                             const Operand &rhs, bool isLhs);

static Result multiply(NodeContext &node, const Operand &lhs,
                       const Operand &rhs) {
  auto *constant = lhs ? std::get_if<QuantizedConstant>(lhs.get()) : nullptr;
  auto x = getActivation(node, constant ? rhs : lhs, "input");
  if (failed(x))
    return failure();
  auto *weights = constant ? constant
                  : rhs    ? std::get_if<QuantizedConstant>(rhs.get())
                           : nullptr;
  size_t rank = getShape((*x)->integers.value).size();
  if (rank == 1 || (weights && weights->integers->shape.size() == 1))
    return multiplyVector(node, lhs, rhs,
                          rank == 1 ? !constant : bool(constant));
  FailureOr<Accumulator> sum = failure();
  if (constant)
    sum = multiplyColumns(node, lhs, **x);
  else if (weights && weights->integers->shape.size() > 2)
    sum = multiplyBatch(node, **x, *weights);
  else
    sum = multiplyRows(node, **x, (*x)->integers.value, rhs, nullptr, false,
                       false);
  if (failed(sum))
    return failure();
  return ImportedValue(std::move(*sum));
}

static Result multiplyVector(NodeContext &node, const Operand &lhs,
                             const Operand &rhs, bool isLhs) {
  const Operand &vector = isLhs ? lhs : rhs;
  Result matrix = move(node, vector, [&](ArrayRef<int64_t> shape) {
    return FailureOr<Movements>(
        reshape(node, isLhs ? Shape{1, shape[0]} : Shape{shape[0], 1}));
  });
  if (failed(matrix))
    return failure();
  Operand moved = share(std::move(*matrix));
  Result product =
      isLhs ? multiply(node, moved, rhs) : multiply(node, lhs, moved);
  if (failed(product))
    return failure();
  return move(node, share(std::move(*product)), [&](ArrayRef<int64_t> shape) {
    Shape result(shape);
    result.erase(result.end() - (isLhs ? 2 : 1));
    return FailureOr<Movements>(reshape(node, result));
  });
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
