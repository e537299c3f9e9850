// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network's functions in several modules, so that code generation needs the
// memory of a few of them at a time, and several threads can do it.

#ifndef BITNN_COMPILER_CODEPARTS_H
#define BITNN_COMPILER_CODEPARTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"

namespace bitnn {

/// Moves the functions and constants of a module on buffers (stage 3) into
/// modules of about `operations` operations each, in their order. What another
/// part refers to becomes public, and is declared there. How a module is cut
/// depends on nothing but the module.
llvm::SmallVector<mlir::OwningOpRef<mlir::ModuleOp>>
splitIntoParts(mlir::ModuleOp module, int64_t operations);

} // namespace bitnn

#endif // BITNN_COMPILER_CODEPARTS_H
