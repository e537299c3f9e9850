// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/Pipelines.h"
#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace bitnn;

/// Which layers there are, their epilogues and ranges, how each becomes code.
static void addTensorPasses(OpPassManager &manager,
                            const PipelineOptions &options) {
  manager.addPass(createVerifyQuantizedPass());
  manager.addPass(createConvertLinalgToBitNNPass({options.encoding}));
  manager.addPass(createConvertElementwiseToLinalgPass());
  manager.addPass(createCSEPass());
  manager.addPass(createFuseEpiloguePass());
  manager.addNestedPass<func::FuncOp>(createInferRangesPass());
  manager.addPass(createAttachTargetPass(
      {options.target.triple, options.target.cpu, options.target.features}));
  SelectSchedulePassOptions schedules;
  schedules.schedule = options.schedule;
  schedules.maxCodeSize = options.maxCodeSize;
  schedules.multiply = options.multiply == MultiplyUse::Layers;
  schedules.tables = options.tables;
  manager.addPass(createSelectSchedulePass(schedules));
  manager.addPass(createConvertBitNNToLinalgPass());
  manager.addNestedPass<func::FuncOp>(createSelectLanesPass());
  manager.addNestedPass<func::FuncOp>(createSplitPhasesPass());
  manager.addNestedPass<func::FuncOp>(createLayoutPass());
}

static void addBufferization(OpPassManager &manager,
                             const PipelineOptions &options) {
  manager.addPass(createFormEntryPass({options.name}));
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  manager.addNestedPass<func::FuncOp>(createReuseOperandsPass());
  manager.addPass(bufferization::createOneShotBufferizePass());
  // Views of one place become one value, and copies to themselves vanish.
  manager.addPass(createCSEPass());
  manager.addPass(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(createFillBordersPass());
}

static void addKernelPasses(OpPassManager &manager,
                            const PipelineOptions &options) {
  LowerKernelsPassOptions kernels;
  kernels.sharing = options.sharing;
  kernels.countUnbounded = options.countUnbounded;
  kernels.parallel = options.parallel;
  manager.addPass(createLowerKernelsPass(kernels));
  manager.addNestedPass<func::FuncOp>(createLinalgToLoopsPass());
  // What multiplies goes upstream's way, or stays for the contract to refuse.
  if (options.layersMayMultiply())
    manager.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  manager.addPass(
      createConvertBitNNToArithPass({options.multiply != MultiplyUse::Never}));
  manager.addPass(createPlanArenaPass());
  manager.addPass(createCSEPass());
  // The weights, once nothing reads them.
  manager.addPass(createSymbolDCEPass());
  // The last pass that chooses an order of instructions.
  manager.addNestedPass<func::FuncOp>(createLowerAdderGraphsPass());
}

void bitnn::buildKernelsPipeline(OpPassManager &manager,
                                 const PipelineOptions &options) {
  addTensorPasses(manager, options);
  addBufferization(manager, options);
  addKernelPasses(manager, options);
  if (!options.layersMayMultiply())
    manager.addPass(createVerifyMultiplierFreePass(
        {options.multiply != MultiplyUse::Never}));
}

void bitnn::buildLLVMPipeline(OpPassManager &manager,
                              const PipelineOptions &options) {
  TargetDescription target = describeTarget(
      options.target.triple, options.target.cpu, options.target.features);
  unsigned bits = target.indexBits;
  if (options.parallel)
    manager.addPass(createOutlineParallelPass({options.name, bits}));
  manager.addPass(createConvertKernelsToLLVMPass({bits}));
  // Those that give outlined code its buffers.
  if (options.parallel)
    manager.addPass(createReconcileUnrealizedCastsPass());
  if (target.foldsAddresses) {
    // Every access has its own sum of base and index until here.
    manager.addPass(createCSEPass());
    manager.addPass(createPinAddressesPass());
  }
  manager.addPass(createSymbolDCEPass());
}

//===----------------------------------------------------------------------===//
// Pipelines by name
//===----------------------------------------------------------------------===//

namespace {
/// PipelineOptions as text.
struct PipelineFlags : public PassPipelineOptions<PipelineFlags> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("name of a known target"),
                             llvm::cl::init("x86-64")};
  Option<std::string> name{*this, "name",
                           llvm::cl::desc("the entry function's new name")};
  Option<std::string> schedule{
      *this, "schedule",
      llvm::cl::desc("auto, straight-line, table or multiply"),
      llvm::cl::init("auto")};
  Option<DigitEncoding> encoding{
      *this, "encoding", llvm::cl::desc("how weights become digits"),
      llvm::cl::init(DigitEncoding::Csd),
      llvm::cl::values(
          clEnumValN(DigitEncoding::Csd, "csd", "canonical signed digits"),
          clEnumValN(DigitEncoding::Binary, "binary", "sign and magnitude"))};
  Option<MultiplyUse> multiply{
      *this, "multiply", llvm::cl::desc("where code may multiply"),
      llvm::cl::init(MultiplyUse::Never),
      llvm::cl::values(
          clEnumValN(MultiplyUse::Never, "never", "nowhere"),
          clEnumValN(MultiplyUse::Requantize, "requantize", "in requantize"),
          clEnumValN(MultiplyUse::Layers, "layers", "in whole layers"))};
  Option<bool> sharing{*this, "sharing",
                       llvm::cl::desc("compute common sums once"),
                       llvm::cl::init(true)};
  Option<bool> countUnbounded{
      *this, "count-unbounded",
      llvm::cl::desc("count the adds of layers as one adder graph, too"),
      llvm::cl::init(false)};
  Option<bool> parallel{*this, "parallel",
                        llvm::cl::desc("threads may share a layer"),
                        llvm::cl::init(false)};
  Option<int64_t> maxCodeSize{*this, "max-code-size",
                              llvm::cl::desc("bytes of all code"),
                              llvm::cl::init(0)};
};
} // namespace

void bitnn::registerPipelines() {
  auto withOptions = [](void (*build)(OpPassManager &,
                                      const PipelineOptions &)) {
    return [build](OpPassManager &manager, const PipelineFlags &flags) {
      PipelineOptions options;
      llvm::Expected<TargetNames> target = lookupTarget(flags.target);
      if (!target)
        llvm::report_fatal_error(target.takeError(), /*gen_crash_diag=*/false);
      options.target = *target;
      options.name = flags.name;
      options.schedule = flags.schedule;
      options.encoding = flags.encoding;
      options.multiply = flags.multiply;
      options.sharing = flags.sharing;
      options.countUnbounded = flags.countUnbounded;
      options.parallel = flags.parallel;
      options.maxCodeSize = flags.maxCodeSize;
      build(manager, options);
    };
  };
  static PassPipelineRegistration<PipelineFlags> kernels(
      "bitnn-to-kernels", "quantized linalg to kernels on buffers",
      withOptions(buildKernelsPipeline));
  static PassPipelineRegistration<PipelineFlags> llvmDialect(
      "bitnn-to-llvm", "kernels to the LLVM dialect",
      withOptions(buildLLVMPipeline));
}
