// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/IR/EdgeAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitnn;

#include "bitnn/Dialect/BitNN/IR/BitNNDialect.cpp.inc"

namespace {
/// Nothing in the dialect depends on where it stands.
struct BitNNInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void BitNNDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "bitnn/Dialect/BitNN/IR/BitNNOps.cpp.inc"
      >();
  addInterfaces<BitNNInlinerInterface>();
  declarePromisedInterfaces<bufferization::BufferizableOpInterface, Conv2DOp,
                            MatmulOp>();
}

Operation *BitNNDialect::materializeConstant(OpBuilder &builder,
                                             Attribute value, Type type,
                                             Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

LogicalResult BitNNDialect::verifyOperationAttribute(Operation *op,
                                                     NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kTargetAttr) {
    if (!isa<TargetAttr>(attribute.getValue()))
      return op->emitOpError() << "attribute 'bitnn.target' must be a "
                                  "#bitnn.target, but is "
                               << attribute.getValue();
    if (!isa<ModuleOp>(op))
      return op->emitOpError()
             << "cannot carry 'bitnn.target'; put it on the module";
    return success();
  }
  if (name == kLayersAttr) {
    auto layers = dyn_cast<ArrayAttr>(attribute.getValue());
    if (!layers || !llvm::all_of(layers, llvm::IsaPred<DictionaryAttr>))
      return op->emitOpError()
             << "attribute 'bitnn.layers' must be an array of dictionaries";
    return success();
  }
  if (name == kArenaAttr) {
    if (!isa<DictionaryAttr>(attribute.getValue()))
      return op->emitOpError("attribute 'bitnn.arena' must be a dictionary");
    return success();
  }
  if (name == kKernelAttr) {
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitOpError("attribute 'bitnn.kernel' must be a string");
    return success();
  }
  return op->emitOpError() << "has an unknown attribute '" << name
                           << "' of the bitnn dialect";
}

/// What an edge attribute must be; empty if it is right.
static StringRef getEdgeAttributeFault(NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  if (name == BitNNDialect::kNameAttr || name == BitNNDialect::kTensorAttr)
    return isa<StringAttr>(value) ? "" : "must be a string";
  if (name == BitNNDialect::kScaleAttr) {
    auto scale = dyn_cast<FloatAttr>(value);
    return scale && scale.getType().isF32() ? "" : "must be an f32";
  }
  if (name == kEdgeScalesAttr)
    return isa<DenseF32ArrayAttr>(value) ? "" : "must be an array of f32";
  if (name == BitNNDialect::kZeroPointAttr || name == kEdgeAxisAttr) {
    auto number = dyn_cast<IntegerAttr>(value);
    return number && number.getType().isInteger(32) ? "" : "must be an i32";
  }
  if (name == BitNNDialect::kUnsignedAttr || name == BitNNDialect::kFloatAttr)
    return isa<UnitAttr>(value) ? "" : "must be a unit attribute";
  if (name == BitNNDialect::kCallerAttr) {
    auto callers = dyn_cast<ArrayAttr>(value);
    return callers && llvm::all_of(callers, llvm::IsaPred<StringAttr>)
               ? ""
               : "must be an array of strings";
  }
  return "is not an attribute of an edge";
}

static LogicalResult verifyEdgeAttribute(Operation *op, StringRef edge,
                                         unsigned index,
                                         NamedAttribute attribute) {
  StringRef fault = getEdgeAttributeFault(attribute);
  if (fault.empty())
    return success();
  return op->emitOpError() << edge << " " << index << ": attribute '"
                           << attribute.getName().getValue() << "' " << fault;
}

LogicalResult BitNNDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                     unsigned argument,
                                                     NamedAttribute attribute) {
  return verifyEdgeAttribute(op, "argument", argument, attribute);
}

LogicalResult BitNNDialect::verifyRegionResultAttribute(
    Operation *op, unsigned, unsigned result, NamedAttribute attribute) {
  return verifyEdgeAttribute(op, "result", result, attribute);
}
