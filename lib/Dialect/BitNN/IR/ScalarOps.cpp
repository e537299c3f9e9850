// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar operations: requantize, lookup, add.

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/CommonFolders.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace bitnn;

static LogicalResult verifyRangeFits(Operation *op, int64_t lowest,
                                     int64_t highest, Type type) {
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  if (llvm::isIntN(bits, lowest) && llvm::isIntN(bits, highest))
    return success();
  return op->emitOpError("range [")
         << lowest << ", " << highest << "] does not fit the result type "
         << getElementTypeOrSelf(type);
}

/// The interval [lowest, highest] in the bits of `result`.
static ConstantIntRanges getRanges(Value result, int64_t lowest,
                                   int64_t highest) {
  unsigned bits =
      getElementTypeOrSelf(result.getType()).getIntOrFloatBitWidth();
  return ConstantIntRanges::fromSigned(APInt(bits, lowest, /*isSigned=*/true),
                                       APInt(bits, highest, /*isSigned=*/true));
}

//===----------------------------------------------------------------------===//
// RequantizeOp
//===----------------------------------------------------------------------===//

static LogicalResult verifyAccumulatorRange(RequantizeOp op,
                                            ArrayRef<int64_t> range) {
  int64_t functions = op.getReference().getNumFunctions();
  if (range.size() != 2 && int64_t(range.size()) != 2 * functions)
    return op.emitOpError("accumulator_range must be one interval, or ")
           << functions << ", one for each reference function";
  Type type = getElementTypeOrSelf(op.getAccumulator().getType());
  Interval whole = Interval::ofSigned(type.getIntOrFloatBitWidth());
  for (; !range.empty(); range = range.drop_front(2))
    if (range[0] > range[1] || !whole.contains({range[0], range[1]}))
      return op.emitOpError("accumulator_range has [")
             << range[0] << ", " << range[1]
             << "], which is not an interval of " << type;
  return success();
}

LogicalResult RequantizeOp::verify() {
  Type accumulator = getElementTypeOrSelf(getAccumulator().getType());
  if (accumulator.getIntOrFloatBitWidth() > 32)
    return emitOpError("accumulator must have at most 32 bits, but is ")
           << accumulator;
  int64_t functions = getReference().getNumFunctions();
  if (!getIndex() && functions != 1)
    return emitOpError("needs an index to choose one of ")
           << functions << " reference functions";
  if (getConsecutive() && !isa<VectorType>(getAccumulator().getType()))
    return emitOpError("has consecutive indices, but is not on a vector");
  if (std::optional<ArrayRef<int64_t>> range = getAccumulatorRange())
    if (failed(verifyAccumulatorRange(*this, *range)))
      return failure();
  return verifyRangeFits(*this, getReference().getLowest(),
                         getReference().getHighest(), getResult().getType());
}

void RequantizeOp::inferResultRanges(ArrayRef<ConstantIntRanges> operands,
                                     SetIntRangeFn setResultRanges) {
  int64_t lowest = getReference().getLowest();
  int64_t highest = getReference().getHighest();
  int64_t functions = getReference().getNumFunctions();
  std::optional<APInt> index;
  if (getIndex())
    index = operands[1].getConstantValue();
  // Nondecreasing: the ends of the interval become the ends of the result's.
  if (functions == 1 || (index && index->ult(functions) && !getConsecutive())) {
    auto function =
        getReference().getFunction(functions == 1 ? 0 : index->getZExtValue());
    lowest = function(operands[0].smin().getSExtValue());
    highest = function(operands[0].smax().getSExtValue());
  }
  setResultRanges(getResult(), getRanges(getResult(), lowest, highest));
}

Interval RequantizeOp::getAccumulatorInterval(int64_t index) {
  if (std::optional<ArrayRef<int64_t>> range = getAccumulatorRange()) {
    size_t first = range->size() == 2 ? 0 : 2 * index;
    return {(*range)[first], (*range)[first + 1]};
  }
  Type accumulator = getElementTypeOrSelf(getAccumulator().getType());
  return Interval::ofSigned(accumulator.getIntOrFloatBitWidth());
}

OpFoldResult RequantizeOp::fold(FoldAdaptor adaptor) {
  if (getConsecutive())
    return {};
  int64_t index = 0;
  if (getIndex()) {
    auto constant = dyn_cast_or_null<IntegerAttr>(adaptor.getIndex());
    if (!constant)
      return {};
    index = constant.getInt();
  }
  if (index < 0 || index >= getReference().getNumFunctions())
    return {};
  auto function = getReference().getFunction(index);
  auto type = getElementTypeOrSelf(getResult().getType());
  unsigned bits = type.getIntOrFloatBitWidth();
  auto evaluate = [&](const APInt &accumulator) {
    return APInt(bits, function(accumulator.getSExtValue()), /*isSigned=*/true);
  };
  if (auto scalar = dyn_cast_or_null<IntegerAttr>(adaptor.getAccumulator()))
    return IntegerAttr::get(type, evaluate(scalar.getValue()));
  if (auto dense =
          dyn_cast_or_null<DenseIntElementsAttr>(adaptor.getAccumulator()))
    return dense.mapValues(type, evaluate);
  return {};
}

//===----------------------------------------------------------------------===//
// LookupOp
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  Type element = getElementTypeOrSelf(getInput().getType());
  if (!element.isInteger(8))
    return emitOpError("input must be i8, but is ") << element;
  ShapedType type = getTable().getShapedType();
  if (type.getShape() != ArrayRef<int64_t>{256} ||
      type.getElementType() != element)
    return emitOpError("table must be a tensor<256xi8>, but is ") << type;
  if (!isa<DenseElementsAttr>(getTable()))
    return emitOpError("table must be a dense attribute");
  return success();
}

OpFoldResult LookupOp::fold(FoldAdaptor adaptor) {
  auto values = cast<DenseElementsAttr>(getTable()).getValues<APInt>();
  return constFoldUnaryOp<IntegerAttr, APInt, void>(
      adaptor.getOperands(),
      [&](const APInt &input) { return values[input.getSExtValue() + 128]; });
}

void LookupOp::inferResultRanges(ArrayRef<ConstantIntRanges> operands,
                                 SetIntRangeFn setResultRanges) {
  auto values = cast<DenseElementsAttr>(getTable()).getValues<int8_t>();
  int64_t lowest = INT8_MAX, highest = INT8_MIN;
  for (int64_t input = operands[0].smin().getSExtValue(),
               last = operands[0].smax().getSExtValue();
       input <= last; ++input) {
    lowest = std::min<int64_t>(lowest, values[input + 128]);
    highest = std::max<int64_t>(highest, values[input + 128]);
  }
  setResultRanges(getResult(), getRanges(getResult(), lowest, highest));
}

//===----------------------------------------------------------------------===//
// AddOp
//===----------------------------------------------------------------------===//

LogicalResult AddOp::verify() {
  Type element = getElementTypeOrSelf(getLhs().getType());
  if (!element.isInteger(8))
    return emitOpError("operands must be i8, but are ") << element;
  return verifyRangeFits(*this, getReference().getLowest(),
                         getReference().getHighest(), getResult().getType());
}

void AddOp::inferResultRanges(ArrayRef<ConstantIntRanges> operands,
                              SetIntRangeFn setResultRanges) {
  // Nondecreasing in both operands.
  FloatAdd function = getReference().getFunction();
  setResultRanges(getResult(),
                  getRanges(getResult(),
                            function(operands[0].smin().getSExtValue(),
                                     operands[1].smin().getSExtValue()),
                            function(operands[0].smax().getSExtValue(),
                                     operands[1].smax().getSExtValue())));
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  FloatAdd function = getReference().getFunction();
  auto evaluate = [&](const APInt &lhs, const APInt &rhs) {
    return APInt(8, function(lhs.getSExtValue(), rhs.getSExtValue()),
                 /*isSigned=*/true);
  };
  return constFoldBinaryOp<IntegerAttr, APInt, void>(adaptor.getOperands(),
                                                     getType(), evaluate);
}
