// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace bitnn;

#include "bitnn/Dialect/BitNN/IR/BitNNEnums.cpp.inc"

#include "bitnn/Dialect/BitNN/IR/BitNNAttrInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "bitnn/Dialect/BitNN/IR/BitNNAttributes.cpp.inc"

void BitNNDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "bitnn/Dialect/BitNN/IR/BitNNAttributes.cpp.inc"
      >();
}

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static LogicalResult verifyRange(EmitError emitError, int32_t zeroPoint,
                                 int32_t lowest, int32_t highest) {
  if (lowest > highest)
    return emitError() << "range [" << lowest << ", " << highest
                       << "] is empty";
  if (lowest < -32768 || highest > 32767)
    return emitError() << "range [" << lowest << ", " << highest
                       << "] does not fit 16 bits";
  if (zeroPoint < -65536 || zeroPoint > 65536)
    return emitError() << "zero point " << zeroPoint << " is out of range";
  return success();
}

static LogicalResult verifyScale(EmitError emitError,
                                 const llvm::APFloat &scale, StringRef what) {
  if (scale.isFinite() && !scale.isNegative() && !scale.isZero())
    return success();
  llvm::SmallString<16> text;
  scale.toString(text);
  return emitError() << what << " must be positive and finite, but is " << text;
}

LogicalResult FloatScaleAttr::verify(EmitError emitError,
                                     DenseFPElementsAttr multipliers,
                                     int32_t zeroPoint, int32_t lowest,
                                     int32_t highest) {
  if (multipliers.getType().getRank() != 1 || multipliers.empty() ||
      !multipliers.getElementType().isF32())
    return emitError() << "multipliers must be a nonempty tensor<?xf32>, but "
                          "are "
                       << multipliers.getType();
  for (const llvm::APFloat &multiplier : multipliers)
    if (failed(verifyScale(emitError, multiplier, "a multiplier")))
      return failure();
  return verifyRange(emitError, zeroPoint, lowest, highest);
}

LogicalResult FixedScaleAttr::verify(EmitError emitError,
                                     DenseIntElementsAttr multipliers,
                                     DenseIntElementsAttr shifts,
                                     int32_t zeroPoint, int32_t lowest,
                                     int32_t highest, bool doubleRound) {
  for (DenseIntElementsAttr elements : {multipliers, shifts})
    if (elements.getType().getRank() != 1 || elements.empty() ||
        !elements.getElementType().isSignlessInteger(32))
      return emitError() << "multipliers and shifts must be a nonempty "
                            "tensor<?xi32>, but one is "
                         << elements.getType();
  if (multipliers.size() != shifts.size())
    return emitError() << multipliers.size() << " multipliers do not match "
                       << shifts.size() << " shifts";
  for (const llvm::APInt &multiplier : multipliers)
    if (multiplier.isNegative())
      return emitError() << "a multiplier must not be negative, but is "
                         << multiplier.getSExtValue();
  for (const llvm::APInt &shift : shifts)
    if (shift.slt(2) || shift.sgt(62))
      return emitError() << "a shift must be in 2..62, but is "
                         << shift.getSExtValue();
  return verifyRange(emitError, zeroPoint, lowest, highest);
}

LogicalResult FloatAddAttr::verify(EmitError emitError, FloatAttr lhsScale,
                                   int32_t lhsZeroPoint, FloatAttr rhsScale,
                                   int32_t rhsZeroPoint, FloatAttr scale,
                                   int32_t zeroPoint, int32_t lowest,
                                   int32_t highest) {
  for (FloatAttr value : {lhsScale, rhsScale, scale}) {
    if (!value.getType().isF32())
      return emitError() << "scales must be f32, but one is "
                         << value.getType();
    if (failed(verifyScale(emitError, value.getValue(), "a scale")))
      return failure();
  }
  for (int32_t inputZeroPoint : {lhsZeroPoint, rhsZeroPoint})
    if (inputZeroPoint < -65536 || inputZeroPoint > 65536)
      return emitError() << "zero point " << inputZeroPoint
                         << " is out of range";
  // Infinite summands could cancel to something that is not a number.
  for (FloatAttr value : {lhsScale, rhsScale})
    if (value.getValueAsDouble() > 1e32)
      return emitError() << "an input scale must be at most 1e32, but is "
                         << value.getValueAsDouble();
  return verifyRange(emitError, zeroPoint, lowest, highest);
}

//===----------------------------------------------------------------------===//
// Evaluation (lib/Arithmetic has the definitions)
//===----------------------------------------------------------------------===//

std::function<int64_t(int64_t)>
FloatScaleAttr::getFunction(int64_t index) const {
  return FloatScale{getMultipliers().getValues<float>()[index], getZeroPoint(),
                    getLowest(), getHighest()};
}

std::function<int64_t(int64_t)>
FixedScaleAttr::getFunction(int64_t index) const {
  return FixedScale{getMultipliers().getValues<int32_t>()[index],
                    unsigned(getShifts().getValues<int32_t>()[index]),
                    getZeroPoint(),
                    getLowest(),
                    getHighest(),
                    getDoubleRound()};
}

FloatAdd FloatAddAttr::getFunction() const {
  auto scale = [](FloatAttr value) {
    return value.getValue().convertToFloat();
  };
  return {scale(getLhsScale()), getLhsZeroPoint(), scale(getRhsScale()),
          getRhsZeroPoint(),    scale(getScale()), getZeroPoint(),
          getLowest(),          getHighest()};
}

int64_t FloatScaleAttr::getNumFunctions() const {
  return getMultipliers().size();
}

int64_t FixedScaleAttr::getNumFunctions() const {
  return getMultipliers().size();
}
