// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ReduceMean, ReduceSum, ReduceMax, ReduceMin: pools whose window is the
// product of the reduced dimensions.

#include "Emit.h"
#include "Movements.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
/// A tensor as rows, each of which is reduced.
struct Rows {
  /// Brings the reduced dimensions to the end.
  Movement transpose;
  int64_t count = 1, length = 1;
  /// Of the result.
  Shape shape;

  Value emitInput(OpBuilder &builder, Location loc, Value value) const {
    Value moved = value;
    if (!llvm::equal(transpose.permutation,
                     llvm::seq<int64_t>(transpose.permutation.size())))
      moved = emitMovement(builder, value, transpose);
    return emitReshape(builder, loc, moved, {1, count, 1, length});
  }
};
} // namespace

static FailureOr<Rows> getRows(NodeContext &node, ArrayRef<int64_t> shape) {
  int64_t opset = node.node.op == "ReduceSum" ? 13 : 18;
  auto given = getIntegers(node, "axes", /*operand=*/1, opset);
  if (failed(given))
    return failure();
  FailureOr<int64_t> keep = node.getInt("keepdims", 1);
  if (failed(keep))
    return failure();
  FailureOr<int64_t> isIdentity = node.getInt("noop_with_empty_axes", 0);
  if (failed(isIdentity))
    return failure();
  int64_t rank = shape.size();
  std::vector<bool> isReduced(rank,
                              (!*given || (*given)->empty()) && !*isIdentity);
  if (*given)
    for (int64_t axis : **given) {
      auto normalized = normalizeAxis(node, axis, rank);
      if (failed(normalized))
        return failure();
      isReduced[*normalized] = true;
    }
  Rows rows{Movement{{}, {}, node.loc}, 1, 1, {}};
  for (bool reduced : {false, true})
    for (int64_t i = 0; i < rank; ++i) {
      if (isReduced[i] != reduced)
        continue;
      rows.transpose.permutation.push_back(i);
      rows.transpose.shape.push_back(shape[i]);
      (reduced ? rows.length : rows.count) *= shape[i];
    }
  for (int64_t i = 0; i < rank; ++i)
    if (!isReduced[i] || *keep)
      rows.shape.push_back(isReduced[i] ? 1 : shape[i]);
  return rows;
}

/// One pooling over each row; `Pool` is upstream's operation.
template <typename Pool>
static Value emitPool(OpBuilder &builder, Location loc, Value rows,
                      unsigned bits, int64_t init) {
  ArrayRef<int64_t> shape = getShape(rows);
  Value window = tensor::EmptyOp::create(
      builder, loc, ArrayRef<int64_t>{1, shape[3]}, builder.getI8Type());
  Value filled = emitFilled(builder, loc, {1, shape[1], 1, 1}, bits, init);
  auto ones = builder.getI64TensorAttr({1, 1});
  return Pool::create(builder, loc, filled.getType(), ValueRange{rows, window},
                      filled, ones, ones)
      .getResult(0);
}

static Value emitComplement(OpBuilder &builder, Location loc, Value value) {
  return emitElementwise(
      builder, loc, value, 8,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        Value ones = arith::ConstantOp::create(
            nested, at, nested.getIntegerAttr(nested.getI8Type(), -1));
        return arith::XOrIOp::create(nested, at, scalars[0], ones);
      });
}

/// The largest or smallest of each row: it commutes with quantization.
static Result choose(NodeContext &node, bool isMin) {
  return move(node, [&](ArrayRef<int64_t> shape) -> FailureOr<Movements> {
    FailureOr<Rows> rows = getRows(node, shape);
    if (failed(rows))
      return failure();
    Movement pool{{}, rows->shape, node.loc};
    pool.emit = [rows = *rows, loc = node.loc, isMin](OpBuilder &builder,
                                                      Value value) {
      // The complement reverses the order of integers.
      Value input = rows.emitInput(builder, loc, value);
      if (isMin)
        input = emitComplement(builder, loc, input);
      Value pooled = emitPool<linalg::PoolingNchwMaxOp>(builder, loc, input,
                                                        /*bits=*/8, -128);
      if (isMin)
        pooled = emitComplement(builder, loc, pooled);
      return emitReshape(builder, loc, pooled, rows.shape);
    };
    return Movements{pool};
  });
}

static Result add(NodeContext &node, bool isMean) {
  auto *real = node.getIf<Dequantized>(0);
  if (!real || !real->isUntouched())
    return node.decline("its input is not 8-bit integers directly behind a "
                        "DequantizeLinear");
  Value value = real->integers.value;
  FailureOr<Rows> rows = getRows(node, getShape(value));
  if (failed(rows))
    return failure();
  if (rows->shape.empty())
    return node.refuse() << "scalars are not supported; set keepdims";
  if (rows->length > INT32_MAX / 256)
    return node.refuse() << "a sum of " << rows->length
                         << " elements can leave int32";
  Accumulator sum;
  sum.tensor = node.node.outputs.front();
  sum.shape = rows->shape;
  sum.scales = {real->quantization.scale};
  sum.addend = -real->quantization.zeroPoint * rows->length;
  sum.counts = {isMean ? rows->length : 1};
  sum.emit = [rows = *rows, value, loc = node.loc](
                 OpBuilder &builder, ArrayRef<int64_t>, ArrayRef<int64_t>) {
    Value pooled = emitPool<linalg::PoolingNchwSumOp>(
        builder, loc, rows.emitInput(builder, loc, value), /*bits=*/32, 0);
    return emitReshape(builder, loc, pooled, rows.shape);
  };
  return ImportedValue(std::move(sum));
}

Result bitnn::importer::importReduce(NodeContext &node) {
  StringRef op = node.node.op;
  if (op == "ReduceMax" || op == "ReduceMin")
    return choose(node, op == "ReduceMin");
  return add(node, op == "ReduceMean");
}
