// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers that shall multiply, as upstream's named operations: the baseline of
// every comparison, and an oracle for the kernels.

#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/IR/Decomposition.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace bitnn {
#define GEN_PASS_DEF_CONVERTBITNNTOLINALGPASS
#include "bitnn/Conversion/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// Weights of whole bytes: smaller elements have no layout in memory.
template <typename OpTy>
static Value widenWeights(OpBuilder &builder, OpTy layer,
                          ArrayRef<int32_t> values) {
  auto type = cast<RankedTensorType>(layer.getWeightsType());
  unsigned bits = std::max(8u, type.getElementTypeBitWidth());
  auto wide =
      RankedTensorType::get(type.getShape(), builder.getIntegerType(bits));
  return arith::ConstantOp::create(builder, layer.getLoc(), wide,
                                   getIntegerElements(wide, values));
}

static Value createAccumulators(OpBuilder &builder, Conv2DOp layer,
                                Value weights, Value start) {
  Location loc = layer.getLoc();
  auto strides = builder.getI64TensorAttr(layer.getStrides());
  auto dilations = builder.getI64TensorAttr(layer.getDilations());
  int64_t groups = layer.getGroups();
  if (groups == 1)
    return linalg::Conv2DNchwFchwOp::create(
               builder, loc, start.getType(),
               ValueRange{layer.getInput(), weights}, ValueRange{start},
               strides, dilations)
        .getResult(0);
  Value sums =
      linalg::Conv2DNgchwGfchwOp::create(
          builder, loc, splitDim(builder, loc, start, 1, groups).getType(),
          ValueRange{splitDim(builder, loc, layer.getInput(), 1, groups),
                     splitDim(builder, loc, weights, 0, groups)},
          ValueRange{splitDim(builder, loc, start, 1, groups)}, strides,
          dilations)
          .getResult(0);
  return tensor::CollapseShapeOp::create(
      builder, loc, sums,
      SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}, {4}});
}

/// sum_k x[m, k] w[n, k]: the weights are transposed by the indexing map.
static Value createAccumulators(OpBuilder &builder, MatmulOp layer,
                                Value weights, Value start) {
  MLIRContext *context = builder.getContext();
  auto map = [&](unsigned row, unsigned column) {
    return AffineMapAttr::get(AffineMap::get(
        3, 0,
        {getAffineDimExpr(row, context), getAffineDimExpr(column, context)},
        context));
  };
  auto matmul = linalg::MatmulOp::create(
      builder, layer.getLoc(), TypeRange{start.getType()},
      ValueRange{layer.getInput(), weights}, ValueRange{start});
  matmul.setIndexingMapsAttr(
      builder.getArrayAttr({map(0, 2), map(1, 2), map(0, 1)}));
  return matmul.getResult(0);
}

/// layer(x) -> epilogue(conv(x, W) + bias)
template <typename OpTy>
static LogicalResult lower(RewriterBase &rewriter, OpTy layer) {
  FailureOr<SmallVector<int32_t>> weights =
      getConstantIntegers(layer.getWeights());
  if (failed(weights))
    return layer.emitOpError("needs constant weights; make them an "
                             "initializer of the network");
  rewriter.setInsertionPoint(layer);
  Value sums = createAccumulators(rewriter, layer,
                                  widenWeights(rewriter, layer, *weights),
                                  createBiasTensor(rewriter, layer));
  rewriter.replaceOp(layer, createEpilogueGeneric(rewriter, layer, sums));
  return success();
}

namespace {
struct ConvertBitNNToLinalg
    : public bitnn::impl::ConvertBitNNToLinalgPassBase<ConvertBitNNToLinalg> {
  using ConvertBitNNToLinalgPassBase::ConvertBitNNToLinalgPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    auto visit = [&](auto layer) -> LogicalResult {
      bool chosen = all || (layer.getSchedule() == Schedule::Multiply &&
                            !layer->hasAttr(kDotAttr));
      bool onTensors = layer->getNumResults() == 1;
      return chosen && onTensors ? lower(rewriter, layer) : success();
    };
    WalkResult result = getOperation()->walk([&](Operation *op) -> WalkResult {
      if (auto conv = dyn_cast<Conv2DOp>(op))
        return visit(conv);
      if (auto matmul = dyn_cast<MatmulOp>(op))
        return visit(matmul);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
