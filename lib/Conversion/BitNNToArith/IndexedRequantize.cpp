// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bitnn.requantize of a channel that is known only when the code runs. All
// channels share one shape of code; what differs between them is read from
// tables:
//
// * a record of 32-bit words for each channel. Words that are the same in all
//   channels become constants, and records have a power of two of words, so
//   that a shift finds them;
// * the digits, a byte each: the shift, and -128 for negative ones;
// * the corrections, if any channel has some.
//
// Subtracting a term t is adding ~t + 1: the sum takes t ^ -1, and the constant
// of the record includes the ones.

#include "Lowerings.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn;

namespace {

using Plans = ArrayRef<const RequantizePlan *>;

/// One word of every channel's record.
struct Word {
  SmallVector<int64_t> values;
  /// Its place in the record; none if all values are equal.
  std::optional<int64_t> place;

  template <typename Get>
  Word(Plans plans, Get get) {
    for (const RequantizePlan *plan : plans)
      values.push_back(get(*plan));
  }
  bool isUniform() const { return llvm::all_equal(values); }
  bool isAlways(int64_t value) const {
    return isUniform() && values.front() == value;
  }
};

int64_t getMask(const RequantizePlan &plan) {
  return plan.rounding.lift == Lift::None
             ? 0
             : int64_t(1) << plan.rounding.liftShift;
}

/// Builds the code of one operation.
class IndexedRequantize {
public:
  IndexedRequantize(LaneBuilder &builder, ConstantTables &tables, Plans plans,
                    Interval domain, Value accumulator, Value index);

  Value lower();

private:
  void placeWords();
  /// The word of this channel as a scalar, or in every lane.
  Value get(const Word &word);
  Value getLanes(const Word &word, Type type);
  Value load(Value table, Value at);
  Value sumDigits(Value shifted, Value sum);
  Value round(Value sum);
  Value correct(Value result);

  LaneBuilder &builder;
  ConstantTables &tables;
  Plans plans;
  Interval domain;
  Value accumulator, index;

  Word lowerBound, upperBound, leftShift, multiplier, constant, constantHigh,
      count, liftMask, liftFlip, liftRight, shift, firstCorrection,
      lastCorrection;
  unsigned laneBits = 32;
  SmallVector<Correction> corrections;
  Value record, recordOffset;
};

} // namespace

/// The constant, with 1 for each digit that is subtracted by complement.
static int64_t getConstant(const RequantizePlan &plan) {
  return plan.constant + llvm::count_if(plan.digits, [](Digit digit) {
           return digit.negative;
         });
}

IndexedRequantize::IndexedRequantize(LaneBuilder &builder,
                                     ConstantTables &tables, Plans plans,
                                     Interval domain, Value accumulator,
                                     Value index)
    : builder(builder), tables(tables), plans(plans), domain(domain),
      accumulator(accumulator), index(index),
      lowerBound(plans, [](const auto &plan) { return plan.lower; }),
      upperBound(plans, [](const auto &plan) { return plan.upper; }),
      leftShift(plans, [](const auto &plan) { return plan.leftShift; }),
      multiplier(plans, [](const auto &plan) { return plan.multiplier; }),
      constant(plans,
               [](const auto &plan) { return int32_t(getConstant(plan)); }),
      constantHigh(plans,
                   [](const auto &plan) { return getConstant(plan) >> 32; }),
      count(plans, [](const auto &plan) { return plan.digits.size(); }),
      liftMask(plans, getMask),
      liftFlip(plans,
               [](const auto &plan) {
                 return plan.rounding.lift == Lift::Odd ? -1 : 0;
               }),
      liftRight(plans,
                [](const auto &plan) {
                  return plan.rounding.lift == Lift::None
                             ? 0
                             : plan.rounding.shift - plan.rounding.liftShift;
                }),
      shift(plans, [](const auto &plan) { return plan.rounding.shift; }),
      firstCorrection(plans, [](const auto &) { return 0; }),
      lastCorrection(plans, [](const auto &) { return 0; }) {
  for (auto [channel, plan] : llvm::enumerate(plans)) {
    laneBits = std::max(laneBits, plan->laneBits);
    firstCorrection.values[channel] = corrections.size();
    llvm::append_range(corrections, plan->corrections);
    lastCorrection.values[channel] = corrections.size();
  }
  placeWords();
}

void IndexedRequantize::placeWords() {
  SmallVector<Word *> words;
  for (Word *word : {&lowerBound, &upperBound, &leftShift, &multiplier,
                     &constant, &count, &liftMask, &liftFlip, &liftRight,
                     &shift, &firstCorrection, &lastCorrection})
    words.push_back(word);
  if (laneBits == 64)
    words.push_back(&constantHigh);
  int64_t size = 0;
  for (Word *word : words)
    if (!word->isUniform())
      word->place = size++;
  if (size == 0)
    return;
  int64_t stride = llvm::PowerOf2Ceil(size);
  SmallVector<int64_t> contents(stride * plans.size());
  for (Word *word : words)
    if (word->place)
      for (auto [channel, value] : llvm::enumerate(word->values))
        contents[stride * channel + *word->place] = value;
  record = tables.get(builder, contents, 32);
  recordOffset = index;
  if (stride > 1)
    recordOffset = arith::ShLIOp::create(
        builder, index,
        arith::ConstantIndexOp::create(builder, llvm::Log2_64(stride)));
}

Value IndexedRequantize::load(Value table, Value at) {
  return memref::LoadOp::create(builder, table, at);
}

Value IndexedRequantize::get(const Word &word) {
  if (!word.place)
    return builder.constant(builder.getI32Type(), word.values.front());
  Value at = recordOffset;
  if (*word.place != 0)
    at = arith::AddIOp::create(
        builder, at, arith::ConstantIndexOp::create(builder, *word.place));
  return load(record, at);
}

Value IndexedRequantize::getLanes(const Word &word, Type type) {
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return builder.splat(type, builder.resize(get(word), bits));
}

/// sum + the digits of the channel applied to `shifted`
Value IndexedRequantize::sumDigits(Value shifted, Value sum) {
  int64_t most = *llvm::max_element(count.values);
  int64_t stride = llvm::PowerOf2Ceil(most);
  SmallVector<int64_t> bytes(stride * plans.size());
  for (auto [channel, plan] : llvm::enumerate(plans))
    for (auto [place, digit] : llvm::enumerate(plan->digits))
      bytes[stride * channel + place] =
          int64_t(digit.shift) - (digit.negative ? 128 : 0);
  Value table = tables.get(builder, bytes, 8);
  Value first = index;
  if (stride > 1)
    first = arith::ShLIOp::create(
        builder, index,
        arith::ConstantIndexOp::create(builder, llvm::Log2_64(stride)));
  Value size =
      arith::IndexCastUIOp::create(builder, builder.getIndexType(), get(count));
  Value last = arith::AddIOp::create(builder, first, size);
  auto loop = scf::ForOp::create(
      builder, first, last, arith::ConstantIndexOp::create(builder, 1), sum);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value digit = builder.resize(load(table, loop.getInductionVar()), 32);
  Value amount = arith::AndIOp::create(builder, digit,
                                       builder.constant(digit.getType(), 31));
  Value sign = builder.shiftRight(digit, 31);
  Type type = shifted.getType();
  Value term =
      arith::ShRSIOp::create(builder, shifted, builder.splat(type, amount));
  term = arith::XOrIOp::create(builder, term, builder.splat(type, sign));
  Value next = arith::AddIOp::create(builder, loop.getRegionIterArg(0), term);
  scf::YieldOp::create(builder, next);
  return loop.getResult(0);
}

Value IndexedRequantize::round(Value sum) {
  Type type = sum.getType();
  if (!liftMask.isAlways(0)) {
    Value bit = sum;
    if (!liftFlip.isAlways(0))
      bit = arith::XOrIOp::create(builder, bit, getLanes(liftFlip, type));
    bit = arith::ShRSIOp::create(builder, bit, getLanes(liftRight, type));
    bit = arith::AndIOp::create(builder, bit, getLanes(liftMask, type));
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
  Value thresholdTable = tables.get(builder, thresholds, 32);
  Value deltaTable = tables.get(builder, deltas, 32);
  Type indexType = builder.getIndexType();
  auto loop = scf::ForOp::create(
      builder,
      arith::IndexCastUIOp::create(builder, indexType, get(firstCorrection)),
      arith::IndexCastUIOp::create(builder, indexType, get(lastCorrection)),
      arith::ConstantIndexOp::create(builder, 1), result);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Type type = result.getType();
  Value at = loop.getInductionVar();
  Value reached =
      arith::CmpIOp::create(builder, arith::CmpIPredicate::sge, accumulator,
                            builder.splat(type, load(thresholdTable, at)));
  Value delta = arith::SelectOp::create(
      builder, reached, builder.splat(type, load(deltaTable, at)),
      builder.constant(type, 0));
  Value next = arith::AddIOp::create(builder, loop.getRegionIterArg(0), delta);
  scf::YieldOp::create(builder, next);
  return loop.getResult(0);
}

Value IndexedRequantize::lower() {
  accumulator = builder.resize(accumulator, 32);
  Value clamped = accumulator;
  if (!lowerBound.isAlways(domain.lower))
    clamped = arith::MaxSIOp::create(builder, clamped,
                                     getLanes(lowerBound, clamped.getType()));
  if (!upperBound.isAlways(domain.upper))
    clamped = arith::MinSIOp::create(builder, clamped,
                                     getLanes(upperBound, clamped.getType()));
  clamped = builder.resize(clamped, laneBits);
  Type type = clamped.getType();
  Value sum = getLanes(constant, type);
  if (laneBits == 64) {
    Type wide = builder.getI64Type();
    Value low = arith::ExtUIOp::create(builder, wide, get(constant));
    Value high = arith::ExtUIOp::create(builder, wide, get(constantHigh));
    sum = builder.splat(
        type, arith::OrIOp::create(builder, low, builder.shiftLeft(high, 32)));
  }
  if (!multiplier.isAlways(0)) {
    Value product =
        arith::MulIOp::create(builder, clamped, getLanes(multiplier, type));
    sum = arith::AddIOp::create(builder, sum, product);
  } else if (!count.isAlways(0)) {
    Value shifted = clamped;
    if (!leftShift.isAlways(0))
      shifted =
          arith::ShLIOp::create(builder, clamped, getLanes(leftShift, type));
    sum = sumDigits(shifted, sum);
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
