// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on the bitnn dialect; Passes.td describes each.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bitnn {

#define GEN_PASS_DECL
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H
