// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/BufferizableOpInterfaceImpl.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace bitnn;
using namespace mlir::bufferization;

namespace {
template <typename OpTy>
struct LayerModel
    : public DstBufferizableOpInterfaceExternalModel<LayerModel<OpTy>, OpTy> {
  /// Accumulators start at the bias: the init is written, never read.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<OpTy>(op).isDpsInit(&operand);
  }

  /// The residual is read element by element, right before the result's element
  /// is written: both may be one buffer.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &,
                                     ArrayRef<OpOperand *> operands) const {
    auto layer = cast<OpTy>(op);
    return llvm::all_of(operands, [&](OpOperand *operand) {
      return layer.isDpsInit(operand) ||
             (layer.getResidual() && operand == &layer.getResidualMutable()[0]);
    });
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    // layer(tensors) -> tensor  becomes  layer(memrefs)
    OperationState buffered(op->getLoc(), op->getName());
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffered.addOperands(*buffer);
    }
    buffered.addAttributes(op->getAttrs());
    rewriter.setInsertionPoint(op);
    buffered.addRegion()->takeBody(op->getRegion(0));
    Operation *layer = rewriter.create(buffered);
    replaceOpWithBufferizedValues(rewriter, op, cast<OpTy>(layer).getInit());
    return success();
  }
};
} // namespace

void bitnn::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, BitNNDialect *) {
    Conv2DOp::attachInterface<LayerModel<Conv2DOp>>(*context);
    MatmulOp::attachInterface<LayerModel<MatmulOp>>(*context);
  });
}
