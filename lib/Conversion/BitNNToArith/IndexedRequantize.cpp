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
// Where every lane has a channel of its own, the records lie field by field, so
// that a load of neighbouring elements finds a field of all lanes.
//
// Subtracting a term t is adding ~t + 1: the loop over the digits adds t ^ -1,
// and the constant of the record includes the ones.

#include "Lowerings.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn;

namespace {

using Plans = ArrayRef<const RequantizePlan *>;

/// `lanes` neighbouring elements of a table as integers of 32 bits.
Value loadElements(LaneBuilder &builder, Value table, Value at, int64_t lanes) {
  if (lanes == 1)
    return builder.resize(memref::LoadOp::create(builder, table, at), 32);
  Type element = cast<MemRefType>(table.getType()).getElementType();
  auto type = VectorType::get(lanes, element);
  return builder.resize(vector::LoadOp::create(builder, type, table, at), 32);
}

/// A table with one record for each channel.
struct Record {
  unsigned bits;
  /// Channels that are read at once: 1, or one for each lane.
  int64_t lanes;
  /// Each has one element for each channel.
  SmallVector<SmallVector<int64_t>> columns;
  Value table;
  /// Of the channel's record, and between its fields.
  Value offset;
  int64_t step = 1;

  void materialize(LaneBuilder &builder, ConstantTables &tables, Value index);
  Value load(LaneBuilder &builder, Value at) {
    return loadElements(builder, table, at, lanes);
  }
};

/// What the code needs to know of a channel.
struct Field {
  Record *record;
  SmallVector<int64_t> values;
  int64_t place = -1;

  Field(Record &record, SmallVector<int64_t> ofChannels)
      : record(&record), values(std::move(ofChannels)) {
    if (isUniform())
      return;
    place = record.columns.size();
    record.columns.push_back(values);
  }
  Field(Record &record, Plans plans,
        function_ref<int64_t(const RequantizePlan &)> get)
      : Field(record, llvm::map_to_vector(
                          plans, [&](auto *plan) { return get(*plan); })) {}
  bool isUniform() const { return llvm::all_equal(values); }
  bool isAlways(int64_t value) const {
    return isUniform() && values.front() == value;
  }
};

/// Thresholds and deltas of all channels.
struct CorrectionList {
  SmallVector<int64_t> thresholds, deltas, starts;
};

/// Builds the code of one operation.
class IndexedRequantize {
public:
  IndexedRequantize(LaneBuilder &builder, ConstantTables &tables, Plans plans,
                    Interval domain, Value accumulator, Value index,
                    int64_t lanes);

  Value lower();

private:
  /// The field of this channel, as a scalar of 32 bits or in every lane.
  Value get(const Field &field);
  Value getLanes(const Field &field, Type type);
  Value getConstant(Type type);
  void addDigitColumns();
  Value addDigit(Value sum, Value shifted, Value digit, Value mask = {});
  Value sumDigits(Value shifted, Value sum);
  Value sumDigitsOfLanes(Value shifted, Value sum);
  Value round(Value sum);
  Value correct(Value result);
  CorrectionList listCorrections();
  /// for (at = first; at < last; ++at) value = body(at, value)
  Value loop(Value first, Value last, Value value,
             function_ref<Value(Value, Value)> body);
  Value toIndex(Value value);
  Value addToIndex(Value index, int64_t addend);

  LaneBuilder &builder;
  ConstantTables &tables;
  Plans plans;
  Interval domain;
  Value accumulator, index;
  /// With channels of their own; otherwise 1.
  int64_t lanes;
  unsigned laneBits = 32;

  Record words = {32, lanes, {}, {}, {}}, bytes = {8, lanes, {}, {}, {}};
  Field lowerBound, upperBound, multiplier, constant, constantHigh;
  Field leftShift, count, lifted, liftFlip, liftShift, shift;
  int64_t firstDigit;
  bool hasDigits = false;
  /// Of lanes: all digits, and for the places of which some channels have none,
  /// -1 for the others.
  SmallVector<Field> digits, masks;
};

} // namespace

void Record::materialize(LaneBuilder &builder, ConstantTables &tables,
                         Value index) {
  if (columns.empty())
    return;
  if (lanes > 1) {
    // The last lanes read past the last channel.
    step = llvm::alignTo(columns.front().size(), lanes);
    SmallVector<int64_t> contents;
    for (SmallVector<int64_t> &column : columns) {
      llvm::append_range(contents, column);
      contents.resize(llvm::alignTo(contents.size(), step), column.back());
    }
    table = tables.get(builder, contents, bits);
    offset = index;
    return;
  }
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
                                     Value index, int64_t lanes)
    : builder(builder), tables(tables), plans(plans), domain(domain),
      accumulator(builder.resize(accumulator, 32)), index(index), lanes(lanes),
      lowerBound(words, plans, [](auto &plan) { return plan.lower; }),
      upperBound(words, plans, [](auto &plan) { return plan.upper; }),
      multiplier(words, plans, [](auto &plan) { return plan.multiplier; }),
      constant(words, plans,
               [](auto &plan) { return int32_t(getOffset(plan)); }),
      constantHigh(words, plans,
                   [](auto &plan) {
                     return plan.laneBits == 32 ? 0 : getOffset(plan) >> 32;
                   }),
      leftShift(bytes, plans, [](auto &plan) { return plan.leftShift; }),
      count(bytes, plans,
            [&](auto &plan) { return lanes > 1 ? 0 : plan.terms.size(); }),
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
  addDigitColumns();
  words.materialize(builder, tables, index);
  bytes.materialize(builder, tables, index);
}

void IndexedRequantize::addDigitColumns() {
  size_t most = 0, fewest = SIZE_MAX;
  for (const RequantizePlan *plan : plans) {
    most = std::max<size_t>(most, plan->terms.size());
    fewest = std::min<size_t>(fewest, plan->terms.size());
  }
  hasDigits = most > 0;
  for (size_t place = 0; place < most; ++place) {
    SmallVector<int64_t> column, present;
    for (const RequantizePlan *plan : plans) {
      bool isPresent = place < plan->terms.size();
      Term digit = isPresent ? plan->terms[place] : Term{0};
      column.push_back(int64_t(digit.shift) - (digit.negative ? 128 : 0));
      present.push_back(isPresent ? -1 : 0);
    }
    if (lanes == 1) {
      bytes.columns.push_back(std::move(column));
      continue;
    }
    digits.emplace_back(bytes, std::move(column));
    if (place >= fewest)
      masks.emplace_back(bytes, std::move(present));
  }
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
  return record.load(builder,
                     addToIndex(record.offset, field.place * record.step));
}

Value IndexedRequantize::getLanes(const Field &field, Type type) {
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return builder.splat(type, builder.resize(get(field), bits));
}

Value IndexedRequantize::getConstant(Type type) {
  if (laneBits == 32)
    return getLanes(constant, type);
  auto extend = [&](Value value) -> Value {
    return arith::ExtUIOp::create(
        builder, builder.getLaneType(value.getType(), 64), value);
  };
  // One of them may be the same in all lanes.
  Value low = builder.splat(type, extend(get(constant)));
  Value high = builder.splat(type, extend(get(constantHigh)));
  return arith::OrIOp::create(builder, low, builder.shiftLeft(high, 32));
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

/// sum +- shifted >> the digit's shift
Value IndexedRequantize::addDigit(Value sum, Value shifted, Value digit,
                                  Value mask) {
  Type type = shifted.getType();
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  auto toLanes = [&](Value value) {
    return builder.splat(type, builder.resize(value, bits));
  };
  Value amount = arith::AndIOp::create(builder, digit,
                                       builder.constant(digit.getType(), 31));
  Value sign = builder.shiftRight(digit, 31);
  Value term = arith::ShRSIOp::create(builder, shifted, toLanes(amount));
  term = arith::XOrIOp::create(builder, term, toLanes(sign));
  if (mask)
    term = arith::AndIOp::create(builder, term, toLanes(mask));
  return arith::AddIOp::create(builder, sum, term);
}

/// sum + the digits of the channel applied to `shifted`
Value IndexedRequantize::sumDigits(Value shifted, Value sum) {
  if (lanes > 1)
    return sumDigitsOfLanes(shifted, sum);
  Value first = addToIndex(bytes.offset, firstDigit);
  Value last = arith::AddIOp::create(builder, first, toIndex(get(count)));
  return loop(first, last, sum, [&](Value at, Value sum) -> Value {
    return addDigit(sum, shifted, bytes.load(builder, at));
  });
}

Value IndexedRequantize::sumDigitsOfLanes(Value shifted, Value sum) {
  size_t inAll = digits.size() - masks.size();
  for (auto [place, digit] : llvm::enumerate(digits))
    sum = addDigit(sum, shifted, get(digit),
                   place < inAll ? Value() : get(masks[place - inAll]));
  return sum;
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

/// The corrections of all channels, one after the other. Those of lanes are
/// rows of one for each lane, with as many rows for neighbouring lanes as any
/// of them needs; `starts` has the first row of each vector, and where the last
/// ends.
CorrectionList IndexedRequantize::listCorrections() {
  CorrectionList list;
  for (size_t first = 0; first < plans.size(); first += lanes) {
    Plans vector = plans.slice(first).take_front(lanes);
    size_t rows = 0;
    for (const RequantizePlan *plan : vector)
      rows = std::max<size_t>(rows, plan->corrections.size());
    list.starts.push_back(list.deltas.size() / lanes);
    for (size_t row = 0; row < rows; ++row)
      for (int64_t lane = 0; lane < lanes; ++lane) {
        Correction correction = {INT32_MAX, 0};
        if (lane < int64_t(vector.size()) &&
            row < vector[lane]->corrections.size())
          correction = vector[lane]->corrections[row];
        list.thresholds.push_back(correction.threshold);
        list.deltas.push_back(correction.delta);
      }
  }
  list.starts.push_back(list.deltas.size() / lanes);
  return list;
}

/// result + the deltas of all thresholds that the accumulator reaches
Value IndexedRequantize::correct(Value result) {
  CorrectionList list = listCorrections();
  if (list.deltas.empty())
    return result;
  Value thresholds = tables.get(builder, list.thresholds, 32);
  Value deltas = tables.get(builder, list.deltas, 32);
  Value starts = tables.get(builder, list.starts, 32);
  Value laneShift =
      arith::ConstantIndexOp::create(builder, llvm::Log2_64(lanes));
  Value vector = arith::ShRUIOp::create(builder, index, laneShift);
  auto getStart = [&](int64_t next) {
    return toIndex(
        loadElements(builder, starts, addToIndex(vector, next), /*lanes=*/1));
  };
  return loop(
      getStart(0), getStart(1), result, [&](Value row, Value result) -> Value {
        Type type = result.getType();
        Value at = arith::ShLIOp::create(builder, row, laneShift);
        auto load = [&](Value table) {
          return builder.splat(type, loadElements(builder, table, at, lanes));
        };
        Value reached = arith::CmpIOp::create(
            builder, arith::CmpIPredicate::sge, accumulator, load(thresholds));
        Value delta = arith::SelectOp::create(builder, reached, load(deltas),
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
  } else if (hasDigits) {
    if (!leftShift.isAlways(0))
      value = arith::ShLIOp::create(builder, value, getLanes(leftShift, type));
    sum = sumDigits(value, sum);
  }
  return correct(builder.resize(round(sum), 32));
}

Value bitnn::lowerIndexedRequantize(LaneBuilder &builder,
                                    ConstantTables &tables, Plans plans,
                                    Interval domain, Value accumulator,
                                    Value index, bool consecutive) {
  auto type = dyn_cast<VectorType>(accumulator.getType());
  int64_t lanes = consecutive ? type.getNumElements() : 1;
  return IndexedRequantize(builder, tables, plans, domain, accumulator, index,
                           lanes)
      .lower();
}
