// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bitnn.requantize of a channel that is known only when the code runs. All
// channels share one shape of code; what differs between them is read from two
// records for each channel:
//
// * words of 32 bits: the clamp and the constant;
// * bytes: the shifts, and the digits themselves, each as its shift, minus 128
//   if it is negative.
//
// A field that is the same in all channels is a constant instead. Records have
// a power of two of elements, so that a shift finds them. Corrections, if any
// channel has some, are in lists of their own.
//
// Subtracting a term t is adding ~t + 1: the loop over the digits adds t ^ -1,
// and the constant of the record includes the ones.

#include "Lowerings.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn;

namespace {

using Plans = ArrayRef<const RequantizePlan *>;

/// A table with one record for each channel.
struct Record {
  unsigned bits;
  /// Each has one element for each channel.
  SmallVector<SmallVector<int64_t>> columns;
  Value table;
  /// Of the channel's record.
  Value offset;

  void materialize(LaneBuilder &builder, ConstantTables &tables, Value index);
  Value load(LaneBuilder &builder, Value at) {
    return builder.resize(memref::LoadOp::create(builder, table, at), 32);
  }
};

/// What the code needs to know of a channel.
struct Field {
  Record *record;
  SmallVector<int64_t> values;
  int64_t place = -1;

  Field(Record &record, Plans plans,
        function_ref<int64_t(const RequantizePlan &)> get)
      : record(&record) {
    for (const RequantizePlan *plan : plans)
      values.push_back(get(*plan));
    if (isUniform())
      return;
    place = record.columns.size();
    record.columns.push_back(values);
  }
  bool isUniform() const { return llvm::all_equal(values); }
  bool isAlways(int64_t value) const {
    return isUniform() && values.front() == value;
  }
};

/// Builds the code of one operation.
class IndexedRequantize {
public:
  IndexedRequantize(LaneBuilder &builder, ConstantTables &tables, Plans plans,
                    Interval domain, Value accumulator, Value index);

  Value lower();

private:
  /// The field of this channel, as a scalar of 32 bits or in every lane.
  Value get(const Field &field);
  Value getLanes(const Field &field, Type type);
  Value getConstant(Type type);
  Value sumDigits(Value shifted, Value sum);
  Value round(Value sum);
  Value correct(Value result);
  /// for (at = first; at < last; ++at) value = body(at, value)
  Value loop(Value first, Value last, Value value,
             function_ref<Value(Value, Value)> body);
  Value toIndex(Value value);
  Value addToIndex(Value index, int64_t addend);

  LaneBuilder &builder;
  ConstantTables &tables;
  Plans plans;
  Interval domain;
  Value accumulator;
  unsigned laneBits = 32;
  SmallVector<Correction> corrections;

  Record words = {32, {}, {}, {}}, bytes = {8, {}, {}, {}};
  Field lowerBound, upperBound, multiplier, constant, constantHigh,
      firstCorrection, lastCorrection;
  Field leftShift, count, lifted, liftFlip, liftShift, shift;
  int64_t firstDigit;
};

} // namespace

void Record::materialize(LaneBuilder &builder, ConstantTables &tables,
                         Value index) {
  if (columns.empty())
    return;
  int64_t stride = llvm::PowerOf2Ceil(columns.size());
  SmallVector<int64_t> contents(stride * columns.front().size());
  for (auto [place, column] : llvm::enumerate(columns))
    for (auto [channel, value] : llvm::enumerate(column))
      contents[stride * channel + place] = value;
  table = tables.get(builder, contents, bits);
  offset = index;
  if (stride > 1)
    offset = arith::ShLIOp::create(
        builder, index,
        arith::ConstantIndexOp::create(builder, llvm::Log2_64(stride)));
}

/// With 1 for each digit that is subtracted by complement.
static int64_t getOffset(const RequantizePlan &plan) {
  return plan.constant +
         llvm::count_if(plan.terms, [](Term digit) { return digit.negative; });
}

IndexedRequantize::IndexedRequantize(LaneBuilder &builder,
                                     ConstantTables &tables, Plans plans,
                                     Interval domain, Value accumulator,
                                     Value index)
    : builder(builder), tables(tables), plans(plans), domain(domain),
      accumulator(builder.resize(accumulator, 32)),
      lowerBound(words, plans, [](auto &plan) { return plan.lower; }),
      upperBound(words, plans, [](auto &plan) { return plan.upper; }),
      multiplier(words, plans, [](auto &plan) { return plan.multiplier; }),
      constant(words, plans,
               [](auto &plan) { return int32_t(getOffset(plan)); }),
      constantHigh(words, plans,
                   [](auto &plan) {
                     return plan.laneBits == 32 ? 0 : getOffset(plan) >> 32;
                   }),
      firstCorrection(words, plans,
                      [&](auto &plan) {
                        size_t first = corrections.size();
                        llvm::append_range(corrections, plan.corrections);
                        return first;
                      }),
      lastCorrection(words, plans,
                     [last = size_t(0)](auto &plan) mutable {
                       return last += plan.corrections.size();
                     }),
      leftShift(bytes, plans, [](auto &plan) { return plan.leftShift; }),
      count(bytes, plans, [](auto &plan) { return plan.terms.size(); }),
      lifted(bytes, plans,
             [](auto &plan) { return plan.rounding.lift != Lift::None; }),
      liftFlip(
          bytes, plans,
          [](auto &plan) { return plan.rounding.lift == Lift::Odd ? -1 : 0; }),
      liftShift(bytes, plans,
                [](auto &plan) { return plan.rounding.liftShift; }),
      shift(bytes, plans, [](auto &plan) { return plan.rounding.shift; }),
      firstDigit(bytes.columns.size()) {
  for (const RequantizePlan *plan : plans)
    laneBits = std::max(laneBits, plan->laneBits);
  bytes.columns.resize(firstDigit + *llvm::max_element(count.values),
                       SmallVector<int64_t>(plans.size()));
  for (auto [channel, plan] : llvm::enumerate(plans))
    for (auto [place, digit] : llvm::enumerate(plan->terms))
      bytes.columns[firstDigit + place][channel] =
          int64_t(digit.shift) - (digit.negative ? 128 : 0);
  words.materialize(builder, tables, index);
  bytes.materialize(builder, tables, index);
}

Value IndexedRequantize::toIndex(Value value) {
  return arith::IndexCastUIOp::create(builder, builder.getIndexType(), value);
}

Value IndexedRequantize::addToIndex(Value index, int64_t addend) {
  if (addend == 0)
    return index;
  return arith::AddIOp::create(builder, index,
                               arith::ConstantIndexOp::create(builder, addend));
}

Value IndexedRequantize::get(const Field &field) {
  if (field.isUniform())
    return builder.constant(builder.getI32Type(), field.values.front());
  Record &record = *field.record;
  return record.load(builder, addToIndex(record.offset, field.place));
}

Value IndexedRequantize::getLanes(const Field &field, Type type) {
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return builder.splat(type, builder.resize(get(field), bits));
}

Value IndexedRequantize::getConstant(Type type) {
  if (laneBits == 32)
    return getLanes(constant, type);
  Type wide = builder.getI64Type();
  Value low = arith::ExtUIOp::create(builder, wide, get(constant));
  Value high = arith::ExtUIOp::create(builder, wide, get(constantHigh));
  return builder.splat(
      type, arith::OrIOp::create(builder, low, builder.shiftLeft(high, 32)));
}

Value IndexedRequantize::loop(Value first, Value last, Value value,
                              function_ref<Value(Value, Value)> body) {
  Value step = arith::ConstantIndexOp::create(builder, 1);
  auto loop = scf::ForOp::create(builder, first, last, step, value);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(builder, next);
  return loop.getResult(0);
}

/// sum + the digits of the channel applied to `shifted`
Value IndexedRequantize::sumDigits(Value shifted, Value sum) {
  Type type = shifted.getType();
  Value first = addToIndex(bytes.offset, firstDigit);
  Value last = arith::AddIOp::create(builder, first, toIndex(get(count)));
  return loop(first, last, sum, [&](Value at, Value sum) -> Value {
    Value digit = bytes.load(builder, at);
    Value amount = arith::AndIOp::create(builder, digit,
                                         builder.constant(digit.getType(), 31));
    Value sign = builder.shiftRight(digit, 31);
    Value term =
        arith::ShRSIOp::create(builder, shifted, builder.splat(type, amount));
    term = arith::XOrIOp::create(builder, term, builder.splat(type, sign));
    return arith::AddIOp::create(builder, sum, term);
  });
}

Value IndexedRequantize::round(Value sum) {
  Type type = sum.getType();
  if (!lifted.isAlways(0)) {
    Value bit = sum;
    if (!liftFlip.isAlways(0))
      bit = arith::XOrIOp::create(builder, bit, getLanes(liftFlip, type));
    bit = arith::ShRSIOp::create(builder, bit, getLanes(shift, type));
    bit = arith::AndIOp::create(builder, bit, getLanes(lifted, type));
    if (!liftShift.isAlways(0))
      bit = arith::ShLIOp::create(builder, bit, getLanes(liftShift, type));
    sum = arith::AddIOp::create(builder, sum, bit);
  }
  if (shift.isAlways(0))
    return sum;
  return arith::ShRSIOp::create(builder, sum, getLanes(shift, type));
}

/// result + the deltas of all thresholds that the accumulator reaches
Value IndexedRequantize::correct(Value result) {
  if (corrections.empty())
    return result;
  SmallVector<int64_t> thresholds, deltas;
  for (Correction correction : corrections) {
    thresholds.push_back(correction.threshold);
    deltas.push_back(correction.delta);
  }
  Record thresholdList = {32, {thresholds}, {}, {}};
  Record deltaList = {32, {deltas}, {}, {}};
  thresholdList.materialize(builder, tables, {});
  deltaList.materialize(builder, tables, {});
  Value first = toIndex(get(firstCorrection));
  Value last = toIndex(get(lastCorrection));
  return loop(first, last, result, [&](Value at, Value result) -> Value {
    Type type = result.getType();
    Value threshold = builder.splat(type, thresholdList.load(builder, at));
    Value reached = arith::CmpIOp::create(builder, arith::CmpIPredicate::sge,
                                          accumulator, threshold);
    Value delta = builder.splat(type, deltaList.load(builder, at));
    delta = arith::SelectOp::create(builder, reached, delta,
                                    builder.constant(type, 0));
    return arith::AddIOp::create(builder, result, delta);
  });
}

Value IndexedRequantize::lower() {
  Type type = accumulator.getType();
  Value value = accumulator;
  if (!lowerBound.isAlways(domain.lower))
    value = arith::MaxSIOp::create(builder, value, getLanes(lowerBound, type));
  if (!upperBound.isAlways(domain.upper))
    value = arith::MinSIOp::create(builder, value, getLanes(upperBound, type));
  value = builder.resize(value, laneBits);
  type = value.getType();
  Value sum = getConstant(type);
  if (!multiplier.isAlways(0)) {
    value = arith::MulIOp::create(builder, value, getLanes(multiplier, type));
    sum = arith::AddIOp::create(builder, sum, value);
  } else if (!count.isAlways(0)) {
    if (!leftShift.isAlways(0))
      value = arith::ShLIOp::create(builder, value, getLanes(leftShift, type));
    sum = sumDigits(value, sum);
  }
  return correct(builder.resize(round(sum), 32));
}

Value bitnn::lowerIndexedRequantize(LaneBuilder &builder,
                                    ConstantTables &tables, Plans plans,
                                    Interval domain, Value accumulator,
                                    Value index) {
  return IndexedRequantize(builder, tables, plans, domain, accumulator, index)
      .lower();
}
