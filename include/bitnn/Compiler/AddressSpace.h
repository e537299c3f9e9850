// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_COMPILER_ADDRESSSPACE_H
#define BITNN_COMPILER_ADDRESSSPACE_H

#include "bitnn/Compiler/EntryPoint.h"
#include "bitnn/TargetInfo/TargetInfo.h"

namespace bitnn {

/// Checks that a target's addresses reach all that a network on buffers (stage
/// 3) needs at once: its constants, its scratch memory and its edges. An error
/// says how many bytes of what there are.
llvm::Error checkAddressSpace(mlir::ModuleOp module, const EntryPoint &entry,
                              const TargetNames &target);

/// The same of the finished object, whose file has addresses of its own.
llvm::Error checkObjectSize(uint64_t bytes, const TargetNames &target);

} // namespace bitnn

#endif // BITNN_COMPILER_ADDRESSSPACE_H
