// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linalg on buffers as loops over flat buffers, on vectors where the target has
// them. Every indexing map of a loop nest is affine, so the place of an operand
// is a sum of one term per loop.

#include "Kernels/KernelChoice.h"
#include "Kernels/LoopNest.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/MultiplyAccumulate.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace bitnn {
#define GEN_PASS_DEF_LINALGTOLOOPSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {

/// The coefficient of every loop, and the constant, of an affine expression
/// without division.
LogicalResult addTerms(AffineExpr expr, int64_t factor, Walk &walk) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    walk.base += factor * constant.getValue();
    return success();
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    walk.steps[dim.getPosition()] += factor;
    return success();
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return failure();
  if (binary.getKind() == AffineExprKind::Add)
    return success(succeeded(addTerms(binary.getLHS(), factor, walk)) &&
                   succeeded(addTerms(binary.getRHS(), factor, walk)));
  auto scale = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() != AffineExprKind::Mul || !scale)
    return failure();
  return addTerms(binary.getLHS(), factor * scale.getValue(), walk);
}

FailureOr<Walk> getWalk(Operation *op, Value memref, AffineMap map) {
  Walk walk;
  walk.memref = memref;
  walk.steps.assign(map.getNumDims(), 0);
  SmallVector<int64_t> strides;
  if (failed(cast<MemRefType>(memref.getType())
                 .getStridesAndOffset(strides, walk.base)) ||
      ShapedType::isDynamic(walk.base) ||
      llvm::any_of(strides, ShapedType::isDynamic))
    return op->emitOpError("needs buffers of static layout, but one is ")
           << memref.getType();
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides))
    if (failed(addTerms(expr, stride, walk)))
      return op->emitOpError("has the indexing map ")
             << AffineMapAttr::get(map)
             << ", whose places are no sum over its loops";
  return walk;
}

/// Lanes for a loop nest whose widest values have `bits`: bytes alone fill the
/// vectors of 16-bit lanes twice.
int64_t getLanes(int64_t vectorLanes, unsigned bits) {
  return vectorLanes > 1 && bits <= 8 ? 2 * vectorLanes : vectorLanes;
}

/// How often bodies of so many operations may be repeated for speed: on targets
/// with vectors, where a loop of a short body is mostly loop.
int64_t getUnroll(int64_t vectorLanes, int64_t operations) {
  constexpr int64_t kOperations = 16, kMost = 8;
  if (vectorLanes == 1)
    return 1;
  return std::clamp<int64_t>(kOperations / std::max<int64_t>(operations, 1), 1,
                             kMost);
}

/// About what the body costs; a lookup or a requantize is many operations.
int64_t countOperations(Block &body) {
  constexpr int64_t kMany = 16;
  int64_t count = 0;
  for (Operation &op : body.without_terminator())
    if (!isa<arith::ConstantOp, linalg::IndexOp>(op))
      count += isa<arith::ArithDialect>(op.getDialect()) ? 1 : kMany;
  return count;
}

LogicalResult lowerCopy(memref::CopyOp op, int64_t vectorLanes) {
  auto type = cast<MemRefType>(op.getSource().getType());
  if (!type.hasStaticShape())
    return op.emitOpError("needs static shapes");
  LoopNest nest;
  for (int64_t count : type.getShape())
    nest.loops.push_back({count});
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), op.getContext());
  for (auto [memref, walks] : {std::pair(op.getSource(), &nest.inputs),
                               std::pair(op.getTarget(), &nest.outputs)}) {
    FailureOr<Walk> walk = getWalk(op, memref, identity);
    if (failed(walk))
      return failure();
    walks->push_back(*walk);
  }
  nest.lanes = getLanes(vectorLanes, type.getElementTypeBitWidth());
  nest.unroll = getUnroll(vectorLanes, /*operations=*/0);
  KernelBuilder builder(op.getLoc(), op);
  nest.build(builder, [](ArrayRef<Value>, ValueRange inputs, ValueRange,
                         int64_t) { return SmallVector<Value>(inputs); });
  op.erase();
  return success();
}

/// Whether the operation can be computed on lanes, or is the same in all.
bool canBeOnLanes(Operation &op) {
  if (isa<linalg::IndexOp, arith::ConstantOp>(op))
    return true;
  // Indices may differ between iterations, but not between lanes.
  auto isIndex = [](Type type) { return type.isIndex(); };
  return OpTrait::hasElementwiseMappableTraits(&op) &&
         (llvm::none_of(op.getResultTypes(), isIndex) ||
          llvm::all_of(op.getOperandTypes(), isIndex));
}

/// The bits of the widest integer that the operation computes with, or nothing
/// if not all of it can be done on lanes.
std::optional<unsigned> getLaneBits(linalg::LinalgOp op) {
  unsigned bits = 8;
  auto isInteger = [&](Type type) {
    type = getElementTypeOrSelf(type);
    if (type.isInteger())
      bits = std::max(bits, type.getIntOrFloatBitWidth());
    return type.isIntOrIndex();
  };
  for (Operation &inner : op.getBlock()->without_terminator())
    if (!canBeOnLanes(inner) ||
        !llvm::all_of(inner.getResultTypes(), isInteger))
      return std::nullopt;
  for (Type type : op->getOperandTypes())
    if (!isInteger(type) || getElementTypeOrSelf(type).isInteger(1))
      return std::nullopt;
  return bits;
}

/// How the only output accumulates, if that is known.
std::optional<Combiner> getCombiner(linalg::LinalgOp op) {
  SmallVector<Operation *, 4> combiners;
  if (op.getNumDpsInits() != 1 ||
      !matchReduction(op.getRegionOutputArgs(), 0, combiners) ||
      combiners.size() != 1)
    return std::nullopt;
  std::optional<vector::CombiningKind> kind =
      linalg::getCombinerOpKind(combiners[0]);
  std::optional<TypedAttr> neutral = arith::getNeutralElement(combiners[0]);
  if (!kind || !neutral || !isa<IntegerAttr>(*neutral))
    return std::nullopt;
  return Combiner{*kind, cast<IntegerAttr>(*neutral).getValue().getSExtValue()};
}

/// Loops and buffers of the operation. `inputs` gets the operands that are
/// walked through.
FailureOr<LoopNest> getNest(linalg::LinalgOp op,
                            SmallVector<OpOperand *> &inputs) {
  LoopNest nest;
  for (auto [count, type] :
       llvm::zip_equal(op.getStaticLoopRanges(), op.getIteratorTypesArray())) {
    if (ShapedType::isDynamic(count))
      return op.emitOpError("needs static shapes");
    nest.loops.push_back({count, type == utils::IteratorType::parallel});
  }
  for (OpOperand &operand : op->getOpOperands()) {
    bool isInput = op.isDpsInput(&operand);
    bool isUsed = op.payloadUsesValueFromOperand(&operand);
    // The window of a pooling only has a shape; scalars have no place.
    if (!isa<MemRefType>(operand.get().getType()) || (isInput && !isUsed))
      continue;
    FailureOr<Walk> walk =
        getWalk(op, operand.get(), op.getMatchingIndexingMap(&operand));
    if (failed(walk))
      return failure();
    if (isInput)
      inputs.push_back(&operand);
    else
      nest.readsOutputs |= isUsed;
    (isInput ? nest.inputs : nest.outputs).push_back(*walk);
  }
  for (auto [at, loop] : llvm::enumerate(nest.loops))
    loop.reduces = !loop.isParallel &&
                   llvm::all_of(nest.outputs, [at = at](const Walk &walk) {
                     return walk.steps[at] == 0;
                   });
  op.getBlock()->walk([&](linalg::IndexOp index) {
    nest.loops[index.getDim()].index = index.getDim();
  });
  nest.combiner = getCombiner(op);
  return nest;
}

/// The operation's body for one iteration or, on vectors, for several.
SmallVector<Value> buildBody(KernelBuilder &builder, linalg::LinalgOp op,
                             IRMapping &mapping, ArrayRef<Value> indices,
                             int64_t lanes) {
  Block *block = op.getBlock();
  block->walk([&](Operation *inner) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      Value given =
          index.getDim() < indices.size() ? indices[index.getDim()] : Value();
      mapping.map(index.getResult(), given ? given : builder.index(0));
    }
    for (Value operand : inner->getOperands())
      if (!mapping.contains(operand) && operand.getParentBlock() != block)
        mapping.map(operand, operand);
  });
  if (lanes > 1) {
    FailureOr<SmallVector<Value>> results =
        cloneOnLanes(builder, *block, mapping, lanes);
    assert(succeeded(results) && "getLaneBits() has looked at the body");
    return *results;
  }
  for (Operation &inner : block->without_terminator())
    if (!isa<linalg::IndexOp>(inner))
      builder.clone(inner, mapping);
  return llvm::map_to_vector(
      block->getTerminator()->getOperands(),
      [&](Value result) { return mapping.lookupOrDefault(result); });
}

LogicalResult lowerLinalg(linalg::LinalgOp op, int64_t vectorLanes) {
  SmallVector<OpOperand *> inputs;
  FailureOr<LoopNest> nest = getNest(op, inputs);
  if (failed(nest))
    return failure();
  if (std::optional<unsigned> bits = getLaneBits(op))
    nest->lanes = getLanes(vectorLanes, *bits);
  nest->unroll = getUnroll(vectorLanes, countOperations(*op.getBlock()));
  KernelBuilder builder(op.getLoc(), op);
  nest->build(builder, [&](ArrayRef<Value> indices, ValueRange loaded,
                           ValueRange outputs, int64_t lanes) {
    IRMapping mapping;
    for (OpOperand *operand : op.getDpsInputOperands())
      if (!isa<MemRefType>(operand->get().getType()))
        mapping.map(op.getMatchingBlockArgument(operand), operand->get());
    for (auto [operand, value] : llvm::zip_equal(inputs, loaded))
      mapping.map(op.getMatchingBlockArgument(operand), value);
    for (auto [argument, value] : llvm::zip(op.getRegionOutputArgs(), outputs))
      mapping.map(argument, value);
    return buildBody(builder, op, mapping, indices, lanes);
  });
  op.erase();
  return success();
}

struct LinalgToLoops
    : public bitnn::impl::LinalgToLoopsPassBase<LinalgToLoops> {
  void runOnOperation() override {
    int64_t lanes = 1;
    auto module = getOperation()->getParentOfType<ModuleOp>();
    if (module && module->hasAttr(BitNNDialect::kTargetAttr)) {
      FailureOr<TargetDescription> target = getModuleTarget(module);
      if (failed(target))
        return signalPassFailure();
      lanes = target->vectorLanes;
    }
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
      if (isa<memref::CopyOp>(op) ||
          (linalgOp && linalgOp.hasPureBufferSemantics() &&
           !isMultiplyAccumulate(linalgOp)))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      auto copy = dyn_cast<memref::CopyOp>(op);
      if (failed(copy ? lowerCopy(copy, lanes)
                      : lowerLinalg(cast<linalg::LinalgOp>(op), lanes)))
        return signalPassFailure();
    }
  }
};

} // namespace
