// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Networks that need more scratch memory than there is.

#ifndef BITNN_COMPILER_SCRATCHBUDGET_H
#define BITNN_COMPILER_SCRATCHBUDGET_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace bitnn {

/// The kernel that had best become a table for the network to need less scratch
/// memory: one of a layer that works when most is alive, or else of one whose
/// buffer is alive then. Tables need 8-bit images, without halos for vectors,
/// and one accumulator. Empty if all of these are tables already. Reads
/// `bitnn.arena` and `bitnn.layers`.
std::string findLayerForLessScratch(mlir::ModuleOp module);

} // namespace bitnn

#endif // BITNN_COMPILER_SCRATCHBUDGET_H
