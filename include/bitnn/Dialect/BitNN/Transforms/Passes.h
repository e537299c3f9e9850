// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on the bitnn dialect; Passes.td describes each.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace bitnn {

#define GEN_PASS_DECL
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_PASSES_H
