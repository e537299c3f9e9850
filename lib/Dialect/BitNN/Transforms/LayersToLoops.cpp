// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"

namespace bitnn {
#define GEN_PASS_DEF_LAYERSTOLOOPSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {
struct LayersToLoops
    : public bitnn::impl::LayersToLoopsPassBase<LayersToLoops> {
  void runOnOperation() override {
    SmallVector<TilingInterface> layers;
    getOperation().walk([&](Operation *op) {
      if (isa<Conv2DOp, MatmulOp>(op))
        layers.push_back(cast<TilingInterface>(op));
    });
    IRRewriter rewriter(&getContext());
    for (TilingInterface layer : layers) {
      if (layer->getNumResults() != 0) {
        layer->emitOpError("is on tensors; bufferize it before it is lowered "
                           "to loops");
        return signalPassFailure();
      }
      rewriter.setInsertionPoint(layer);
      if (failed(scf::lowerToLoopsUsingSCFForOp(rewriter, layer)))
        return signalPassFailure();
      rewriter.eraseOp(layer);
    }
  }
};
} // namespace
