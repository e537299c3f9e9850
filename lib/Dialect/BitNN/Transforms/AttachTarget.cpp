// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"

namespace bitnn {
#define GEN_PASS_DEF_ATTACHTARGETPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {
struct AttachTarget : public bitnn::impl::AttachTargetPassBase<AttachTarget> {
  using AttachTargetPassBase::AttachTargetPassBase;

  void runOnOperation() override {
    getOperation()->setAttr(
        BitNNDialect::kTargetAttr,
        TargetAttr::get(&getContext(), triple, cpu, features));
  }
};
} // namespace
