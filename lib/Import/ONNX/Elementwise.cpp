// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on two operands.

#include "Emit.h"
#include "Functions.h"
#include "IntegerOps.h"
#include "Multiplication.h"
#include "Pairs.h"
#include "Quantization.h"
#include "Weights.h"

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Two tensors
//===----------------------------------------------------------------------===//

/// Whether the law of products of integers holds for an operand.
static bool isTensor(const Operand &operand) {
  if (auto *real = std::get_if<Dequantized>(operand.get()))
    return real->isUntouched();
  auto *constant = std::get_if<QuantizedConstant>(operand.get());
  return constant && constant->isPerTensor() &&
         isEightBits(constant->integers->type) &&
         constant->integers->size() != 0;
}

static bool isLargeConstant(const Operand &operand) {
  auto *constant = std::get_if<QuantizedConstant>(operand.get());
  return constant && constant->integers->size() > 1;
}

/// A dequantized tensor, maybe with a function, or a constant of 8-bit integers
/// as one.
static std::optional<Dequantized> getTensor(NodeContext &node,
                                            const Operand &operand) {
  if (auto *real = std::get_if<Dequantized>(operand.get()))
    return canPair(*real) ? std::optional(*real) : std::nullopt;
  if (!isTensor(operand))
    return std::nullopt;
  auto *constant = std::get_if<QuantizedConstant>(operand.get());
  Shape shape = constant->integers->shape;
  if (shape.empty())
    shape = {1};
  int64_t half = constant->integers->type == ElementType::UInt8 ? 128 : 0;
  SmallVector<int32_t> values;
  for (int64_t i = 0; i < constant->integers->size(); ++i)
    values.push_back(constant->integers->getInteger(i) - half);
  Dequantized result;
  result.quantization = {constant->scales.front(),
                         constant->zeroPoints.front() - half};
  result.integers.value =
      emitConstant(node.builder, node.loc, shape, 8, values);
  return result;
}

static Result multiplyTensors(NodeContext &node, const Dequantized &lhs,
                              const Dequantized &rhs, Shape shape) {
  Accumulator product;
  product.tensor = node.node.outputs.front();
  product.shape = shape;
  product.scales = {lhs.quantization.scale * rhs.quantization.scale};
  auto getMost = [](const Dequantized &factor) {
    return std::max(kHighest - factor.quantization.zeroPoint,
                    factor.quantization.zeroPoint - kLowest);
  };
  product.bound = getMost(lhs) * getMost(rhs);
  Factor a = {lhs.integers.value, lhs.quantization.zeroPoint};
  Factor b = {rhs.integers.value, rhs.quantization.zeroPoint};
  product.emit = [=, loc = node.loc](OpBuilder &builder, ArrayRef<int64_t>,
                                     ArrayRef<int64_t>) {
    return emitProduct(builder, loc, a, b, shape);
  };
  return ImportedValue(std::move(product));
}

/// The larger or smaller of two floats is that of their integers, once both are
/// quantized alike.
static Result chooseTensors(NodeContext &node, const Operand &lhs,
                            const Operand &rhs, Shape shape) {
  Parts parts;
  parts.tensor = node.node.outputs.front();
  parts.kind = node.node.op == "Max" ? Parts::Kind::Max : Parts::Kind::Min;
  parts.operands = {lhs, rhs};
  parts.shape = std::move(shape);
  return ImportedValue(std::move(parts));
}

static Result combineTensors(NodeContext &node, const Operand &lhs,
                             const Operand &rhs) {
  auto a = getCurrentShape(*lhs), b = getCurrentShape(*rhs);
  if (!a || !b || std::holds_alternative<Integers>(*lhs) ||
      std::holds_alternative<Integers>(*rhs))
    return node.decline("its operands are not both behind a DequantizeLinear");
  auto shape = getBroadcastShape(*a, *b);
  if (!shape || failed(getNumElements(*shape)))
    return node.refuse() << "shapes " << toString(*a) << " and " << toString(*b)
                         << " cannot be broadcast";
  StringRef op = node.node.op;
  if (op == "Max" || op == "Min")
    return chooseTensors(node, lhs, rhs, *shape);
  bool areConstant = std::holds_alternative<QuantizedConstant>(*lhs) &&
                     std::holds_alternative<QuantizedConstant>(*rhs);
  auto x = getTensor(node, lhs), y = getTensor(node, rhs);
  if (!x || !y || areConstant)
    return node.decline("its operands are not both 8-bit integers behind a "
                        "DequantizeLinear, with at most functions of one "
                        "number behind it");
  op.consume_front("QLinear");
  if (op == "Mul" && x->isUntouched() && y->isUntouched())
    return multiplyTensors(node, *x, *y, *shape);
  return ImportedValue(makePair(node, op, *x, *y, *shape));
}

//===----------------------------------------------------------------------===//
// The operators
//===----------------------------------------------------------------------===//

static Result combineTwo(NodeContext &node, const Operand &lhs,
                         const Operand &rhs) {
  StringRef op = node.node.op;
  if (std::holds_alternative<Integers>(*lhs) ||
      std::holds_alternative<Integers>(*rhs))
    return combineIntegers(node, lhs, rhs);
  if (auto folded = foldConstant(node, lhs, rhs))
    return *folded;
  if (auto residual = addResidual(node, lhs, rhs))
    return *residual;
  // A product of two quantized operands is one of integers, and a sum with many
  // constants needs no table for each.
  bool areQuantized = isTensor(lhs) && isTensor(rhs);
  BinaryFunction function = getBinaryFunction(op);
  if (!function)
    return node.decline("on floats it has no integer form");
  if (!areQuantized ||
      (op != "Mul" && !isLargeConstant(lhs) && !isLargeConstant(rhs)))
    if (auto result = applyBinary(node, lhs, rhs, function))
      return *result;
  return combineTensors(node, lhs, rhs);
}

Result bitnn::importer::importBinary(NodeContext &node) {
  StringRef op = node.node.op;
  bool isVariadic = op == "Max" || op == "Min";
  size_t count = node.operands.size();
  if (count < (isVariadic ? 1 : 2) || (count > 2 && !isVariadic) ||
      llvm::is_contained(node.operands, nullptr))
    return node.refuse() << "it needs two operands";
  if (count == 1)
    return importIdentity(node);
  // One after the other; whatever is declined is declined for the whole node.
  Operand first = node.operands.front();
  for (const Operand &next : node.operands.drop_front()) {
    Result result = combineTwo(node, first, next);
    if (failed(result) || std::holds_alternative<Outside>(*result))
      return result;
    first = share(std::move(*result));
  }
  return *first;
}

Result bitnn::importer::importPRelu(NodeContext &node) {
  Operand x = node.getOperand(0), slope = node.getOperand(1);
  if (!x || !slope)
    return node.refuse() << "it needs two operands";
  if (auto result = applyBinary(node, x, slope, getBinaryFunction("PRelu")))
    return *result;
  return combineTensors(node, x, slope);
}

static Result quantizeQLinear(NodeContext &node, Result real, unsigned scale) {
  if (failed(real))
    return failure();
  return quantize(node, share(std::move(*real)), node.getOperand(scale),
                  node.getOperand(scale + 1));
}

static Result importQLinearBinary(NodeContext &node) {
  Result a = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(a))
    return failure();
  Result b = dequantize(node, node.getOperand(3), node.getOperand(4),
                        node.getOperand(5));
  if (failed(b))
    return failure();
  return quantizeQLinear(
      node, combineTensors(node, share(std::move(*a)), share(std::move(*b))),
      6);
}

Result bitnn::importer::importQLinearAdd(NodeContext &node) {
  return importQLinearBinary(node);
}
Result bitnn::importer::importQLinearMul(NodeContext &node) {
  return importQLinearBinary(node);
}

/// A function of one number in QLinear form.
static Result importQLinearUnary(NodeContext &node) {
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(x))
    return failure();
  Node plain = node.node;
  plain.op = StringRef(plain.op).drop_front(StringRef("QLinear").size()).str();
  plain.domain = "";
  SmallVector<Operand> operands = {share(std::move(*x))};
  NodeContext context(node.importer, plain, operands);
  return quantizeQLinear(node, importFunction(context), 3);
}

Result bitnn::importer::importQLinearSigmoid(NodeContext &node) {
  return importQLinearUnary(node);
}
Result bitnn::importer::importQLinearLeakyRelu(NodeContext &node) {
  return importQLinearUnary(node);
}
