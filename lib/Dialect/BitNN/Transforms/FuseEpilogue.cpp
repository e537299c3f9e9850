// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations on a layer's result become part of the layer: the
// accumulator never reaches memory.

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace bitnn {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "bitnn-fuse-epilogue";

namespace {

/// What a generic becomes inside the epilogue.
struct Fusion {
  /// The one tensor read beside the layer's result.
  OpOperand *residual = nullptr;
};

/// Whether every element of the result depends on the elements at its own
/// place alone, and, if so, on which other tensor.
std::variant<Fusion, Obstacle>
matchElementwise(linalg::GenericOp generic, Value result, bool hasResidual) {
  if (generic.getNumParallelLoops() != generic.getNumLoops() ||
      generic.getNumResults() != 1 ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return Obstacle{"it is not elementwise",
                    "keep the requantize directly behind the layer"};
  if (!llvm::is_contained(generic.getInputs(), result))
    return Obstacle{"it writes over the layer's result without reading it",
                    "use a tensor.empty as init"};
  if (generic.payloadUsesValueFromOperand(generic.getDpsInitOperand(0)))
    return Obstacle{"it reads its init", "use a tensor.empty as init"};
  Fusion fusion;
  for (OpOperand *input : generic.getDpsInputOperands()) {
    if (input->get() == result)
      continue;
    if (hasResidual || fusion.residual)
      return Obstacle{"it reads a second tensor beside the layer's result",
                      "add one residual per layer"};
    fusion.residual = input;
  }
  if (fusion.residual) {
    Type type = getElementTypeOrSelf(fusion.residual->get().getType());
    if (!type.isInteger(8) && !type.isInteger(16))
      return Obstacle{
          llvm::formatv("its residual has elements of type {0}", type),
          "quantize the residual to i8 or i16"};
  }
  Type stored = getElementTypeOrSelf(generic.getResult(0).getType());
  if (!stored.isInteger(8) && !stored.isInteger(16) && !stored.isInteger(32))
    return Obstacle{llvm::formatv("it stores elements of type {0}", stored),
                    "requantize to i8 or i16"};
  for (Operation &op : generic.getBody()->without_terminator()) {
    auto index = dyn_cast<linalg::IndexOp>(op);
    if (index ? index.getDim() != 1
              : !matchPattern(&op, m_Constant()) &&
                    !OpTrait::hasElementwiseMappableTraits(&op))
      return Obstacle{llvm::formatv("'{0}' in it is no function of one element "
                                    "and its channel",
                                    op.getName()),
                      "keep such operations behind the requantize"};
  }
  return fusion;
}

/// elementwise(layer(x), r) -> layer(x) residual(r) epilogue { elementwise }
template <typename OpTy>
struct FuseElementwise : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy layer,
                                PatternRewriter &rewriter) const override {
    if (layer->getNumResults() != 1 || layer->use_empty())
      return rewriter.notifyMatchFailure(layer, "has no result on tensors");
    Value result = layer->getResult(0);
    auto generic = dyn_cast<linalg::GenericOp>(*result.user_begin());
    if (!generic || !llvm::all_of(result.getUsers(), [&](Operation *user) {
          return user == generic;
        }))
      return rewriter.notifyMatchFailure(
          layer, "its result has other uses than one linalg.generic");
    auto match = matchElementwise(generic, result, bool(layer.getResidual()));
    if (auto *obstacle = std::get_if<Obstacle>(&match))
      return rewriter.notifyMatchFailure(layer, obstacle->reason);
    OpOperand *residual = std::get<Fusion>(match).residual;

    // At the generic's place the residual is there already.
    rewriter.setInsertionPoint(generic);
    OperationState fused(
        rewriter.getFusedLoc({layer.getLoc(), generic.getLoc()}),
        layer->getName());
    SmallVector<Value> operands = {layer.getInput(), layer.getWeights()};
    if (layer.getBias())
      operands.push_back(layer.getBias());
    Value added = residual ? residual->get() : layer.getResidual();
    if (added)
      operands.push_back(added);
    // What the generic overwrites in place is no longer there.
    Value init = generic.getDpsInits()[0];
    operands.push_back(init == result ? layer.getInit() : init);
    fused.addOperands(operands);
    fused.addTypes(generic.getResultTypes());
    fused.addAttributes(layer->getAttrs());
    fused.attributes.set(
        "operandSegmentSizes",
        rewriter.getDenseI32ArrayAttr(
            {1, 1, layer.getBias() ? 1 : 0, added ? 1 : 0, 1}));
    buildEpilogue(rewriter, layer, generic, residual, fused.addRegion());
    Operation *created = rewriter.create(fused);
    rewriter.replaceOp(generic, created);
    rewriter.eraseOp(layer);
    return success();
  }

private:
  /// The layer's epilogue, if it has one, followed by the generic's body.
  static void buildEpilogue(PatternRewriter &rewriter, OpTy layer,
                            linalg::GenericOp generic, OpOperand *residual,
                            Region *epilogue) {
    OpBuilder::InsertionGuard guard(rewriter);
    Location loc = layer.getLoc();
    Value accumulator, channel, residualElement;
    if (layer.hasEpilogue()) {
      epilogue->takeBody(layer.getEpilogue());
      Block &block = epilogue->front();
      channel = block.getArgument(1);
      if (block.getNumArguments() == 3)
        residualElement = block.getArgument(2);
      accumulator = block.getTerminator()->getOperand(0);
      rewriter.eraseOp(block.getTerminator());
      rewriter.setInsertionPointToEnd(&block);
    } else {
      Block *block = rewriter.createBlock(
          epilogue, {}, {rewriter.getI32Type(), rewriter.getIndexType()},
          {loc, loc});
      accumulator = block->getArgument(0);
      channel = block->getArgument(1);
    }
    if (residual)
      residualElement = epilogue->front().addArgument(
          getElementTypeOrSelf(residual->get().getType()), loc);

    IRMapping mapping;
    for (OpOperand *input : generic.getDpsInputOperands())
      mapping.map(generic.getMatchingBlockArgument(input),
                  input->get() == layer->getResult(0) ? accumulator
                                                      : residualElement);
    for (Operation &op : generic.getBody()->without_terminator()) {
      if (auto index = dyn_cast<linalg::IndexOp>(op))
        mapping.map(index.getResult(), channel);
      else
        rewriter.clone(op, mapping);
    }
    // A constant or an argument may be yielded as it is.
    Value stored = mapping.lookupOrDefault(
        generic.getBody()->getTerminator()->getOperand(0));
    YieldOp::create(rewriter, generic.getLoc(), stored);
  }
};

/// Says why a layer's accumulators are still stored as such.
template <typename OpTy>
void explain(OpTy layer) {
  if (layer.hasEpilogue() || layer->getNumResults() != 1)
    return;
  Value result = layer->getResult(0);
  for (Operation *user : result.getUsers())
    if (auto generic = dyn_cast<linalg::GenericOp>(user)) {
      auto match = matchElementwise(generic, result, false);
      auto *obstacle = std::get_if<Obstacle>(&match);
      return emitMissedRemark(
          layer, kPass,
          obstacle ? *obstacle
                   : Obstacle{"its accumulators have several uses",
                              "requantize once and use the 8-bit values"});
    }
}

struct FuseEpilogue : public bitnn::impl::FuseEpiloguePassBase<FuseEpilogue> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseElementwise<Conv2DOp>, FuseElementwise<MatmulOp>>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation()->walk([](Conv2DOp layer) { explain(layer); });
    getOperation()->walk([](MatmulOp layer) { explain(layer); });
  }
};

} // namespace
