// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract before code generation: nothing multiplies, divides or computes
// in floating point.

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/MultiplyAccumulate.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/DialectConversion.h"

namespace bitnn {
#define GEN_PASS_DEF_VERIFYMULTIPLIERFREEPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static bool isFloat(Type type) {
  return isa<FloatType>(getElementTypeOrSelf(type));
}

/// Addresses may be scaled: code generation strength-reduces them, and the
/// check of the object sees the rest.
static bool isOnIndex(Operation *op) {
  return llvm::all_of(op->getResultTypes(), [](Type type) {
    return getElementTypeOrSelf(type).isIndex();
  });
}

static ConversionTarget getContract(MLIRContext &context, bool requantize) {
  ConversionTarget target(context);
  target.addDynamicallyLegalOp<
      arith::MulIOp, arith::MulSIExtendedOp, arith::MulUIExtendedOp,
      arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
      arith::FloorDivSIOp, arith::RemSIOp, arith::RemUIOp>(isOnIndex);
  if (requantize)
    target.addLegalOp<arith::MulIOp, arith::MulSIExtendedOp,
                      arith::MulUIExtendedOp>();
  target.addIllegalOp<vector::ContractionOp, vector::OuterProductOp,
                      vector::FMAOp>();
  target.addDynamicallyLegalOp<vector::ReductionOp, vector::MultiDimReductionOp,
                               vector::ScanOp>([](Operation *op) {
    auto kind = op->getAttrOfType<vector::CombiningKindAttr>("kind");
    return !kind || kind.getValue() != vector::CombiningKind::MUL;
  });
  target.addIllegalDialect("math");
  target.addIllegalDialect<linalg::LinalgDialect, BitNNDialect>();
  target.addIllegalOp<LLVM::MulOp, LLVM::SMulWithOverflowOp,
                      LLVM::UMulWithOverflowOp, LLVM::vector_reduce_mul,
                      LLVM::SDivOp, LLVM::UDivOp, LLVM::SRemOp, LLVM::URemOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return target;
}

static constexpr llvm::StringLiteral kMultiplies =
    "multiplies or divides; write it as shifts and additions, or allow it with "
    "--multiply=layers";

/// What is wrong with `op`; empty if nothing.
static StringRef getFault(const ConversionTarget &contract, Operation *op) {
  if (llvm::any_of(op->getOperandTypes(), isFloat) ||
      llvm::any_of(op->getResultTypes(), isFloat))
    return "computes in floating point; cut the graph at its quantized "
           "tensors (--outputs)";
  if (!contract.isIllegal(op) && contract.isLegal(op))
    return {};
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (linalgOp && isMultiplyAccumulate(linalgOp))
    return kMultiplies;
  if (isa<linalg::LinalgDialect, BitNNDialect>(op->getDialect()))
    return "is left over; lower it first (bitnn-lower-kernels, "
           "bitnn-linalg-to-loops, convert-bitnn-to-arith)";
  return kMultiplies;
}

namespace {
struct VerifyMultiplierFree
    : public bitnn::impl::VerifyMultiplierFreePassBase<VerifyMultiplierFree> {
  using VerifyMultiplierFreePassBase::VerifyMultiplierFreePassBase;

  void runOnOperation() override {
    ConversionTarget contract = getContract(getContext(), requantize);
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      StringRef fault = getFault(contract, op);
      if (fault.empty())
        return WalkResult::advance();
      op->emitOpError() << fault;
      signalPassFailure();
      // The body of an operation has its faults.
      return WalkResult::skip();
    });
  }
};
} // namespace
