// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace bitnn {
#define GEN_PASS_DEF_REUSEOPERANDSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// The operands that are read element by element, each before the element of
/// the result at its place is written.
static SmallVector<OpOperand *> getElementwiseOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  auto addResidual = [&](auto layer) {
    if (layer.getResidual())
      operands.push_back(&layer.getResidualMutable()[0]);
  };
  if (auto conv = dyn_cast<Conv2DOp>(op))
    addResidual(conv);
  else if (auto matmul = dyn_cast<MatmulOp>(op))
    addResidual(matmul);
  else if (auto generic = dyn_cast<linalg::GenericOp>(op);
           generic && generic.getNumParallelLoops() == generic.getNumLoops())
    for (OpOperand *operand : generic.getDpsInputOperands())
      if (generic.getMatchingIndexingMap(operand).isIdentity())
        operands.push_back(operand);
  return operands;
}

/// Whether the network itself computes the tensor into a buffer of its own.
static bool isInternal(Value tensor) {
  Operation *producer = tensor.getDefiningOp();
  while (isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                         tensor::ExtractSliceOp>(producer))
    producer = producer->getOperand(0).getDefiningOp();
  return isa_and_nonnull<DestinationStyleOpInterface>(producer);
}

/// Whether nothing reads the tensor after `op`, nor anything else in it.
static bool isLastRead(Value tensor, Operation *op) {
  return llvm::all_of(tensor.getUses(),
                      [&](OpOperand &use) {
                        Operation *user = op->getBlock()->findAncestorOpInBlock(
                            *use.getOwner());
                        return user && (user == op ? use.getOwner() == op
                                                   : user->isBeforeInBlock(op));
                      }) &&
         llvm::count(op->getOperands(), tensor) == 1;
}

/// op(x) outs(tensor.empty) -> op(x) outs(x), where x is dead afterwards
static void reuseOperand(DestinationStyleOpInterface op) {
  if (op.getNumDpsInits() != 1)
    return;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!init->get().getDefiningOp<tensor::EmptyOp>())
    return;
  for (OpOperand *operand : getElementwiseOperands(op)) {
    Value tensor = operand->get();
    if (tensor.getType() != init->get().getType() || !isInternal(tensor) ||
        !isLastRead(tensor, op))
      continue;
    init->set(tensor);
    return;
  }
}

namespace {
struct ReuseOperands
    : public bitnn::impl::ReuseOperandsPassBase<ReuseOperands> {
  void runOnOperation() override {
    getOperation().walk(
        [](DestinationStyleOpInterface op) { reuseOperand(op); });
  }
};
} // namespace
