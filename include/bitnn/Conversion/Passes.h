// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between dialects; Passes.td describes each.

#ifndef BITNN_CONVERSION_PASSES_H
#define BITNN_CONVERSION_PASSES_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bitnn {

#define GEN_PASS_DECL
#include "bitnn/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bitnn/Conversion/Passes.h.inc"

} // namespace bitnn

#endif // BITNN_CONVERSION_PASSES_H
