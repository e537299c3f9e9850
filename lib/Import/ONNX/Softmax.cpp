// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax between quantized tensors: a table of exponentials, their sum, and a
// long division. The law is that of onnxruntime's integer operator
// (docs/Numerics.md).

#include "Emit.h"
#include "Movements.h"
#include "Quantization.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
/// The exponentials of 256 differences, the largest last.
struct Exponentials {
  SmallVector<int32_t> values;
  /// The same times `factor`, which divides by the scale of the result.
  SmallVector<int64_t> scaled;
  int64_t factor;

  Exponentials(float scale, int64_t length, float resultScale) {
    double most = std::min(double(UINT32_MAX) / double(length), 8388607.0);
    factor = std::min(std::floor(1.0f / resultScale), 1048576.0f);
    for (int64_t i = 0; i < kEightBitValues; ++i) {
      values.push_back(
          std::nearbyint(most * std::exp(double(i - 255) * double(scale))));
      scaled.push_back(int64_t(values.back()) * factor);
    }
  }
};

/// Builds the loops over rows x length.
struct SoftmaxBuilder {
  OpBuilder &builder;
  Location loc;
  int64_t rows, length;

  Value emitLargest(Value input);
  Value emitSums(Value input, Value largest, ArrayRef<int32_t> values);
  Value emitQuotients(Value input, Value largest, Value sums,
                      const Exponentials &exponentials, Quantization to);

private:
  SmallVector<AffineMap> getMaps(unsigned perRow) {
    AffineMap identity = builder.getMultiDimIdentityMap(2);
    SmallVector<AffineMap> maps = {identity};
    maps.append(perRow, identity.getSubMap(0));
    return maps;
  }
};
} // namespace

Value SoftmaxBuilder::emitLargest(Value input) {
  Value image = emitReshape(builder, loc, input, {1, rows, 1, length});
  Value window = tensor::EmptyOp::create(
      builder, loc, ArrayRef<int64_t>{1, length}, builder.getI8Type());
  Value init = emitFilled(builder, loc, {1, rows, 1, 1}, 8, kLowest);
  auto ones = builder.getI64TensorAttr({1, 1});
  Value largest = linalg::PoolingNchwMaxOp::create(builder, loc, init.getType(),
                                                   ValueRange{image, window},
                                                   init, ones, ones)
                      .getResult(0);
  return emitReshape(builder, loc, largest, {rows});
}

/// How far an element is below the largest of its row, as a place in a table.
static Value emitPlace(OpBuilder &builder, Location loc, Value element,
                       Value largest) {
  Type i32 = builder.getI32Type();
  Value wide = arith::ExtSIOp::create(builder, loc, i32, element);
  Value most = arith::ExtSIOp::create(builder, loc, i32, largest);
  Value difference = arith::SubIOp::create(builder, loc, wide, most);
  Value last = arith::ConstantOp::create(
      builder, loc, builder.getI32IntegerAttr(kEightBitValues - 1));
  return arith::AddIOp::create(builder, loc, difference, last);
}

Value SoftmaxBuilder::emitSums(Value input, Value largest,
                               ArrayRef<int32_t> values) {
  Value table = emitConstant(builder, loc, {kEightBitValues}, 32, values);
  Value init = emitFilled(builder, loc, {rows}, 32, 0);
  SmallVector<utils::IteratorType> iterators = {utils::IteratorType::parallel,
                                                utils::IteratorType::reduction};
  return linalg::GenericOp::create(
             builder, loc, init.getType(), ValueRange{input, largest}, init,
             getMaps(/*perRow=*/2), iterators,
             [&](OpBuilder &nested, Location at, ValueRange scalars) {
               Value value = emitTableEntry(
                   nested, at, table,
                   emitPlace(nested, at, scalars[0], scalars[1]));
               Value sum = arith::AddIOp::create(nested, at, value, scalars[2]);
               linalg::YieldOp::create(nested, at, sum);
             })
      .getResult(0);
}

/// The quotient, rounded to the nearest, ties to even, by subtraction in `bits`
/// steps; all are i64 and not negative.
static Value emitDivision(OpBuilder &builder, Location loc, Value dividend,
                          Value divisor, unsigned bits) {
  using arith::CmpIPredicate;
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI64IntegerAttr(value));
  };
  auto compare = [&](CmpIPredicate predicate, Value a, Value b) -> Value {
    return arith::CmpIOp::create(builder, loc, predicate, a, b);
  };
  Value rest = dividend, quotient = constant(0);
  for (unsigned bit = bits; bit-- > 0;) {
    Value part = arith::ShLIOp::create(builder, loc, divisor, constant(bit));
    Value fits = compare(CmpIPredicate::uge, rest, part);
    Value less = arith::SubIOp::create(builder, loc, rest, part);
    rest = arith::SelectOp::create(builder, loc, fits, less, rest);
    Value more = arith::AddIOp::create(builder, loc, quotient,
                                       constant(int64_t(1) << bit));
    quotient = arith::SelectOp::create(builder, loc, fits, more, quotient);
  }
  // Twice the rest, and one more if the quotient is odd, exceeds the divisor.
  Value twice = arith::ShLIOp::create(builder, loc, rest, constant(1));
  Value parity = arith::AndIOp::create(builder, loc, quotient, constant(1));
  Value measure = arith::AddIOp::create(builder, loc, twice, parity);
  Value next = arith::AddIOp::create(builder, loc, quotient, constant(1));
  return arith::SelectOp::create(builder, loc,
                                 compare(CmpIPredicate::ugt, measure, divisor),
                                 next, quotient);
}

Value SoftmaxBuilder::emitQuotients(Value input, Value largest, Value sums,
                                    const Exponentials &exponentials,
                                    Quantization to) {
  Type i64 = builder.getI64Type();
  auto type = RankedTensorType::get(kEightBitValues, i64);
  Value table = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(type, ArrayRef<int64_t>(exponentials.scaled)));
  // No exponential is larger than the sum, so no quotient than the factor.
  unsigned bits = llvm::Log2_64(exponentials.factor + 1) + 1;
  return emitElementwise(
      builder, loc, {rows, length}, {input, largest, sums},
      getMaps(/*perRow=*/2), 8,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        auto constant = [&](int64_t value) -> Value {
          return arith::ConstantOp::create(nested, at,
                                           nested.getI64IntegerAttr(value));
        };
        Value dividend = emitTableEntry(
            nested, at, table, emitPlace(nested, at, scalars[0], scalars[1]));
        Value divisor = arith::ExtUIOp::create(nested, at, i64, scalars[2]);
        Value quotient = emitDivision(nested, at, dividend, divisor, bits);
        Value moved =
            arith::AddIOp::create(nested, at, quotient, constant(to.zeroPoint));
        Value clamped =
            arith::MinSIOp::create(nested, at, moved, constant(to.highest));
        return arith::TruncIOp::create(nested, at, nested.getI8Type(), clamped);
      });
}

Value bitnn::importer::quantizeSoftmax(NodeContext &node,
                                       const Softmax &softmax,
                                       Quantization to) {
  OpBuilder &builder = node.builder;
  Value input = softmax.input.integers.value;
  Shape shape(getShape(input));
  // The normalized dimension last.
  std::optional<Movement> exchange;
  int64_t length = *getNumElements(ArrayRef(shape).drop_front(softmax.axis));
  if (!softmax.isFlat) {
    length = shape[softmax.axis];
    Shape permutation = llvm::to_vector<4>(llvm::seq<int64_t>(shape.size()));
    std::swap(permutation[softmax.axis], permutation.back());
    Shape exchanged = shape;
    std::swap(exchanged[softmax.axis], exchanged.back());
    if (softmax.axis != int64_t(shape.size()) - 1)
      exchange = Movement{permutation, exchanged, node.loc};
  }
  if (exchange)
    input = emitMovement(builder, input, *exchange);
  int64_t rows = *getNumElements(shape) / length;
  SoftmaxBuilder loops{builder, node.loc, rows, length};
  Exponentials exponentials(softmax.input.quantization.scale, length, to.scale);
  Value matrix = emitReshape(builder, node.loc, input, {rows, length});
  Value largest = loops.emitLargest(matrix);
  Value sums = loops.emitSums(matrix, largest, exponentials.values);
  Value result = loops.emitQuotients(matrix, largest, sums, exponentials, to);
  if (!exchange)
    return emitReshape(builder, node.loc, result, shape);
  Value back = emitReshape(builder, node.loc, result, exchange->shape);
  return emitMovement(builder, back, {exchange->permutation, shape, node.loc});
}

//===----------------------------------------------------------------------===//
// The operators
//===----------------------------------------------------------------------===//

/// `isFlat`: before opset 13 all dimensions from the axis on are one.
static Result normalize(NodeContext &node, const Operand &input, bool isFlat) {
  auto *real = input ? std::get_if<Dequantized>(input.get()) : nullptr;
  if (!real || !real->isUntouched())
    return node.decline("its input is not 8-bit integers directly behind a "
                        "DequantizeLinear");
  FailureOr<int64_t> given = node.getInt("axis", isFlat ? 1 : -1);
  if (failed(given))
    return failure();
  auto axis =
      normalizeAxis(node, *given, getShape(real->integers.value).size());
  if (failed(axis))
    return failure();
  Softmax softmax;
  softmax.tensor = real->tensor;
  softmax.nodes = real->nodes;
  softmax.nodes.push_back(&node.node);
  softmax.input = *real;
  softmax.axis = *axis;
  softmax.isFlat = isFlat;
  return ImportedValue(std::move(softmax));
}

Result bitnn::importer::importSoftmax(NodeContext &node) {
  return normalize(node, node.getOperand(0), node.node.opset < 13);
}

Result bitnn::importer::importQLinearSoftmax(NodeContext &node) {
  FailureOr<int64_t> opset = node.getInt("opset", 13);
  if (failed(opset))
    return failure();
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2));
  if (failed(x))
    return failure();
  Result softmax = normalize(node, share(std::move(*x)), *opset < 13);
  if (failed(softmax))
    return failure();
  return quantize(node, share(std::move(*softmax)), node.getOperand(3),
                  node.getOperand(4));
}
