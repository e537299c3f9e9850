// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Kernels/KernelBuilder.h"
#include "Kernels/KernelChoice.h"
#include "Kernels/LookupForm.h"
#include "bitnn/Arithmetic/Sharing.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/DotProducts.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace bitnn {
#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {
struct LowerKernels : public bitnn::impl::LowerKernelsPassBase<LowerKernels> {
  using LowerKernelsPassBase::LowerKernelsPassBase;

  void runOnOperation() override;
  FailureOr<KernelStatistics> lower(Operation *op, StringRef name,
                                    SymbolTable &symbols,
                                    const TargetDescription &target);
  FailureOr<StraightLineOptions> getOptions(Operation *op, const Layer &layer,
                                            const TargetDescription &target);
  void record(StringRef kernel, int64_t positions,
              const KernelStatistics &statistics);
};

/// What the layer costs as one adder graph that starts at the bias, with any
/// number of registers.
int64_t countAddsOfOneGraph(const Layer &layer) {
  SharingOptions options;
  options.encoding = layer.encoding;
  options.accumulate = true;
  options.window = 72;
  return shareAdders(layer.weights, options).numAdders();
}

FailureOr<KernelStatistics>
LowerKernels::lower(Operation *op, StringRef name, SymbolTable &symbols,
                    const TargetDescription &target) {
  FailureOr<Layer> layer = getLayer(op);
  if (failed(layer))
    return failure();
  auto attribute = op->getAttrOfType<ScheduleAttr>("schedule");
  Schedule schedule = attribute ? attribute.getValue() : Schedule::StraightLine;
  if (schedule == Schedule::Multiply && !op->hasAttr(kDotAttr))
    return op->emitOpError("has the schedule multiply, which is lowered on "
                           "tensors; run convert-bitnn-to-linalg before "
                           "bufferization");
  FailureOr<KernelStatistics> statistics;
  if (schedule == Schedule::Table) {
    auto form = LookupForm::get(*layer, target);
    statistics = form ? buildLookupKernel(symbols, *layer, name, *form,
                                          target.vectorLanes)
                      : buildTableKernel(symbols, *layer, name, parallel);
  } else {
    FailureOr<StraightLineOptions> options = getOptions(op, *layer, target);
    if (failed(options))
      return failure();
    statistics = buildStraightLineKernels(symbols, *layer, name, *options);
  }
  if (succeeded(statistics) && countUnbounded)
    // The code blocks together are a graph, too.
    statistics->unboundedAddsPerPosition =
        std::min(countAddsOfOneGraph(*layer), statistics->addsPerPosition);
  return statistics;
}

/// What the target and the pass's options make of a layer.
FailureOr<StraightLineOptions>
LowerKernels::getOptions(Operation *op, const Layer &layer,
                         const TargetDescription &target) {
  StraightLineOptions options;
  auto conv = dyn_cast<Conv2DOp>(op);
  if (conv) {
    // An image of 8-bit pixels in wider lanes is for scalar code.
    options.laneBits = getLaneBits(conv);
    if (layer.getInputElementType().isInteger(options.laneBits))
      options.vectorLanes = getVectorLanes(conv, target);
  }
  bool vectors = options.vectorLanes > 1;
  auto choose = [](unsigned given, unsigned otherwise) {
    return given ? given : otherwise;
  };
  options.registers = choose(registers, vectors ? target.vectorRegisters
                                                : target.scalarRegisters);
  options.maxAdds = choose(maxAdds, target.maxAddsPerBlock);
  options.share = sharing;
  options.parallel = parallel;
  if (!vectors)
    options.reach = target.loadReach;
  if (op->hasAttr(kDotAttr)) {
    options.multiply = true;
    options.pairProduct = target.pairProduct;
    // Two vectors of sums per output; two of inputs, one of weights, and one
    // of products stay beside them.
    unsigned outputs = layer.numOutputs(), most = (options.registers - 3) / 2;
    options.accumulators =
        llvm::divideCeil(outputs, llvm::divideCeil(outputs, most));
    return options;
  }
  unsigned most =
      choose(accumulators, std::min(vectors ? target.vectorAccumulators
                                            : target.scalarAccumulators,
                                    std::max(options.registers, 3u) - 2));
  if (most > 64 || most + 2 > options.registers)
    return op->emitOpError("cannot have ")
           << most << " accumulators in " << options.registers
           << " registers; give bitnn-lower-kernels at most 64 accumulators, "
              "and 2 registers more";
  // Blocks of equal size leave each of them the most registers for sums.
  int64_t outputs = layer.numOutputs();
  int64_t blocks = llvm::divideCeil(outputs, most);
  if (vectors) {
    // A tile goes through all code of a block, which a second-level cache is to
    // hold until the next one.
    constexpr int64_t kMostBytes = 432 << 10;
    FailureOr<int64_t> digits = countLayerDigits(op);
    if (failed(digits))
      return failure();
    int64_t bytes = *digits * target.millibytesPerDigit / 1000;
    blocks = std::clamp<int64_t>(llvm::divideCeil(bytes, kMostBytes), blocks,
                                 outputs);
  }
  options.accumulators = llvm::divideCeil(outputs, blocks);
  return options;
}

/// Completes the layer's record in the module's `bitnn.layers`.
void LowerKernels::record(StringRef kernel, int64_t positions,
                          const KernelStatistics &statistics) {
  auto layers =
      getOperation()->getAttrOfType<ArrayAttr>(BitNNDialect::kLayersAttr);
  if (!layers)
    return;
  Builder builder(&getContext());
  SmallVector<Attribute> records(layers.getValue());
  for (Attribute &record : records) {
    NamedAttrList entries(cast<DictionaryAttr>(record));
    auto name = dyn_cast_or_null<StringAttr>(entries.get("kernel"));
    if (!name || name.getValue() != kernel)
      continue;
    auto set = [&](StringRef key, int64_t value) {
      entries.set(key, builder.getI64IntegerAttr(value));
    };
    set("adds", statistics.addsPerPosition * positions);
    set("unshared_adds", statistics.unsharedAddsPerPosition * positions);
    if (countUnbounded)
      set("unbounded_adds", statistics.unboundedAddsPerPosition * positions);
    set("code_blocks", statistics.codeBlocks);
    set("groups", statistics.groups);
    set("table_bytes", statistics.tableBytes);
    record = entries.getDictionary(&getContext());
  }
  getOperation()->setAttr(BitNNDialect::kLayersAttr,
                          builder.getArrayAttr(records));
}

void LowerKernels::runOnOperation() {
  FailureOr<TargetDescription> target = getModuleTarget(getOperation());
  if (failed(target))
    return signalPassFailure();
  SmallVector<Operation *> layers;
  getOperation()->walk([&](Operation *op) {
    if (isa<Conv2DOp, MatmulOp>(op))
      layers.push_back(op);
  });
  SymbolTable symbols(getOperation());
  for (auto [index, op] : llvm::enumerate(layers)) {
    auto given = op->getAttrOfType<StringAttr>(BitNNDialect::kKernelAttr);
    std::string name =
        given ? given.str() : ("l" + Twine(index) + "_layer").str();
    int64_t positions = countPositions(op);
    FailureOr<KernelStatistics> statistics = lower(op, name, symbols, *target);
    if (failed(statistics))
      return signalPassFailure();
    record(name, positions, *statistics);
  }
}
} // namespace
