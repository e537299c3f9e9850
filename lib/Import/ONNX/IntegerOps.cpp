// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerOps.h"
#include "Emit.h"
#include "Multiplication.h"
#include "Pairs.h"
#include "Quantization.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitnn::importer;

/// 8-bit integers that are computed, or constant; re-centred if unsigned.
static std::optional<Value>
getOperand(NodeContext &node, const Operand &operand, bool isUnsigned) {
  if (auto *integers = std::get_if<Integers>(operand.get()))
    return integers->isUnsigned == isUnsigned ? std::optional(integers->value)
                                              : std::nullopt;
  auto *constant = std::get_if<Constant>(operand.get());
  ElementType type = isUnsigned ? ElementType::UInt8 : ElementType::Int8;
  if (!constant || constant->tensor->type != type ||
      constant->tensor->size() == 0)
    return std::nullopt;
  SmallVector<int32_t> values;
  for (int64_t i = 0; i < constant->tensor->size(); ++i)
    values.push_back(constant->tensor->getInteger(i) - (isUnsigned ? 128 : 0));
  Shape shape = constant->tensor->shape;
  if (shape.empty())
    shape = {1};
  return emitConstant(node.builder, node.loc, shape, 8, values);
}

/// The low byte of the product. Its bits do not depend on the signs of the
/// operands.
static Value multiply(NodeContext &node, Value lhs, Value rhs,
                      ArrayRef<int64_t> shape, bool isUnsigned) {
  OpBuilder &builder = node.builder;
  if (isUnsigned) {
    lhs = emitRecentre(builder, node.loc, lhs);
    rhs = emitRecentre(builder, node.loc, rhs);
  }
  Value product = emitProduct(builder, node.loc, {lhs, 0}, {rhs, 0}, shape);
  Value low = emitElementwise(
      builder, node.loc, product, 8,
      [&](OpBuilder &nested, Location loc, ValueRange scalars) -> Value {
        return arith::TruncIOp::create(nested, loc, nested.getI8Type(),
                                       scalars[0]);
      });
  return isUnsigned ? emitRecentre(builder, node.loc, low) : low;
}

/// One operation on stored integers. Sums of re-centred ones are off by 128.
static Value emitScalar(OpBuilder &builder, Location loc, StringRef op,
                        bool isUnsigned, Value lhs, Value rhs) {
  if (op == "Max")
    return arith::MaxSIOp::create(builder, loc, lhs, rhs);
  if (op == "Min")
    return arith::MinSIOp::create(builder, loc, lhs, rhs);
  Value result =
      op == "Add" ? arith::AddIOp::create(builder, loc, lhs, rhs).getResult()
                  : arith::SubIOp::create(builder, loc, lhs, rhs).getResult();
  if (!isUnsigned)
    return result;
  Value half = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(builder.getI8Type(), -128));
  return arith::XOrIOp::create(builder, loc, result, half);
}

using IntegerFunction = std::function<int64_t(int64_t, int64_t)>;

/// What has no arithmetic without divisions, as a function of two integers;
/// null for another operator. What ONNX leaves open, a division by zero, is 0.
static FailureOr<IntegerFunction> getFunction(NodeContext &node) {
  StringRef op = node.node.op;
  if (op == "Div")
    return IntegerFunction(
        [](int64_t a, int64_t b) { return b == 0 ? 0 : a / b; });
  FailureOr<int64_t> fmod = node.getInt("fmod", 0);
  FailureOr<std::string> direction = node.getString("direction", "");
  if (failed(fmod) || failed(direction))
    return failure();
  if (op == "Mod")
    return IntegerFunction([isOfC = *fmod != 0](int64_t a, int64_t b) {
      int64_t rest = b == 0 ? 0 : a % b;
      // Otherwise it has the sign of the divisor.
      return !isOfC && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    });
  if (op == "BitShift")
    return IntegerFunction(
        [isLeft = *direction == "LEFT"](int64_t a, int64_t b) {
          return b > 7 ? 0 : isLeft ? a << b : a >> b;
        });
  return IntegerFunction();
}

/// One of the operators with arithmetic of their own.
static Value emitArithmetic(NodeContext &node, Value a, Value b,
                            ArrayRef<int64_t> shape, bool isUnsigned) {
  OpBuilder &builder = node.builder;
  return emitElementwise(
      builder, node.loc, shape, {a, b},
      {getBroadcastMap(builder, getShape(a), shape),
       getBroadcastMap(builder, getShape(b), shape)},
      8, [&](OpBuilder &nested, Location loc, ValueRange scalars) {
        return emitScalar(nested, loc, node.node.op, isUnsigned, scalars[0],
                          scalars[1]);
      });
}

Result bitnn::importer::combineIntegers(NodeContext &node, const Operand &lhs,
                                        const Operand &rhs) {
  StringRef op = node.node.op;
  auto *first = std::get_if<Integers>(lhs.get());
  auto *second = std::get_if<Integers>(rhs.get());
  bool isUnsigned = (first ? first : second)->isUnsigned;
  bool isPlain = op == "Add" || op == "Sub" || op == "Max" || op == "Min";
  FailureOr<IntegerFunction> function = getFunction(node);
  if (failed(function))
    return failure();
  if (!isPlain && op != "Mul" && !*function)
    return node.decline("on two tensors of integers it is not supported; only "
                        "Add, Sub, Mul, Div, Mod, BitShift, Max and Min are");
  auto a = getOperand(node, lhs, isUnsigned);
  auto b = getOperand(node, rhs, isUnsigned);
  if (!a || !b)
    return node.refuse() << "its operands must be 8-bit integers of one type";
  auto shape = getBroadcastShape(getShape(*a), getShape(*b));
  if (!shape || failed(getNumElements(*shape)))
    return node.refuse() << "shapes " << toString(getShape(*a)) << " and "
                         << toString(getShape(*b)) << " cannot be broadcast";
  Integers result;
  result.isUnsigned = isUnsigned;
  result.tensor = node.node.outputs.front();
  int64_t half = isUnsigned ? 128 : 0;
  if (isPlain)
    result.value = emitArithmetic(node, *a, *b, *shape, isUnsigned);
  else if (op == "Mul")
    result.value = multiply(node, *a, *b, *shape, isUnsigned);
  else
    result.value = emitPairLookup(
        node.builder, node.loc, {*a, *b}, *shape, [&](int64_t x, int64_t y) {
          return int8_t((*function)(x + half, y + half) - half);
        });
  return ImportedValue(result);
}

Result bitnn::importer::clampIntegers(NodeContext &node,
                                      const Integers &integers, int64_t lower,
                                      int64_t upper) {
  int64_t half = integers.isUnsigned ? 128 : 0;
  SmallVector<int32_t> table;
  for (int64_t q = kLowest; q <= kHighest; ++q)
    table.push_back(std::clamp(
        std::min(std::max(q, lower - half), upper - half), kLowest, kHighest));
  Integers result = integers;
  result.value =
      emitLookup(node.builder, node.loc, integers.value, table, /*axis=*/0);
  result.tensor = node.node.outputs.front();
  result.argument = {};
  return ImportedValue(result);
}
