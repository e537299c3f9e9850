// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract of stage [1]: integer tensors of static shape, and operations
// on them that later stages know.

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/Support/FormatVariadic.h"

namespace bitnn {
#define GEN_PASS_DEF_VERIFYQUANTIZEDPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static ConversionTarget getContract(MLIRContext &context) {
  ConversionTarget target(context);
  target.addLegalDialect<arith::ArithDialect, BitNNDialect, func::FuncDialect,
                         linalg::LinalgDialect, tensor::TensorDialect>();
  target.addLegalOp<ModuleOp>();
  return target;
}

/// What is wrong with a type in a quantized network; empty if nothing.
static std::string getFault(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (isa<FloatType>(element))
    return llvm::formatv("computes with {0}; quantize it, or cut the graph "
                         "before it (--outputs)",
                         type);
  if (!element.isSignlessInteger() && !element.isIndex())
    return llvm::formatv("has the type {0}; use signless integers", type);
  if (auto shaped = dyn_cast<ShapedType>(type)) {
    if (!isa<RankedTensorType>(shaped))
      return llvm::formatv("has the type {0}; use ranked tensors", type);
    if (!shaped.hasStaticShape())
      return llvm::formatv("has the type {0}; give every dimension a size "
                           "(--batch for the first)",
                           type);
  }
  return "";
}

static std::string getFault(const ConversionTarget &contract, Operation *op) {
  if (!contract.isLegal(op))
    return "is not part of a quantized network; convert it to linalg on "
           "integer tensors first";
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (std::string fault = getFault(type); !fault.empty())
        return fault;
  return "";
}

namespace {
struct VerifyQuantized
    : public bitnn::impl::VerifyQuantizedPassBase<VerifyQuantized> {
  void runOnOperation() override {
    ConversionTarget contract = getContract(getContext());
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      std::string fault = getFault(contract, op);
      auto function = dyn_cast<func::FuncOp>(op);
      if (function)
        for (Type type : function.getArgumentTypes())
          if (fault.empty())
            fault = getFault(type);
      if (fault.empty())
        return WalkResult::advance();
      op->emitOpError() << fault;
      signalPassFailure();
      // The body of an operation has its faults.
      return function ? WalkResult::advance() : WalkResult::skip();
    });
  }
};
} // namespace
