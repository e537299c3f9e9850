// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar operations: requantize, lookup, add.

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
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

LogicalResult RequantizeOp::verify() {
  if (!getElementTypeOrSelf(getAccumulator().getType()).isInteger(32))
    return emitOpError("accumulator must be i32, but is ")
           << getElementTypeOrSelf(getAccumulator().getType());
  int64_t functions = getReference().getNumFunctions();
  if (!getIndex() && functions != 1)
    return emitOpError("needs an index to choose one of ")
           << functions << " reference functions";
  return verifyRangeFits(*this, getReference().getLowest(),
                         getReference().getHighest(), getResult().getType());
}

void RequantizeOp::inferResultRanges(ArrayRef<ConstantIntRanges>,
                                     SetIntRangeFn setResultRanges) {
  setResultRanges(getResult(),
                  getRanges(getResult(), getReference().getLowest(),
                            getReference().getHighest()));
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
  auto input = dyn_cast_or_null<IntegerAttr>(adaptor.getInput());
  if (!input)
    return {};
  auto values = cast<DenseElementsAttr>(getTable()).getValues<int8_t>();
  return IntegerAttr::get(input.getType(),
                          values[input.getValue().getSExtValue() + 128]);
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

void AddOp::inferResultRanges(ArrayRef<ConstantIntRanges>,
                              SetIntRangeFn setResultRanges) {
  setResultRanges(getResult(),
                  getRanges(getResult(), getReference().getLowest(),
                            getReference().getHighest()));
}
