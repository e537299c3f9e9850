// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernels/KernelChoice.h"
#include "Kernels/LookupForm.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "bitnn/Dialect/BitNN/Utils/Locations.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "bitnn/TargetInfo/CostModel.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

namespace bitnn {
#define GEN_PASS_DEF_SELECTSCHEDULEPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "bitnn-select-schedule";

static constexpr Schedule kSchedules[] = {Schedule::StraightLine,
                                          Schedule::Table, Schedule::Multiply};

static CodeForm getCodeForm(Schedule schedule, bool looksUp) {
  switch (schedule) {
  case Schedule::StraightLine:
    return CodeForm::StraightLine;
  case Schedule::Table:
    return looksUp ? CodeForm::Lookup : CodeForm::Table;
  case Schedule::Multiply:
    return CodeForm::Multiply;
  }
  llvm_unreachable("a schedule without a form of code");
}

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
  int64_t weights = 0, digits = 0, positions = 0, outputs = 0, values = 0;
  /// Bytes of straight-line code, estimated.
  int64_t codeBytes = 0;
  /// Bytes of tables, estimated, and the instructions that look up sums at one
  /// position, if the target's lookups can do the layer.
  int64_t tableBytes = 0, lookups = 0;
  Schedule schedule = Schedule::StraightLine;
  std::string reason;

  LayerSize getSize() const {
    return {weights, digits, positions, values, lookups};
  }
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
  std::optional<double> predict(const LayerFacts &layer,
                                Schedule schedule) const;
  DictionaryAttr getPredictions(const LayerFacts &layer);
  std::optional<double> predictProducts(const LayerFacts &layer) const;
  bool shouldLookUp(const LayerFacts &layer) const;
  Schedule chooseFastest(const LayerFacts &layer, bool mayMultiply) const;
  void chooseBySize(MutableArrayRef<LayerFacts> layers);
  LogicalResult chooseAsTold(MutableArrayRef<LayerFacts> layers);
  DictionaryAttr getRecord(const LayerFacts &layer);

  TargetDescription target;
  std::optional<CostModel> costs;
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
  for (Value value : {op->getOperand(0),
                      cast<DestinationStyleOpInterface>(op).getDpsInits()[0]})
    layer.values += cast<ShapedType>(value.getType()).getNumElements();
  layer.outputs = weights.getDimSize(0);
  layer.codeBytes =
      llvm::divideCeil(layer.digits * target.millibytesPerDigit, 1000) +
      layer.outputs * target.bytesPerEpilogue;
  // About what the loop itself takes.
  constexpr int64_t kLoopBytes = 700;
  layer.tableBytes = 2 * layer.digits + 4 * layer.outputs + kLoopBytes;
  FailureOr<Layer> matrix = getLayer(op);
  if (failed(matrix))
    return failure();
  if (auto form = LookupForm::get(*matrix, target)) {
    layer.lookups = form->estimateInstructions();
    layer.tableBytes = form->estimateBytes();
  }
  return layer;
}

std::optional<double> SelectSchedule::predict(const LayerFacts &layer,
                                              Schedule schedule) const {
  if (!costs || (schedule == Schedule::Multiply && !target.hasMultiply))
    return std::nullopt;
  CodeForm form = getCodeForm(schedule, layer.lookups > 0);
  return costs->predict(form, layer.getSize());
}

/// What is predicted of every schedule, and the unit; empty where nothing is.
DictionaryAttr SelectSchedule::getPredictions(const LayerFacts &layer) {
  Builder builder(&getContext());
  SmallVector<NamedAttribute> entries;
  for (Schedule schedule : kSchedules)
    if (std::optional<double> cost = predict(layer, schedule))
      entries.push_back(
          builder.getNamedAttr(getScheduleName(schedule),
                               builder.getI64IntegerAttr(std::llround(*cost))));
  if (!entries.empty())
    entries.push_back(
        builder.getNamedAttr("unit", builder.getStringAttr(costs->getUnit())));
  return builder.getDictionaryAttr(entries);
}

/// The cost of a layer that multiplies, on vectors of pixels if it can.
std::optional<double>
SelectSchedule::predictProducts(const LayerFacts &layer) const {
  if (!costs || !canMultiplyVectors(layer.op, target))
    return predict(layer, Schedule::Multiply);
  return costs->predict(CodeForm::Products, layer.getSize());
}

/// Where straight-line code is scalar, lookups are faster for dense digits.
bool SelectSchedule::shouldLookUp(const LayerFacts &layer) const {
  auto conv = dyn_cast<Conv2DOp>(layer.op);
  bool isScalar = !conv || !fillsVectors(conv);
  return layer.lookups > 0 && isScalar &&
         layer.lookups * target.milliaddsPerLookup < layer.digits * 1000;
}

/// The schedule of least cost. Where nothing was measured, straight-line code,
/// multiplications where digits take more additions than these cost, and
/// lookups where they are fewer than additions.
Schedule SelectSchedule::chooseFastest(const LayerFacts &layer,
                                       bool mayMultiply) const {
  if (!costs) {
    bool onVectors = target.vectorLanes > 1;
    if (mayMultiply && target.hasMultiply &&
        layer.digits > layer.weights * target.addsPerMultiply &&
        (!onVectors || canMultiplyVectors(layer.op, target)))
      return Schedule::Multiply;
    return shouldLookUp(layer) ? Schedule::Table : Schedule::StraightLine;
  }
  Schedule fastest = Schedule::StraightLine;
  std::optional<double> least = predict(layer, fastest);
  for (Schedule schedule : kSchedules) {
    if (schedule == Schedule::Multiply && !mayMultiply)
      continue;
    std::optional<double> cost = schedule == Schedule::Multiply
                                     ? predictProducts(layer)
                                     : predict(layer, schedule);
    if (cost && schedule == Schedule::Multiply)
      *cost *= CostModel::kMargin;
    if (cost && (!least || *cost < *least)) {
      fastest = schedule;
      least = cost;
    }
  }
  return fastest;
}

/// The fastest schedule for each layer, as long as the code fits: then tables
/// take the layers whose straight-line code is largest.
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
    layer.schedule = chooseFastest(layer, multiply);
    if (layer.schedule == Schedule::Multiply &&
        canMultiplyVectors(layer.op, target))
      layer.op->setAttr(kDotAttr, UnitAttr::get(&getContext()));
    if (!multiply && canMultiplyVectors(layer.op, target) &&
        chooseFastest(layer, /*mayMultiply=*/true) == Schedule::Multiply)
      emitMissedRemark(layer.op, kPass,
                       {std::to_string(layer.digits) + " digits of " +
                            std::to_string(layer.weights) +
                            " weights cost more than multiplications",
                        "allow them with --multiply=layers"});
    if (layer.schedule != Schedule::StraightLine) {
      layer.reason =
          costs
              ? "the fastest, by the cost model"
              : std::to_string(layer.digits) + " digits of " +
                    std::to_string(layer.weights) + " weights cost more than " +
                    (layer.schedule == Schedule::Multiply ? "multiplications"
                                                          : "lookups of sums");
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
    if (layer->tableBytes >= layer->codeBytes) {
      layer->reason = "a table would not be smaller than straight-line code of "
                      "about " +
                      std::to_string(layer->codeBytes) + " bytes";
      continue;
    }
    total += layer->tableBytes - layer->codeBytes;
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
  SmallVector<NamedAttribute> entries = {
      string("name", layer.name),
      string("operator", isa<Conv2DOp>(layer.op) ? "conv_2d" : "matmul"),
      integer("weights", layer.weights),
      integer("digits", layer.digits),
      integer("macs", layer.getMacs()),
      integer("adds", multiplies ? layer.getMacs() : layer.getAdds()),
      integer("positions", layer.positions),
      integer("values", layer.values),
      string("schedule", getScheduleName(layer.schedule)),
      string("reason", layer.reason),
      string("kernel", layer.kernel)};
  if (layer.lookups > 0)
    entries.push_back(integer("lookups", layer.lookups));
  if (DictionaryAttr predictions = getPredictions(layer); !predictions.empty())
    entries.push_back(builder.getNamedAttr("predicted", predictions));
  return builder.getDictionaryAttr(entries);
}

void SelectSchedule::runOnOperation() {
  FailureOr<TargetDescription> described = getModuleTarget(getOperation());
  if (failed(described))
    return signalPassFailure();
  target = *described;
  auto names =
      getOperation()->getAttrOfType<TargetAttr>(BitNNDialect::kTargetAttr);
  costs =
      CostModel::find(names.getTriple(), names.getCpu(), names.getFeatures());
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
    auto remark =
        remark::analysis(layer.op->getLoc(), getRemarkOptions(layer.op, kPass));
    remark << remark::metric("Schedule", getScheduleName(layer.schedule))
           << remark::reason("{0}", layer.reason);
    if (std::optional<double> cost = predict(layer, layer.schedule))
      remark << remark::metric("Predicted",
                               std::to_string(std::llround(*cost)) + " " +
                                   costs->getUnit().str());
  }
  getOperation()->setAttr(BitNNDialect::kLayersAttr,
                          builder.getArrayAttr(records));
}

} // namespace
