// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The structured operations, conv_2d and matmul, and the code block.

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitnn;

#define GET_OP_CLASSES
#include "bitnn/Dialect/BitNN/IR/BitNNOps.cpp.inc"

//===----------------------------------------------------------------------===//
// What conv_2d and matmul share
//===----------------------------------------------------------------------===//

/// The rules that do not depend on the shape of the operation, which is static.
/// `channels` is the number of outputs.
template <typename OpTy>
static LogicalResult verifyStructuredOp(OpTy op, int64_t channels) {
  bool isTensor = isa<TensorType>(op.getInit().getType());
  for (Value operand : op->getOperands())
    if (isa<TensorType>(operand.getType()) != isTensor)
      return op.emitOpError("mixes tensors and memrefs");
  if (op->getNumResults() != (isTensor ? 1 : 0) ||
      (isTensor && op.getResult()[0].getType() != op.getInit().getType()))
    return op.emitOpError("must have one result of the init's type on "
                          "tensors, and none on memrefs");
  unsigned weightBits = op.getWeightsType().getElementTypeBitWidth();
  if (!llvm::is_contained({2u, 4u, 8u, 16u}, weightBits))
    return op.emitOpError("weights must be i2, i4, i8 or i16, but are ")
           << op.getWeightsType().getElementType();
  if (op.getBias() &&
      cast<ShapedType>(op.getBias().getType()).getDimSize(0) != channels)
    return op.emitOpError("bias must have one element for each of the ")
           << channels << " outputs";
  if (op.getResidual() &&
      cast<ShapedType>(op.getResidual().getType()).getShape() !=
          op.getInitType().getShape())
    return op.emitOpError("residual must have the shape of the init");
  if (std::optional<ArrayRef<int64_t>> range = op.getInputRange()) {
    unsigned bits = op.getInputType().getElementTypeBitWidth();
    if (range->size() != 2 || (*range)[0] > (*range)[1] ||
        !llvm::isIntN(bits, (*range)[0]) || !llvm::isIntN(bits, (*range)[1]))
      return op.emitOpError("input_range must be two values of the input's "
                            "type, the smaller first");
  }
  Type stored = op.getInitType().getElementType();
  if (!op.hasEpilogue()) {
    if (op.getResidual())
      return op.emitOpError("a residual needs an epilogue that reads it");
    if (!stored.isInteger(32))
      return op.emitOpError("without an epilogue the init must be i32, but "
                            "is ")
             << stored;
    return success();
  }
  Block &block = op.getEpilogue().front();
  SmallVector<Type> expected = {IntegerType::get(op.getContext(), 32),
                                IndexType::get(op.getContext())};
  if (op.getResidual())
    expected.push_back(
        cast<ShapedType>(op.getResidual().getType()).getElementType());
  if (block.getArgumentTypes() != TypeRange(expected))
    return op.emitOpError("epilogue must take (accumulator: i32, channel: "
                          "index")
           << (op.getResidual() ? ", residual element)" : ")");
  // This runs before the block itself is verified: it may be empty.
  auto yield = block.mightHaveTerminator()
                   ? dyn_cast<YieldOp>(block.getTerminator())
                   : YieldOp();
  if (!yield || yield.getValues().size() != 1 ||
      yield.getValues()[0].getType() != stored)
    return op.emitOpError("epilogue must yield one value of the init's "
                          "element type ")
           << stored;
  for (auto requantize : block.getOps<RequantizeOp>()) {
    int64_t functions = requantize.getReference().getNumFunctions();
    if (requantize.getIndex() == block.getArgument(1) && functions != 1 &&
        functions != channels)
      return requantize.emitOpError("has ")
             << functions << " reference functions for " << channels
             << " channels";
  }
  return success();
}

/// Tensors have no effects; buffers are read, and the init is written.
template <typename OpTy>
static void
getStructuredEffects(OpTy op,
                     SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (op->getNumResults() != 0)
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    bool isInit = operand.get() == op.getInit() &&
                  operand.getOperandNumber() + 1 == op->getNumOperands();
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand,
                           SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand,
                           SideEffects::DefaultResource::get());
  }
}

template <typename OpTy>
static LogicalResult
reifyInitShape(OpTy op, OpBuilder &builder,
               ReifiedRankedShapedTypeDims &reifiedReturnShapes) {
  reifiedReturnShapes.push_back(
      getAsIndexOpFoldResult(op.getContext(), op.getInitType().getShape()));
  return success();
}

//===----------------------------------------------------------------------===//
// Conv2DOp
//===----------------------------------------------------------------------===//

LogicalResult Conv2DOp::verify() {
  ArrayRef<int64_t> strides = getStrides(), dilations = getDilations();
  for (auto [name, values] :
       {std::pair("strides", strides), std::pair("dilations", dilations)})
    if (values.size() != 2 || values[0] < 1 || values[1] < 1)
      return emitOpError(name) << " must be two positive integers";
  if (!getInputType().hasStaticShape() || !getWeightsType().hasStaticShape() ||
      !getInitType().hasStaticShape())
    return emitOpError("needs static shapes");
  ArrayRef<int64_t> input = getInputType().getShape();
  ArrayRef<int64_t> weights = getWeightsType().getShape();
  ArrayRef<int64_t> init = getInitType().getShape();
  int64_t groups = getGroups();
  if (groups < 1 || weights[0] % groups != 0 || weights[1] * groups != input[1])
    return emitOpError("groups = ")
           << groups << " does not fit " << input[1] << " input channels and "
           << weights[0] << " x " << weights[1] << " weights";
  SmallVector<int64_t> expected = {input[0], weights[0]};
  for (int d : {0, 1}) {
    int64_t window = (weights[2 + d] - 1) * dilations[d] + 1;
    if (window < 1 || window > input[2 + d])
      return emitOpError("window of ")
             << window << " does not fit the input's dimension " << 2 + d
             << " of " << input[2 + d];
    expected.push_back((input[2 + d] - window) / strides[d] + 1);
  }
  if (init != ArrayRef(expected))
    return emitOpError("init must have shape [")
           << expected << "], but has [" << init << "]";
  return verifyStructuredOp(*this, weights[0]);
}

void Conv2DOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getStructuredEffects(*this, effects);
}

LogicalResult
Conv2DOp::reifyResultShapes(OpBuilder &builder,
                            ReifiedRankedShapedTypeDims &reifiedReturnShapes) {
  return reifyInitShape(*this, builder, reifiedReturnShapes);
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::verify() {
  if (!getInputType().hasStaticShape() || !getWeightsType().hasStaticShape() ||
      !getInitType().hasStaticShape())
    return emitOpError("needs static shapes");
  ArrayRef<int64_t> input = getInputType().getShape();
  ArrayRef<int64_t> weights = getWeightsType().getShape();
  if (input[1] != weights[1])
    return emitOpError("input has ")
           << input[1] << " columns, but the weights " << weights[1];
  SmallVector<int64_t> expected = {input[0], weights[0]};
  if (getInitType().getShape() != ArrayRef(expected))
    return emitOpError("init must have shape [")
           << expected << "], but has [" << getInitType().getShape() << "]";
  return verifyStructuredOp(*this, weights[0]);
}

void MatmulOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  getStructuredEffects(*this, effects);
}

LogicalResult
MatmulOp::reifyResultShapes(OpBuilder &builder,
                            ReifiedRankedShapedTypeDims &reifiedReturnShapes) {
  return reifyInitShape(*this, builder, reifiedReturnShapes);
}

//===----------------------------------------------------------------------===//
// AdderGraphOp
//===----------------------------------------------------------------------===//

/// adder_graph (operands) : lane-type -> number-of-results region
ParseResult AdderGraphOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  Type laneType;
  int64_t numResults;
  if (parser.parseOperandList(inputs, OpAsmParser::Delimiter::Paren) ||
      parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColonType(laneType) || parser.parseArrow() ||
      parser.parseInteger(numResults))
    return failure();
  if (numResults < 1)
    return parser.emitError(parser.getNameLoc(),
                            "a code block has at least one result");
  result.addTypes(SmallVector<Type>(numResults, laneType));
  Region *body = result.addRegion();
  return failure(parser.resolveOperands(inputs, laneType, result.operands) ||
                 parser.parseRegion(*body));
}

void AdderGraphOp::print(OpAsmPrinter &printer) {
  printer << "(" << getInputs() << ")";
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getLaneType() << " -> " << getNumResults() << " ";
  printer.printRegion(getBody());
}

LogicalResult AdderGraphOp::verify() {
  if (getNumResults() == 0)
    return emitOpError("must have at least one result");
  for (Type type : (*this)->getOperandTypes())
    if (type != getLaneType())
      return emitOpError("input of type ")
             << type << " is not of the lane type " << getLaneType();
  for (Type type : getResultTypes())
    if (type != getLaneType())
      return emitOpError("result of type ")
             << type << " is not of the lane type " << getLaneType();
  return success();
}

LogicalResult AdderGraphOp::verifyRegions() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != (*this)->getOperandTypes())
    return emitOpError("block arguments must be those of the inputs");
  for (Operation &op : block.without_terminator()) {
    if (!isa<arith::AddIOp, arith::SubIOp, arith::ShLIOp, arith::ConstantOp>(
            op))
      return op.emitOpError(
          "is not an addition, a subtraction, a shift or a constant: it "
          "cannot be part of an adder graph");
    if (op.getResult(0).getType() != getLaneType())
      return op.emitOpError("is not of the lane type ") << getLaneType();
    if (auto shift = dyn_cast<arith::ShLIOp>(op))
      if (!matchPattern(shift.getRhs(), m_Constant()))
        return op.emitOpError("must shift by a constant");
  }
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getOperandTypes() != getResultTypes())
    return yield.emitOpError("must yield the results of the adder graph");
  return success();
}

//===----------------------------------------------------------------------===//
// YieldOp
//===----------------------------------------------------------------------===//

// The implicit terminator; builds without optimization link it.
void YieldOp::build(OpBuilder &, OperationState &) {}
