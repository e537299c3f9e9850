// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interval of every 8-bit tensor, from the inputs to the results. It
// decides how many products fit 16-bit lanes, and refuses accumulators that
// could leave 32 bits.

#include "bitnn/Arithmetic/Partition.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"

namespace bitnn {
#define GEN_PASS_DEF_INFERRANGESPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static unsigned getBits(Type type) {
  return ConstantIntRanges::getStorageBitwidth(getElementTypeOrSelf(type));
}

static Interval getFullRange(Value value) {
  return Interval::ofSigned(std::clamp(getBits(value.getType()), 1u, 63u));
}

static ConstantIntRanges toRanges(Interval interval, Type type) {
  unsigned bits = getBits(type);
  return ConstantIntRanges::fromSigned(APInt(bits, interval.lower, true, true),
                                       APInt(bits, interval.upper, true, true));
}

static Interval toInterval(const ConstantIntRanges &ranges) {
  return {ranges.smin().getSExtValue(), ranges.smax().getSExtValue()};
}

namespace {
/// The intervals of scalars in a block, by the interfaces of its operations.
struct BlockRanges {
  DenseMap<Value, Interval> known;

  BlockRanges(Block &block, ArrayRef<Interval> arguments);
  Interval get(Value value) const;
};
} // namespace

BlockRanges::BlockRanges(Block &block, ArrayRef<Interval> arguments) {
  for (auto [argument, interval] :
       llvm::zip_equal(block.getArguments(), arguments))
    known[argument] = interval;
  for (Operation &op : block.without_terminator()) {
    auto inferable = dyn_cast<InferIntRangeInterface>(op);
    if (!inferable)
      continue;
    SmallVector<ConstantIntRanges> operands;
    for (Value operand : op.getOperands())
      operands.push_back(toRanges(get(operand), operand.getType()));
    inferable.inferResultRanges(
        operands, [&](Value result, const ConstantIntRanges &ranges) {
          known[result] = toInterval(ranges);
        });
  }
}

Interval BlockRanges::get(Value value) const {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Interval::ofValue(constant.getSExtValue());
  auto found = known.find(value);
  return found == known.end() ? getFullRange(value) : found->second;
}

/// The interval of the value that `block` yields.
static Interval inferYielded(Block &block, ArrayRef<Interval> arguments) {
  return BlockRanges(block, arguments)
      .get(block.getTerminator()->getOperand(0));
}

namespace {

struct RangeAnalysis {
  DenseMap<Value, Interval> ranges;

  Interval get(Value value) const {
    APInt scalar;
    if (matchPattern(value, m_ConstantInt(&scalar)))
      return Interval::ofValue(scalar.getSExtValue());
    auto found = ranges.find(value);
    return found == ranges.end() ? getFullRange(value) : found->second;
  }
  LogicalResult visit(Operation *op);

private:
  template <typename OpTy>
  LogicalResult visitLayer(OpTy layer);
  void visitLinalg(linalg::LinalgOp op);
  void visitConstant(Operation *op);
};

Interval getHull(ArrayRef<Interval> intervals) {
  Interval hull = intervals.front();
  for (Interval interval : intervals.drop_front())
    hull = hull.hull(interval);
  return hull;
}

/// A requantize of accumulators need be exact on their intervals only.
void setAccumulatorRanges(Block &epilogue, ArrayRef<Interval> accumulators) {
  Interval hull = getHull(accumulators);
  for (auto requantize : epilogue.getOps<RequantizeOp>()) {
    if (requantize.getAccumulator() != epilogue.getArgument(0))
      continue;
    bool perChannel = requantize.getIndex() == epilogue.getArgument(1) &&
                      requantize.getReference().getNumFunctions() ==
                          static_cast<int64_t>(accumulators.size());
    SmallVector<int64_t> bounds;
    for (Interval interval : perChannel ? accumulators : ArrayRef(hull))
      bounds.append({interval.lower, interval.upper});
    requantize.setAccumulatorRange(bounds);
  }
}

template <typename OpTy>
LogicalResult RangeAnalysis::visitLayer(OpTy layer) {
  FailureOr<ConstantMatrix> weights = getConstantMatrix(layer.getWeights());
  if (failed(weights))
    return layer.emitOpError("needs constant weights; make them an "
                             "initializer of the network");
  SmallVector<int64_t> bias;
  if (layer.getBias()) {
    FailureOr<SmallVector<int32_t>> constant =
        getConstantIntegers(layer.getBias());
    if (failed(constant))
      return layer.emitOpError("needs a constant bias");
    bias.assign(constant->begin(), constant->end());
  }
  Interval input = get(layer.getInput());
  // A bias may have wrapped when the zero point was folded into it.
  std::vector<Interval> accumulators =
      getAccumulatorIntervals(*weights, bias, input);
  std::optional<Interval> results;
  for (auto [channel, sum] : llvm::enumerate(accumulators)) {
    if (!sum.fitsSigned(32))
      return layer.emitOpError("accumulator of channel ")
             << channel << " could be in [" << sum.lower << ", " << sum.upper
             << "], which leaves 32 bits; use smaller weights, a smaller bias "
                "or fewer inputs";
    if (!layer.hasEpilogue())
      continue;
    SmallVector<Interval> arguments = {sum, Interval::ofValue(channel)};
    if (layer.getResidual())
      arguments.push_back(get(layer.getResidual()));
    Interval result = inferYielded(layer.getEpilogue().front(), arguments);
    results = results ? results->hull(result) : result;
  }
  layer.setInputRange(ArrayRef<int64_t>{input.lower, input.upper});
  if (layer.hasEpilogue())
    setAccumulatorRanges(layer.getEpilogue().front(), accumulators);
  ranges[layer->getResult(0)] = results ? *results : getHull(accumulators);
  return success();
}

/// A maximum over a window stays in its input's interval; a sum has as many
/// terms as the reduction.
std::optional<Interval> inferReduction(linalg::LinalgOp op,
                                       ArrayRef<Interval> arguments) {
  Block &block = *op.getBlock();
  Operation *combiner = block.getTerminator()->getOperand(0).getDefiningOp();
  if (isa_and_nonnull<arith::MaxSIOp>(combiner) &&
      combiner->getBlock() == &block &&
      llvm::hasSingleElement(block.without_terminator()))
    return arguments.front().hull(arguments.back());
  BlockArgument init = block.getArguments().back();
  if (!isa_and_nonnull<arith::AddIOp>(combiner) || !init.hasOneUse() ||
      *init.user_begin() != combiner)
    return std::nullopt;
  int64_t terms = 1;
  for (auto [iterator, extent] :
       llvm::zip_equal(op.getIteratorTypesArray(), op.getStaticLoopRanges()))
    if (iterator == utils::IteratorType::reduction)
      terms *= extent;
  SmallVector<Interval> oneTerm(arguments);
  oneTerm.back() = Interval::ofValue(0);
  Interval sum = arguments.back() + inferYielded(block, oneTerm) * terms;
  if (!sum.fitsSigned(getBits(init.getType())))
    return std::nullopt;
  return sum;
}

/// Elementwise operations and movement by their bodies, whose requantizes learn
/// what their accumulators can be.
void RangeAnalysis::visitLinalg(linalg::LinalgOp op) {
  if (op->getNumResults() != 1)
    return;
  SmallVector<Interval> arguments;
  for (OpOperand &operand : op->getOpOperands())
    arguments.push_back(get(operand.get()));
  if (op.getNumParallelLoops() != op.getNumLoops()) {
    if (std::optional<Interval> interval = inferReduction(op, arguments))
      ranges[op->getResult(0)] = *interval;
    return;
  }
  Block &block = *op.getBlock();
  BlockRanges body(block, arguments);
  for (auto requantize : block.getOps<RequantizeOp>()) {
    Interval accumulator = body.get(requantize.getAccumulator());
    requantize.setAccumulatorRange(
        ArrayRef<int64_t>{accumulator.lower, accumulator.upper});
  }
  ranges[op->getResult(0)] = body.get(block.getTerminator()->getOperand(0));
}

void RangeAnalysis::visitConstant(Operation *op) {
  FailureOr<SmallVector<int32_t>> values =
      getConstantIntegers(op->getResult(0));
  if (failed(values) || values->empty())
    return;
  auto [lowest, highest] = std::minmax_element(values->begin(), values->end());
  ranges[op->getResult(0)] = {*lowest, *highest};
}

LogicalResult RangeAnalysis::visit(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return conv->getNumResults() ? visitLayer(conv) : success();
  if (auto matmul = dyn_cast<MatmulOp>(op))
    return matmul->getNumResults() ? visitLayer(matmul) : success();
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    visitLinalg(linalgOp);
  else if (isa<arith::ConstantOp>(op))
    visitConstant(op);
  else if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Interval interval = get(pad.getSource());
    APInt fill;
    Value value = pad.getConstantPaddingValue();
    if (value && matchPattern(value, m_ConstantInt(&fill)))
      ranges[pad.getResult()] =
          interval.hull(Interval::ofValue(fill.getSExtValue()));
  } else if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                 tensor::ExtractSliceOp, tensor::CastOp>(op))
    ranges[op->getResult(0)] = get(op->getOperand(0));
  else if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    Interval interval = get(concat.getInputs().front());
    for (Value input : concat.getInputs().drop_front())
      interval = interval.hull(get(input));
    ranges[concat.getResult()] = interval;
  }
  return success();
}

struct InferRanges : public bitnn::impl::InferRangesPassBase<InferRanges> {
  void runOnOperation() override {
    RangeAnalysis analysis;
    // Definitions come before uses, so one walk in order suffices.
    for (Operation &op : getOperation().getOps())
      if (failed(analysis.visit(&op)))
        signalPassFailure();
  }
};

} // namespace
