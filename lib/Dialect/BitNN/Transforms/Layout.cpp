// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Images as the target's kernels want them. On vector targets the input of a
// vector convolution has elements of the width of its lanes, 16 or 8 bits, so
// that they are added without a conversion; on every target padding becomes
// part of the image, written around what the producer stores in place.

#include "Kernels/KernelChoice.h"
#include "Resize.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace bitnn {
#define GEN_PASS_DEF_LAYOUTPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// Whether `op` is computed on vectors of pixels.
static bool isOnVectors(Conv2DOp op, const TargetDescription &target) {
  bool hasVectors = op->hasAttr(kDotAttr) ||
                    op.getSchedule().value_or(Schedule::StraightLine) ==
                        Schedule::StraightLine;
  return hasVectors && getVectorLanes(op, target) > 1;
}

/// Whether `value` is an array of the caller, or a view of it.
static bool isCallers(Value value) {
  while (isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                         tensor::ExtractSliceOp, tensor::CastOp>(
      value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return isa<BlockArgument>(value);
}

namespace {

/// conv(argument) -> conv(copy) : vectors may read past the end of our
/// images, never of the caller's.
struct CopyArgument : public OpRewritePattern<Conv2DOp> {
  CopyArgument(MLIRContext *context, const TargetDescription &target)
      : OpRewritePattern(context), target(target) {}

  LogicalResult matchAndRewrite(Conv2DOp op,
                                PatternRewriter &rewriter) const override {
    ShapedType type = op.getInputType();
    if (!isOnVectors(op, target) || !isCallers(op.getInput()) ||
        !type.getElementType().isInteger(getLaneBits(op)))
      return rewriter.notifyMatchFailure(op, "input has slack behind it");
    Value image = tensor::EmptyOp::create(
        rewriter, op.getLoc(), type.getShape(), type.getElementType());
    Value copy =
        linalg::CopyOp::create(rewriter, op.getLoc(), op.getInput(), image)
            .getResult(0);
    rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(copy); });
    return success();
  }

  const TargetDescription &target;
};

/// conv(x : i8) -> conv(widen(x) : i16)
struct WidenInput : public OpRewritePattern<Conv2DOp> {
  WidenInput(MLIRContext *context, const TargetDescription &target)
      : OpRewritePattern(context), target(target) {}

  LogicalResult matchAndRewrite(Conv2DOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getInputType().getElementType().isInteger(8))
      return rewriter.notifyMatchFailure(op, "input is wide already");
    if (!isOnVectors(op, target))
      return rewriter.notifyMatchFailure(op, "kernel is scalar");
    if (getLaneBits(op) == 8)
      return rewriter.notifyMatchFailure(op, "lanes are as narrow as pixels");
    // What is known of the 8-bit values holds for the wide ones.
    SmallVector<int64_t> range = {-128, 127};
    if (std::optional<ArrayRef<int64_t>> known = op.getInputRange())
      range.assign(known->begin(), known->end());
    Value wide = createResize(rewriter, op.getLoc(), op.getInput(), 16);
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(wide);
      op.setInputRange(range);
    });
    return success();
  }

  const TargetDescription &target;
};

/// widen(pad(x, z)) -> pad(widen(x), z)
struct WidenBeforePad : public OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    Value narrow = matchWiden(op);
    auto pad = narrow ? narrow.getDefiningOp<tensor::PadOp>() : nullptr;
    if (!pad || !pad.getConstantPaddingValue())
      return rewriter.notifyMatchFailure(op, "not the widening of a padding");
    auto type = cast<RankedTensorType>(op.getResult(0).getType());
    unsigned bits = type.getElementTypeBitWidth();
    Value wide = createResize(rewriter, op.getLoc(), pad.getSource(), bits);
    Value fill =
        arith::ExtSIOp::create(rewriter, pad.getLoc(), type.getElementType(),
                               pad.getConstantPaddingValue());
    rewriter.replaceOpWithNewOp<tensor::PadOp>(
        op, type, wide, pad.getMixedLowPad(), pad.getMixedHighPad(), fill);
    return success();
  }
};

/// widen(conv(x) : i8) -> conv(x) : i16, its epilogue widening
template <typename OpTy>
struct WidenResult : public OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern<linalg::GenericOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp generic,
                                PatternRewriter &rewriter) const override {
    Value narrow = matchWiden(generic);
    auto op = narrow ? narrow.getDefiningOp<OpTy>() : OpTy();
    if (!op || !op.hasEpilogue())
      return rewriter.notifyMatchFailure(generic,
                                         "not the widening of a layer");
    auto type = cast<RankedTensorType>(generic.getResult(0).getType());
    rewriter.setInsertionPoint(op);
    Value init = tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(),
                                         type.getElementType());
    IRMapping mapping;
    mapping.map(op.getInit(), init);
    auto wide = cast<OpTy>(rewriter.clone(*op, mapping));
    rewriter.modifyOpInPlace(wide, [&] { wide.getResult()[0].setType(type); });
    Operation *yield = wide.getEpilogue().front().getTerminator();
    rewriter.setInsertionPoint(yield);
    Value stored = arith::ExtSIOp::create(
        rewriter, op.getLoc(), type.getElementType(), yield->getOperand(0));
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, stored); });
    rewriter.replaceOp(generic, wide);
    if (!op->use_empty()) {
      rewriter.setInsertionPointAfter(wide);
      unsigned bits = op.getInitType().getElementTypeBitWidth();
      Value again =
          createResize(rewriter, op.getLoc(), wide->getResult(0), bits);
      rewriter.replaceAllUsesWith(op->getResult(0), again);
    }
    rewriter.eraseOp(op);
    return success();
  }
};

/// Two widenings of one value are one.
struct ShareWiden : public OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    Value narrow = matchWiden(op);
    if (!narrow)
      return rewriter.notifyMatchFailure(op, "not a widening");
    for (Operation *user : narrow.getUsers())
      if (user != op && user->getBlock() == op->getBlock() &&
          user->isBeforeInBlock(op) && matchWiden(user) == narrow &&
          user->getResultTypes() == op->getResultTypes()) {
        rewriter.replaceOp(op, user->getResults());
        return success();
      }
    return rewriter.notifyMatchFailure(op, "the only widening of its input");
  }
};

/// widen(f(x)) -> one operation: what is stored is stored once.
struct FuseWiden : public OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op,
                                PatternRewriter &rewriter) const override {
    Value narrow = matchWiden(op);
    auto producer =
        narrow ? narrow.getDefiningOp<linalg::GenericOp>() : nullptr;
    OpOperand *operand = op.getDpsInputOperand(0);
    if (!producer || !linalg::areElementwiseOpsFusable(operand))
      return rewriter.notifyMatchFailure(op, "nothing to fuse with");
    // What is little may be computed for every reader.
    bool isLittle =
        llvm::hasSingleElement(producer.getBody()->without_terminator());
    if (!narrow.hasOneUse()) {
      if (!isLittle)
        return rewriter.notifyMatchFailure(op, "has other readers");
      rewriter.setInsertionPoint(producer);
      producer = cast<linalg::GenericOp>(rewriter.clone(*producer));
      rewriter.modifyOpInPlace(op,
                               [&] { operand->set(producer.getResult(0)); });
      rewriter.setInsertionPoint(op);
    }
    FailureOr<linalg::ElementwiseOpFusionResult> fused =
        linalg::fuseElementwiseOps(rewriter, operand);
    if (failed(fused))
      return failure();
    for (auto [before, after] : fused->replacements)
      rewriter.replaceUsesWithIf(before, after, [&](OpOperand &use) {
        return use.getOwner() != producer;
      });
    rewriter.eraseOp(op);
    return success();
  }
};

/// extsi(xori(x, signbit)) -> subi(extui(x), signbit): one operation less on
/// lanes, whose extension is part of the load.
struct ExtendRecentred : public OpRewritePattern<arith::ExtSIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtSIOp op,
                                PatternRewriter &rewriter) const override {
    auto flip = op.getIn().getDefiningOp<arith::XOrIOp>();
    APInt bit;
    if (!flip || !op.getType().isInteger() ||
        !matchPattern(flip.getRhs(), m_ConstantInt(&bit)) || !bit.isSignMask())
      return rewriter.notifyMatchFailure(op, "sign is not flipped");
    Type type = op.getType();
    unsigned bits = type.getIntOrFloatBitWidth();
    Value wide =
        arith::ExtUIOp::create(rewriter, op.getLoc(), type, flip.getLhs());
    Value middle = arith::ConstantOp::create(
        rewriter, op.getLoc(), rewriter.getIntegerAttr(type, bit.zext(bits)));
    rewriter.replaceOpWithNewOp<arith::SubIOp>(op, wide, middle);
    return success();
  }
};

struct Layout : public bitnn::impl::LayoutPassBase<Layout> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    FailureOr<TargetDescription> target = getModuleTarget(function);
    if (failed(target))
      return signalPassFailure();
    RewritePatternSet widen(&getContext());
    widen.add<CopyArgument, WidenInput>(&getContext(), *target);
    widen.add<ShareWiden, WidenBeforePad, WidenResult<Conv2DOp>,
              WidenResult<MatmulOp>>(&getContext());
    // Once nothing is left to widen, padding becomes part of the image.
    RewritePatternSet absorb(&getContext());
    linalg::populateDecomposePadPatterns(absorb);
    absorb.add<FuseWiden, ExtendRecentred>(&getContext());
    if (failed(applyPatternsGreedily(function, std::move(widen))) ||
        failed(applyPatternsGreedily(function, std::move(absorb))))
      return signalPassFailure();
  }
};

} // namespace
