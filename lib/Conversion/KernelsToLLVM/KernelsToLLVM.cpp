// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Conversion/Passes.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace bitnn {
#define GEN_PASS_DEF_CONVERTKERNELSTOLLVMPASS
#include "bitnn/Conversion/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// Whether one pattern makes LLVM's operations of it. Others are first taken
/// apart into simpler ones, by passes that visit all operations of a function
/// many times.
static bool isSimple(Operation *op) {
  auto hasManyDimensions = [](Type type) {
    auto vector = dyn_cast<VectorType>(type);
    return vector && vector.getRank() != 1;
  };
  if (llvm::any_of(op->getResultTypes(), hasManyDimensions))
    return false;
  if (isa<affine::AffineDialect>(op->getDialect()))
    return false;
  if (isa<vector::VectorDialect>(op->getDialect()))
    return isa<vector::LoadOp, vector::StoreOp, vector::ShuffleOp,
               vector::BroadcastOp>(op);
  if (isa<memref::MemRefDialect>(op->getDialect()))
    return isa<memref::LoadOp, memref::StoreOp, memref::ReinterpretCastOp,
               memref::ViewOp, memref::GetGlobalOp, memref::CastOp>(op);
  return true;
}

namespace {
struct ConvertKernelsToLLVM
    : public bitnn::impl::ConvertKernelsToLLVMPassBase<ConvertKernelsToLLVM> {
  using ConvertKernelsToLLVMPassBase::ConvertKernelsToLLVMPassBase;

  void runOnOperation() override;
  LogicalResult simplify(func::FuncOp function);
  LogicalResult convert();
};

LogicalResult ConvertKernelsToLLVM::simplify(func::FuncOp function) {
  WalkResult walked = function.walk([](Operation *op) {
    return isSimple(op) ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (!walked.wasInterrupted())
    return success();
  OpPassManager passes(func::FuncOp::getOperationName());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  RewritePatternSet patterns(&getContext());
  vector::populateVectorBitCastLoweringPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorContractLoweringPatterns(
      patterns, vector::VectorContractLowering::Dot);
  vector::populateVectorInsertExtractStridedSliceTransforms(patterns);
  vector::populateVectorInterleaveLoweringPatterns(patterns);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorTransferLoweringPatterns(patterns);
  vector::populateVectorTransposeLoweringPatterns(
      patterns, vector::VectorTransposeLowering::EltWise);
  return success(
      succeeded(runPipeline(passes, function)) &&
      succeeded(applyPatternsGreedily(function, std::move(patterns))));
}

LogicalResult ConvertKernelsToLLVM::convert() {
  LowerToLLVMOptions options(&getContext());
  options.useBarePtrCallConv = true;
  options.overrideIndexBitwidth(indexBitwidth);
  LLVMTypeConverter types(&getContext(), options);
  SymbolTableCollection symbols;
  RewritePatternSet patterns(&getContext());
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns, &symbols);
  populateFuncToLLVMConversionPatterns(types, patterns, &symbols);
  LLVMConversionTarget target(getContext());
  target.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();
  return applyFullConversion(getOperation(), target, std::move(patterns));
}

void ConvertKernelsToLLVM::runOnOperation() {
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (failed(simplify(function)))
      return signalPassFailure();
  OpPassManager loops(ModuleOp::getOperationName());
  loops.addPass(createSCFToControlFlowPass());
  if (failed(runPipeline(loops, getOperation())) || failed(convert()))
    return signalPassFailure();
}
} // namespace
