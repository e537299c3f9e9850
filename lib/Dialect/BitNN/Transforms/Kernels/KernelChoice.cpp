// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelChoice.h"
#include "bitnn/Dialect/BitNN/Utils/ByteLanes.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace bitnn;

FailureOr<TargetDescription> bitnn::getModuleTarget(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  auto attribute = module->getAttrOfType<TargetAttr>(BitNNDialect::kTargetAttr);
  if (!attribute)
    return module.emitError("has no 'bitnn.target'; run bitnn-attach-target "
                            "first");
  return describeTarget(attribute.getTriple(), attribute.getCpu(),
                        attribute.getFeatures());
}

bool bitnn::fillsVectors(Conv2DOp op) {
  // Fewer pixels leave most lanes of the smallest vectors empty.
  constexpr int64_t kFewestPixels = 8;
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  return shape[2] * shape[3] >= kFewestPixels;
}

int64_t bitnn::getVectorLanes(Conv2DOp op, const TargetDescription &target) {
  return op.getStrides()[1] == 1 && fillsVectors(op) ? target.vectorLanes : 1;
}

unsigned bitnn::getLaneBits(Conv2DOp op) {
  return op->hasAttr(kByteLanesAttr) ? 8 : 16;
}

int64_t bitnn::countVectors(std::array<int64_t, 2> outputs, int64_t pitch,
                            int64_t lanes) {
  int64_t apart = outputs[0] * llvm::divideCeil(outputs[1], lanes);
  int64_t joined =
      llvm::divideCeil((outputs[0] - 1) * pitch + outputs[1], lanes);
  return std::min(apart, joined);
}

bool bitnn::canMultiplyVectors(Operation *op, const TargetDescription &target) {
  auto conv = dyn_cast<Conv2DOp>(op);
  return conv && conv.getGroups() == 1 && getVectorLanes(conv, target) > 1;
}

FailureOr<int64_t> bitnn::countLayerDigits(Operation *op) {
  auto count = [](auto layer) -> FailureOr<int64_t> {
    FailureOr<SmallVector<int32_t>> weights =
        getConstantIntegers(layer.getWeights());
    if (failed(weights))
      return layer.emitOpError("needs constant weights; make them an "
                               "initializer of the network");
    int64_t digits = 0;
    for (int32_t weight : *weights)
      digits += countDigits(weight, layer.getDigitEncoding());
    return digits;
  };
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return count(conv);
  return count(cast<MatmulOp>(op));
}

int64_t bitnn::countPositions(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op)) {
    ArrayRef<int64_t> shape = conv.getInitType().getShape();
    return shape[0] * shape[2] * shape[3];
  }
  return cast<MatmulOp>(op).getInitType().getDimSize(0);
}
