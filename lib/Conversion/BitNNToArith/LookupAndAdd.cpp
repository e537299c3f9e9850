// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bitnn.lookup and bitnn.add. Tables are in the order of the unsigned bytes, so
// that a value is its own index.

#include "Lowerings.h"
#include "bitnn/Arithmetic/Addition.h"
#include "bitnn/Arithmetic/Requantize.h"

using namespace mlir;
using namespace bitnn;

static Value toIndex(LaneBuilder &builder, Value value) {
  return arith::IndexCastUIOp::create(builder, builder.getIndexType(), value);
}

//===----------------------------------------------------------------------===//
// bitnn.lookup
//===----------------------------------------------------------------------===//

/// The steps of a table, if it ascends.
static std::optional<StepFunction> getSteps(ArrayRef<int64_t> values) {
  if (!llvm::is_sorted(values))
    return std::nullopt;
  return StepFunction::ofMonotone(
      [&](int64_t input) { return values[input + 128]; }, {-128, 127});
}

/// min(max(x, lower), upper), if that is the table: ReLU and its like.
static Value lowerClamp(LaneBuilder &builder, Value input,
                        ArrayRef<int64_t> values) {
  int64_t lower = values.front(), upper = values.back();
  if (lower > upper)
    return {};
  for (int64_t x = -128; x < 128; ++x)
    if (values[x + 128] != std::clamp(x, lower, upper))
      return {};
  if (lower == upper)
    return builder.constant(input.getType(), lower);
  if (lower != -128)
    input = builder.atLeast(input, lower);
  return upper == 127 ? input : builder.atMost(input, upper);
}

/// A load costs about as much in a scalar as this many operations.
static constexpr unsigned kOperationsOfScalarLookup = 4;

/// Whether the steps cost no more than looking up.
static bool arePreferred(const RequantizePlan &plan, Interval domain, Type type,
                         ByteTables tables) {
  unsigned operations = plan.numOperations(domain);
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return operations <= kOperationsOfScalarLookup;
  int64_t lanes = vector.getNumElements();
  std::optional<unsigned> lookup = countLookupOperations(tables, lanes);
  if (!lookup)
    return true;
  // Steps are computed in 32 bits, on as many registers as that takes.
  return operations * llvm::divideCeil(4 * lanes, tables.bytes) <= *lookup;
}

Value bitnn::lowerLookup(LaneBuilder &builder, ConstantTables &tables,
                         ByteTables byteTables, LookupOp op) {
  auto elements = cast<DenseElementsAttr>(op.getTable()).getValues<APInt>();
  auto values = llvm::map_to_vector(
      elements, [](const APInt &value) { return value.getSExtValue(); });
  Value input = op.getInput();
  Type type = input.getType();
  if (Value clamped = lowerClamp(builder, input, values))
    return clamped;
  if (std::optional<StepFunction> steps = getSteps(values)) {
    RequantizePlan plan = planRequantize(*steps);
    if (arePreferred(plan, steps->domain(), type, byteTables))
      return builder.resize(
          lowerRequantize(builder, plan, steps->domain(), input), 8);
  }
  std::rotate(values.begin(), values.begin() + 128, values.end());
  if (auto vector = dyn_cast<VectorType>(type);
      vector && countLookupOperations(byteTables, vector.getNumElements()))
    return lookupLanes(builder, byteTables, values, input);
  Value table = tables.get(builder, values, 8);
  return builder.forEachLane(type, input, [&](ValueRange scalars) -> Value {
    return memref::LoadOp::create(builder, table, toIndex(builder, scalars[0]));
  });
}

//===----------------------------------------------------------------------===//
// bitnn.add
//===----------------------------------------------------------------------===//

/// lhsFactor * lhs + rhsFactor * rhs. If the factors differ by a power of two
/// only, the sum is multiplied, not each.
static Value lowerWeightedSum(LaneBuilder &builder, const AdditionPlan &plan,
                              Value lhs, Value rhs) {
  if (plan.lhsFactor == 0 && plan.rhsFactor == 0)
    return {};
  if (plan.lhsFactor == 0)
    return builder.multiplyByDigits(rhs, plan.rhsFactor);
  if (plan.rhsFactor == 0)
    return builder.multiplyByDigits(lhs, plan.lhsFactor);
  unsigned lhsShift = llvm::countr_zero(uint64_t(plan.lhsFactor));
  unsigned rhsShift = llvm::countr_zero(uint64_t(plan.rhsFactor));
  if (plan.lhsFactor >> lhsShift == plan.rhsFactor >> rhsShift) {
    Value sum = arith::AddIOp::create(builder, builder.shiftLeft(lhs, lhsShift),
                                      builder.shiftLeft(rhs, rhsShift));
    return builder.multiplyByDigits(sum, plan.lhsFactor >> lhsShift);
  }
  return arith::AddIOp::create(builder,
                               builder.multiplyByDigits(lhs, plan.lhsFactor),
                               builder.multiplyByDigits(rhs, plan.rhsFactor));
}

/// Moves entry 256 * (a + 128) + (b + 128) to 256 * (a & 255) + (b & 255).
template <typename Get>
static SmallVector<int64_t> orderByBytes(Get get) {
  SmallVector<int64_t> values;
  for (unsigned lhs = 0; lhs < 256; ++lhs)
    for (unsigned rhs = 0; rhs < 256; ++rhs)
      values.push_back(get(256 * (lhs ^ 128) + (rhs ^ 128)));
  return values;
}

/// (lhs & 255) << 8 >> scale | (rhs & 255) >> scale: where a pair is found.
static Value getPairIndex(LaneBuilder &builder, ValueRange pair,
                          unsigned scale) {
  Value lhs = toIndex(builder, pair[0]), rhs = toIndex(builder, pair[1]);
  auto shifted = [&](auto op, Value value, int64_t amount) -> Value {
    if (amount == 0)
      return value;
    return decltype(op)::create(
        builder, value, arith::ConstantIndexOp::create(builder, amount));
  };
  lhs = shifted(arith::ShLIOp(), lhs, 8 - scale);
  rhs = shifted(arith::ShRUIOp(), rhs, scale);
  return arith::OrIOp::create(builder, lhs, rhs);
}

/// The bit of a pair that says whether the reference is one more: 0 or 1.
static Value loadRaised(LaneBuilder &builder, Value table, ValueRange pair) {
  Value byte =
      memref::LoadOp::create(builder, table, getPairIndex(builder, pair, 3));
  Type type = byte.getType();
  Value place =
      arith::AndIOp::create(builder, pair[1], builder.constant(type, 7));
  Value bit = arith::ShRUIOp::create(builder, byte, place);
  return arith::AndIOp::create(builder, bit, builder.constant(type, 1));
}

/// Bits of the lanes in which the sum is exact: before it is rounded, it may
/// wrap on the way.
static unsigned getLaneBits(const AdditionPlan &plan) {
  Interval byte = Interval::ofSigned(8);
  Interval sums = byte * plan.lhsFactor + byte * plan.rhsFactor +
                  Interval::ofValue(plan.constant);
  if (plan.rounding.lift != Lift::None)
    sums.upper += int64_t(1) << plan.rounding.liftShift;
  return sums.fitsSigned(16) ? 16 : 32;
}

Value bitnn::lowerAdd(LaneBuilder &builder, ConstantTables &tables, AddOp op) {
  AdditionPlan plan = planAddition(op.getReference().getFunction());
  Type type = op.getType();
  SmallVector<Value> pair = {op.getLhs(), op.getRhs()};
  if (!plan.table.empty()) {
    Value table = tables.get(
        builder, orderByBytes([&](size_t index) { return plan.table[index]; }),
        8);
    return builder.forEachLane(type, pair, [&](ValueRange scalars) -> Value {
      return memref::LoadOp::create(builder, table,
                                    getPairIndex(builder, scalars, 0));
    });
  }

  unsigned laneBits = isa<VectorType>(type) ? getLaneBits(plan) : 32;
  Value sum = lowerWeightedSum(builder, plan, builder.resize(pair[0], laneBits),
                               builder.resize(pair[1], laneBits));
  sum = sum ? builder.add(sum, plan.constant)
            : builder.constant(builder.getLaneType(type, laneBits),
                               plan.constant);
  Value result = builder.round(sum, plan.rounding);
  result = builder.atLeast(result, plan.lowest);
  result = builder.atMost(result, plan.highest);
  result = builder.resize(result, 8);
  if (plan.raised.empty())
    return result;
  SmallVector<int64_t> bits = orderByBytes(
      [&](size_t index) { return plan.raised[index / 8] >> index % 8 & 1; });
  SmallVector<int64_t> bytes(bits.size() / 8);
  for (auto [index, bit] : llvm::enumerate(bits))
    bytes[index / 8] |= bit << index % 8;
  Value table = tables.get(builder, bytes, 8);
  Value raised = builder.forEachLane(type, pair, [&](ValueRange scalars) {
    return loadRaised(builder, table, scalars);
  });
  return arith::AddIOp::create(builder, result, raised);
}
