// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which convolutions add pixels up in 8-bit lanes: those of activations with
// few bits, where it is cheaper.

#include "Kernels/KernelChoice.h"
#include "Kernels/Layer.h"
#include "Phases.h"
#include "bitnn/Arithmetic/Partition.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/ByteLanes.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace bitnn {
#define GEN_PASS_DEF_SELECTLANESPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "bitnn-select-lanes";

namespace {

/// Whether the kernel of `op` may have 8-bit lanes that hold sums of digits.
bool mayHaveByteLanes(Conv2DOp op, const TargetDescription &target) {
  // Activations of 4 bits: 17 digits of one plane fit a lane.
  constexpr int64_t kLargestSpan = 15;
  std::optional<ArrayRef<int64_t>> range = op.getInputRange();
  return range && (*range)[1] - (*range)[0] <= kLargestSpan &&
         op.getInputType().getElementType().isInteger(8) &&
         op.getSchedule().value_or(Schedule::StraightLine) ==
             Schedule::StraightLine &&
         !op->hasAttr(kDotAttr) && getVectorLanes(op, target) > 1;
}

/// Instructions on vectors at all positions, but for the epilogue's: a load of
/// every input of a code block, its adds, and for each partial sum a store and
/// two halves that are loaded and added.
double getCost(const Layer &layer, unsigned laneBits, Conv2DOp op,
               const TargetDescription &target) {
  constexpr int64_t kPerSum = 5;
  PartitionOptions options;
  options.encoding = layer.encoding;
  options.accumulators = target.vectorAccumulators;
  options.maxAdds = target.maxAddsPerBlock;
  options.laneBits = laneBits;
  options.inputInterval = layer.inputRange;
  Partition partition = Partition::compute(layer.weights, options);
  int64_t cost = 0;
  for (const OutputBlock &block : partition.blocks)
    for (const CodeBlock &code : block.codeBlocks) {
      cost += code.inputs.size() + code.numAdds;
      for (unsigned row = 0; row < block.numOutputs; ++row)
        if (llvm::any_of(code.matrix.row(row), [](int32_t w) { return w; }))
          cost += kPerSum;
    }
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  int64_t lanes = target.vectorLanes * 16 / laneBits;
  return double(cost) * countVectors({shape[2], shape[3]}, shape[3], lanes);
}

/// Why 8-bit lanes would not make `op` faster.
std::optional<Obstacle> findObstacle(Conv2DOp op, const Layer &layer,
                                     const TargetDescription &target) {
  FailureOr<PhaseReader> plain = PhaseReader::get(op);
  FailureOr<PhaseReader> apart = PhaseReader::get(op, /*columnsApart=*/true);
  // Nearly every digit of a plane is a load of its own, and most of them cross
  // a line of the cache unless vectors begin where rows do.
  if (failed(plain) || failed(apart) ||
      (plain->window[1] > 1 &&
       !apart->paysToSetApart(*plain, 2 * target.vectorLanes)))
    return Obstacle{"vectors of 8-bit pixels would not begin where rows do",
                    "narrower images have columns set apart"};
  // A code block has digits of nearly all inputs.
  constexpr int64_t kFirstLevelCache = 48 << 10;
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  int64_t copies = plain->window[1] > 1 ? apart->countPhases() : 1;
  int64_t bytes =
      op.getInputType().getDimSize(1) * copies * shape[2] * shape[3];
  if (bytes > kFirstLevelCache)
    return Obstacle{llvm::formatv("every code block would read all of its {0} "
                                  "bytes of pixels, which leave the cache",
                                  bytes),
                    "smaller images, or fewer channels, stay there"};
  // What the estimate does not see: lanes of short rows that are wasted, and
  // code that is fetched for fewer vectors.
  constexpr double kMargin = 0.85;
  double narrow = getCost(layer, 8, op, target);
  double wide = getCost(layer, 16, op, target);
  if (narrow < kMargin * wide)
    return std::nullopt;
  return Obstacle{
      llvm::formatv("8-bit lanes would execute {0:P0} of the instructions of "
                    "16-bit lanes",
                    narrow / wide),
      "fewer bits of activations make longer sums"};
}

struct SelectLanes : public bitnn::impl::SelectLanesPassBase<SelectLanes> {
  void runOnOperation() override {
    FailureOr<TargetDescription> target = getModuleTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    getOperation().walk([&](Conv2DOp op) {
      if (!mayHaveByteLanes(op, *target))
        return;
      FailureOr<Layer> layer = getLayer(op);
      if (failed(layer))
        return; // refused by name when code is made
      if (std::optional<Obstacle> obstacle = findObstacle(op, *layer, *target))
        return emitMissedRemark(op, kPass, *obstacle);
      op->setAttr(kByteLanesAttr, UnitAttr::get(&getContext()));
      remark::passed(op.getLoc(), getRemarkOptions(op, kPass))
          << remark::add("adds in 8-bit lanes");
    });
  }
};

} // namespace
