// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace bitnn {
#define GEN_PASS_DEF_PINADDRESSESPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// Fewer accesses than this do not pay for a register.
static constexpr size_t kFewestAccesses = 4;

static bool isConstant(LLVM::GEPOp address) {
  return llvm::all_of(address.getDynamicIndices(), [](Value index) {
    return matchPattern(index, m_Constant());
  });
}

/// Whether every user of `address` accesses memory at a constant distance.
static bool hasConstantDistances(LLVM::GEPOp address) {
  return llvm::all_of(address->getUsers(), [](Operation *user) {
    auto next = dyn_cast<LLVM::GEPOp>(user);
    return isa<LLVM::LoadOp, LLVM::StoreOp>(user) || (next && isConstant(next));
  });
}

/// gep(base, i) -> p = gep(base, i), behind an empty assembly statement that
/// may have changed p as far as code generation knows.
static void pin(LLVM::GEPOp address) {
  ImplicitLocOpBuilder builder(address.getLoc(), address.getContext());
  builder.setInsertionPointAfter(address);
  auto pinned = LLVM::InlineAsmOp::create(
      builder, address.getType(), ValueRange{address.getRes()},
      /*asm_string=*/"", /*constraints=*/"=r,0", /*has_side_effects=*/false,
      /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr(), /*operand_attrs=*/ArrayAttr());
  address.getRes().replaceAllUsesExcept(pinned.getResult(0), pinned);
}

namespace {
struct PinAddresses : public bitnn::impl::PinAddressesPassBase<PinAddresses> {
  void runOnOperation() override {
    SmallVector<LLVM::GEPOp> addresses;
    getOperation()->walk([&](LLVM::GEPOp address) {
      size_t users = llvm::range_size(address->getUsers());
      if (!isConstant(address) && users >= kFewestAccesses &&
          hasConstantDistances(address))
        addresses.push_back(address);
    });
    llvm::for_each(addresses, pin);
  }
};
} // namespace
