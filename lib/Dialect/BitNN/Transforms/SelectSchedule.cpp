// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernels/KernelChoice.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Locations.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "llvm/ADT/StringExtras.h"

namespace bitnn {
#define GEN_PASS_DEF_SELECTSCHEDULEPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "bitnn-select-schedule";

/// The schedule as options and reports name it.
static StringRef getScheduleName(Schedule schedule) {
  return schedule == Schedule::StraightLine ? "straight-line"
                                            : stringifySchedule(schedule);
}

namespace {

/// What is known of a layer before code is generated for it.
struct LayerFacts {
  Operation *op;
  std::string name, kernel;
  int64_t weights = 0, digits = 0, positions = 0, outputs = 0;
  /// Bytes of straight-line code, estimated.
  int64_t codeBytes = 0;
  Schedule schedule = Schedule::StraightLine;
  std::string reason;

  int64_t getMacs() const { return weights * positions; }
  int64_t getAdds() const { return digits * positions; }
};

/// A symbol prefix that no other layer shares: "l3_conv_1".
std::string getKernelName(size_t index, StringRef layer) {
  std::string name = ("l" + Twine(index) + "_").str();
  for (char c : layer.take_back(40))
    name += llvm::isAlnum(c) ? c : '_';
  return name;
}

struct SelectSchedule
    : public bitnn::impl::SelectSchedulePassBase<SelectSchedule> {
  using SelectSchedulePassBase::SelectSchedulePassBase;

  void runOnOperation() override;
  FailureOr<LayerFacts> getFacts(Operation *op);
  bool shouldMultiply(const LayerFacts &layer) const;
  void chooseBySize(MutableArrayRef<LayerFacts> layers);
  LogicalResult chooseAsTold(MutableArrayRef<LayerFacts> layers);
  DictionaryAttr getRecord(const LayerFacts &layer);

  TargetDescription target;
};

FailureOr<LayerFacts> SelectSchedule::getFacts(Operation *op) {
  LayerFacts layer;
  layer.op = op;
  FailureOr<int64_t> digits = countLayerDigits(op);
  if (failed(digits))
    return failure();
  layer.digits = *digits;
  layer.positions = countPositions(op);
  ShapedType weights = isa<Conv2DOp>(op) ? cast<Conv2DOp>(op).getWeightsType()
                                         : cast<MatmulOp>(op).getWeightsType();
  layer.weights = weights.getNumElements();
  layer.outputs = weights.getDimSize(0);
  layer.codeBytes =
      llvm::divideCeil(layer.digits * target.millibytesPerDigit, 1000) +
      layer.outputs * target.bytesPerEpilogue;
  return layer;
}

/// Digits are dense where they take more additions than a multiplication costs.
bool SelectSchedule::shouldMultiply(const LayerFacts &layer) const {
  return multiply && target.hasMultiply &&
         layer.digits > layer.weights * target.addsPerMultiply;
}

/// Straight-line code is faster, tables are smaller: tables take the layers
/// whose code would be too large, the largest first.
void SelectSchedule::chooseBySize(MutableArrayRef<LayerFacts> layers) {
  int64_t total = 0;
  SmallVector<LayerFacts *> order;
  for (LayerFacts &layer : layers) {
    if (llvm::is_contained(tables, layer.kernel)) {
      layer.schedule = Schedule::Table;
      layer.reason = "straight-line code would need more scratch memory than "
                     "there is";
      continue;
    }
    if (shouldMultiply(layer)) {
      layer.schedule = Schedule::Multiply;
      layer.reason = std::to_string(layer.digits) + " digits of " +
                     std::to_string(layer.weights) +
                     " weights cost more than multiplications";
      continue;
    }
    layer.reason = "straight-line code of about " +
                   std::to_string(layer.codeBytes) + " bytes fits";
    total += layer.codeBytes;
    order.push_back(&layer);
  }
  int64_t budget = maxCodeSize > 0 ? maxCodeSize : target.maxCodeBytes;
  llvm::stable_sort(order, [](const LayerFacts *lhs, const LayerFacts *rhs) {
    return lhs->codeBytes > rhs->codeBytes;
  });
  for (LayerFacts *layer : order) {
    if (total <= budget)
      break;
    // About what the loop itself takes.
    constexpr int64_t kLoopBytes = 700;
    int64_t tableBytes = 2 * layer->digits + 4 * layer->outputs + kLoopBytes;
    if (tableBytes >= layer->codeBytes) {
      layer->reason = "a table would not be smaller than straight-line code of "
                      "about " +
                      std::to_string(layer->codeBytes) + " bytes";
      continue;
    }
    total += tableBytes - layer->codeBytes;
    layer->schedule = Schedule::Table;
    layer->reason = "straight-line code of about " +
                    std::to_string(layer->codeBytes) +
                    " bytes would exceed the budget of " +
                    std::to_string(budget) + " for the network";
  }
}

LogicalResult SelectSchedule::chooseAsTold(MutableArrayRef<LayerFacts> layers) {
  std::optional<Schedule> told = symbolizeSchedule(
      StringRef(schedule) == "straight-line" ? StringRef("straight_line")
                                             : StringRef(schedule));
  if (!told)
    return getOperation().emitError("unknown schedule '")
           << schedule
           << "'; known are auto, straight-line, table and multiply";
  for (LayerFacts &layer : layers) {
    layer.schedule = *told;
    layer.reason = "asked for by option";
  }
  return success();
}

DictionaryAttr SelectSchedule::getRecord(const LayerFacts &layer) {
  Builder builder(&getContext());
  auto integer = [&](StringRef key, int64_t value) {
    return builder.getNamedAttr(key, builder.getI64IntegerAttr(value));
  };
  auto string = [&](StringRef key, StringRef value) {
    return builder.getNamedAttr(key, builder.getStringAttr(value));
  };
  // Multiplied layers add nothing but their products.
  bool multiplies = layer.schedule == Schedule::Multiply;
  return builder.getDictionaryAttr(
      {string("name", layer.name),
       string("operator", isa<Conv2DOp>(layer.op) ? "conv_2d" : "matmul"),
       integer("weights", layer.weights), integer("digits", layer.digits),
       integer("macs", layer.getMacs()),
       integer("adds", multiplies ? layer.getMacs() : layer.getAdds()),
       integer("positions", layer.positions),
       string("schedule", getScheduleName(layer.schedule)),
       string("reason", layer.reason), string("kernel", layer.kernel)});
}

void SelectSchedule::runOnOperation() {
  FailureOr<TargetDescription> described = getModuleTarget(getOperation());
  if (failed(described))
    return signalPassFailure();
  target = *described;
  SmallVector<LayerFacts> layers;
  WalkResult walked = getOperation()->walk([&](Operation *op) {
    if (!isa<Conv2DOp, MatmulOp>(op))
      return WalkResult::advance();
    FailureOr<LayerFacts> layer = getFacts(op);
    if (failed(layer))
      return WalkResult::interrupt();
    layer->name = getNodeNameOrLine(op->getLoc());
    layer->kernel = getKernelName(layers.size(), layer->name);
    layers.push_back(*layer);
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return signalPassFailure();
  if (schedule == "auto")
    chooseBySize(layers);
  else if (failed(chooseAsTold(layers)))
    return signalPassFailure();

  Builder builder(&getContext());
  SmallVector<Attribute> records;
  for (const LayerFacts &layer : layers) {
    layer.op->setAttr("schedule",
                      ScheduleAttr::get(&getContext(), layer.schedule));
    layer.op->setAttr(BitNNDialect::kKernelAttr,
                      builder.getStringAttr(layer.kernel));
    records.push_back(getRecord(layer));
    remark::analysis(layer.op->getLoc(), getRemarkOptions(layer.op, kPass))
        << remark::metric("Schedule", getScheduleName(layer.schedule))
        << remark::reason("{0}", layer.reason);
  }
  getOperation()->setAttr(BitNNDialect::kLayersAttr,
                          builder.getArrayAttr(records));
}

} // namespace
