// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ab = ((a + b)^2 - (a - b)^2) / 4 by a table of quarter squares. Sum and
// difference are both even or both odd, so rounding both quarters down leaves
// their difference exact.

#include "Multiplication.h"
#include "Emit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace bitnn::importer;

/// A sum of two differences of 8-bit integers is at most this.
static constexpr int32_t kMostSum = 2 * 255;

/// Entries in 16 bits, unsigned: 65,025 at most.
static Value emitQuarterSquares(OpBuilder &builder, Location loc) {
  SmallVector<int32_t> squares;
  for (int32_t i = 0; i <= kMostSum; ++i)
    squares.push_back(int16_t(uint16_t(i * i / 4)));
  return emitConstant(builder, loc, {kMostSum + 1}, 16, squares);
}

namespace {
/// Builds the body of a product.
struct BodyBuilder {
  OpBuilder &builder;
  Location loc;
  Value table;

  Value constant(int64_t value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI32IntegerAttr(value));
  }
  Value centre(Value q, int64_t zeroPoint) {
    Value wide = arith::ExtSIOp::create(builder, loc, builder.getI32Type(), q);
    if (zeroPoint == 0)
      return wide;
    return arith::SubIOp::create(builder, loc, wide, constant(zeroPoint));
  }
  Value quarterSquare(Value x) {
    Value negated = arith::SubIOp::create(builder, loc, constant(0), x);
    Value size = arith::MaxSIOp::create(builder, loc, x, negated);
    return arith::ExtUIOp::create(builder, loc, builder.getI32Type(),
                                  emitTableEntry(builder, loc, table, size));
  }
};
} // namespace

Value bitnn::importer::emitProduct(OpBuilder &builder, Location loc,
                                   const Factor &lhs, const Factor &rhs,
                                   ArrayRef<int64_t> shape) {
  Value table = emitQuarterSquares(builder, loc);
  SmallVector<AffineMap> maps;
  for (const Factor *factor : {&lhs, &rhs})
    maps.push_back(getBroadcastMap(builder, getShape(factor->integers), shape));
  return emitElementwise(
      builder, loc, shape, {lhs.integers, rhs.integers}, maps, 32,
      [&](OpBuilder &nested, Location at, ValueRange scalars) -> Value {
        BodyBuilder body{nested, at, table};
        Value a = body.centre(scalars[0], lhs.zeroPoint);
        Value b = body.centre(scalars[1], rhs.zeroPoint);
        Value sum = arith::AddIOp::create(nested, at, a, b);
        Value difference = arith::SubIOp::create(nested, at, a, b);
        return arith::SubIOp::create(nested, at, body.quarterSquare(sum),
                                     body.quarterSquare(difference));
      });
}
