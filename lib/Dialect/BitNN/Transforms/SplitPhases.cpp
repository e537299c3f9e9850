// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which convolutions read phases instead of taking strides: those on vectors,
// which then load neighbours and may join rows.

#include "Kernels/KernelChoice.h"
#include "Phases.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace bitnn {
#define GEN_PASS_DEF_SPLITPHASESPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "bitnn-split-phases";

namespace {

/// Whether joining rows, whose columns have stride 1 already, saves more than
/// the copy costs: about four instructions for a vector.
bool paysToJoin(const PhaseReader &reader, int64_t lanes) {
  constexpr int64_t kCopy = 4;
  Conv2DOp op = reader.op;
  FailureOr<int64_t> digits = countLayerDigits(op);
  ArrayRef<int64_t> input = op.getInputType().getShape();
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  Pair outputs = {shape[2], shape[3]};
  int64_t before = countVectors(outputs, op.getStrides()[0] * input[3], lanes);
  int64_t after =
      countVectors(outputs, reader.upper[1] - reader.lower[1], lanes);
  int64_t copied =
      input[1] * llvm::divideCeil(input[2] * input[3], lanes) * kCopy;
  return succeeded(digits) && (before - after) * *digits > copied;
}

/// Why phases would not make a strided convolution faster.
std::optional<Obstacle> findObstacle(const PhaseReader &reader, int64_t lanes) {
  Conv2DOp op = reader.op;
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  if (reader.taps.empty())
    return Obstacle{"all of its weights are zero", "remove the layer"};
  if (!fillsVectors(op))
    return Obstacle{
        llvm::formatv("its {0} pixels leave most of a vector empty",
                      shape[2] * shape[3]),
        "scalar code takes strides as they are; larger images have vectors"};
  if (op.getStrides()[1] == 1 && !paysToJoin(reader, lanes))
    return Obstacle{"its columns have stride 1 and its rows fill vectors as "
                    "they are",
                    "nothing needs to be done"};
  return std::nullopt;
}

struct SplitPhases : public bitnn::impl::SplitPhasesPassBase<SplitPhases> {
  void runOnOperation() override {
    FailureOr<TargetDescription> target = getModuleTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    if (target->vectorLanes == 1)
      return;
    std::vector<PhaseImage> images;
    getOperation().walk([&](Conv2DOp op) {
      auto schedule = op.getSchedule().value_or(Schedule::StraightLine);
      if (schedule != Schedule::StraightLine || op->getNumResults() != 1)
        return;
      FailureOr<PhaseReader> reader = PhaseReader::get(op);
      FailureOr<PhaseReader> apart = PhaseReader::get(op, true);
      if (failed(reader) || failed(apart))
        return; // refused by name when code is made
      apart->bits = getLaneBits(op);
      bool isStrided =
          llvm::any_of(op.getStrides(), [](int64_t s) { return s != 1; });
      if (fillsVectors(op) && !op->hasAttr(kDotAttr) &&
          apart->paysToSetApart(*reader,
                                target->vectorLanes * 16 / apart->bits))
        reader = std::move(apart);
      else if (!isStrided)
        return;
      else if (std::optional<Obstacle> obstacle =
                   findObstacle(*reader, target->vectorLanes))
        return emitMissedRemark(op, kPass, *obstacle);
      auto image = llvm::find_if(images, [&](const PhaseImage &image) {
        return image.suits(*reader);
      });
      if (image == images.end())
        image = images.insert(images.end(), PhaseImage(*reader));
      image->add(std::move(*reader));
    });
    for (const PhaseImage &image : images) {
      Value phases = image.create();
      for (const PhaseReader &reader : image.readers)
        image.rewrite(reader, phases);
    }
  }
};

} // namespace
