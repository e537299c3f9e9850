// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// linalg on buffers as loops over flat buffers. Every indexing map of a loop
// nest is affine, so the place of an operand is a sum of one term per loop:
// each loop carries one running offset per operand, and nothing is multiplied.

#include "Kernels/KernelBuilder.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/MultiplyAccumulate.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace bitnn {
#define GEN_PASS_DEF_LINALGTOLOOPSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {

/// A buffer in a loop nest: its first element, and per loop the elements
/// between neighbouring iterations.
struct Walk {
  Value memref;
  int64_t base = 0;
  SmallVector<int64_t> steps;
};

struct LoopNest {
  SmallVector<int64_t> counts;
  SmallVector<Walk> walks;
};

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

/// Two loops of which the inner runs through what the outer steps over, in
/// every buffer, are one loop.
void mergeLoops(LoopNest &nest) {
  for (size_t loop = nest.counts.size(); loop-- > 1;) {
    size_t outer = loop - 1;
    bool merges = llvm::all_of(nest.walks, [&](const Walk &walk) {
      return nest.counts[outer] == 1 ||
             walk.steps[outer] == walk.steps[loop] * nest.counts[loop];
    });
    if (!merges)
      continue;
    nest.counts[outer] *= nest.counts[loop];
    nest.counts.erase(nest.counts.begin() + loop);
    for (Walk &walk : nest.walks) {
      walk.steps[outer] = walk.steps[loop];
      walk.steps.erase(walk.steps.begin() + loop);
    }
  }
}

using Body = llvm::function_ref<void(ValueRange indices, ValueRange offsets)>;

void buildLoops(KernelBuilder &builder, const LoopNest &nest,
                SmallVector<Value> &indices, ValueRange offsets, Body body) {
  size_t loop = indices.size();
  if (loop == nest.counts.size())
    return body(indices, offsets);
  SmallVector<int64_t> steps = llvm::map_to_vector(
      nest.walks, [&](const Walk &walk) { return walk.steps[loop]; });
  builder.loop(nest.counts[loop], 1, offsets, steps,
               [&](Value index, ValueRange inner) {
                 indices.push_back(index);
                 buildLoops(builder, nest, indices, inner, body);
                 indices.pop_back();
               });
}

/// Builds the nest; `body` gets the loops' indices, the flat buffers and the
/// offsets of the elements.
void buildNest(
    KernelBuilder &builder, const LoopNest &nest,
    llvm::function_ref<void(ValueRange, ArrayRef<Value>, ValueRange)> body) {
  SmallVector<Value> flat, starts, indices;
  for (const Walk &walk : nest.walks) {
    GridBuffer buffer;
    buffer.memref = walk.memref;
    flat.push_back(flatten(builder, buffer));
    starts.push_back(builder.index(walk.base));
  }
  buildLoops(
      builder, nest, indices, starts,
      [&](ValueRange at, ValueRange offsets) { body(at, flat, offsets); });
}

LogicalResult lowerCopy(memref::CopyOp op) {
  auto type = cast<MemRefType>(op.getSource().getType());
  if (!type.hasStaticShape())
    return op.emitOpError("needs static shapes");
  LoopNest nest;
  nest.counts.assign(type.getShape().begin(), type.getShape().end());
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), op.getContext());
  for (Value memref : {op.getSource(), op.getTarget()}) {
    FailureOr<Walk> walk = getWalk(op, memref, identity);
    if (failed(walk))
      return failure();
    nest.walks.push_back(*walk);
  }
  mergeLoops(nest);
  KernelBuilder builder(op.getLoc(), op);
  buildNest(builder, nest,
            [&](ValueRange, ArrayRef<Value> flat, ValueRange at) {
              Value value = memref::LoadOp::create(builder, flat[0], at[0]);
              memref::StoreOp::create(builder, value, flat[1], at[1]);
            });
  op.erase();
  return success();
}

/// The operation's body for one iteration.
void buildBody(KernelBuilder &builder, linalg::LinalgOp op, ValueRange indices,
               ArrayRef<Value> flat, ValueRange offsets,
               ArrayRef<std::optional<unsigned>> places) {
  IRMapping mapping;
  Block *block = op.getBlock();
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    std::optional<unsigned> place = places[operand.getOperandNumber()];
    if (!place)
      mapping.map(argument, operand.get());
    else if (!argument.use_empty())
      mapping.map(argument,
                  memref::LoadOp::create(builder, flat[*place], offsets[*place])
                      .getResult());
  }
  for (Operation &inner : block->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), indices[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  for (auto [result, init] : llvm::zip_equal(
           block->getTerminator()->getOperands(), op.getDpsInitsMutable())) {
    unsigned place = *places[init.getOperandNumber()];
    memref::StoreOp::create(builder, mapping.lookupOrDefault(result),
                            flat[place], offsets[place]);
  }
}

LogicalResult lowerLinalg(linalg::LinalgOp op) {
  LoopNest nest;
  nest.counts = op.getStaticLoopRanges();
  if (llvm::any_of(nest.counts, ShapedType::isDynamic))
    return op.emitOpError("needs static shapes");
  // Per operand, its place among the walks; scalars have none.
  SmallVector<std::optional<unsigned>> places;
  for (OpOperand &operand : op->getOpOperands()) {
    places.emplace_back();
    // The window of a pooling only has a shape.
    if (!isa<MemRefType>(operand.get().getType()) ||
        (op.isDpsInput(&operand) && !op.payloadUsesValueFromOperand(&operand)))
      continue;
    FailureOr<Walk> walk =
        getWalk(op, operand.get(), op.getMatchingIndexingMap(&operand));
    if (failed(walk))
      return failure();
    places.back() = nest.walks.size();
    nest.walks.push_back(*walk);
  }
  if (!op.hasIndexSemantics())
    mergeLoops(nest);
  KernelBuilder builder(op.getLoc(), op);
  buildNest(builder, nest,
            [&](ValueRange indices, ArrayRef<Value> flat, ValueRange offsets) {
              buildBody(builder, op, indices, flat, offsets, places);
            });
  op.erase();
  return success();
}

struct LinalgToLoops
    : public bitnn::impl::LinalgToLoopsPassBase<LinalgToLoops> {
  void runOnOperation() override {
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
      if (failed(copy ? lowerCopy(copy)
                      : lowerLinalg(cast<linalg::LinalgOp>(op))))
        return signalPassFailure();
    }
  }
};

} // namespace
