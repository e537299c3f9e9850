// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From kernels to one object, part by part.

#ifndef BITNN_COMPILER_CODEGENERATION_H
#define BITNN_COMPILER_CODEGENERATION_H

#include "bitnn/Compiler/ObjectEmitter.h"
#include "bitnn/Compiler/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace bitnn {

/// Operations of a part, if nothing else is asked for: some dozens of code
/// blocks. While it is generated a part takes about 2 KB per operation.
inline constexpr int64_t kPartSize = 50000;

/// Makes an object of a module on buffers (stage 3), which it takes apart. The
/// threads of the module's context work on parts of it, each of which is
/// lowered, translated, generated and freed before the next; the object does
/// not depend on how many there are. A part has about `partSize` operations.
/// `entry` is the function that callers know.
/// An error may say less than the context's diagnostics.
llvm::Expected<llvm::SmallString<0>>
generateObject(mlir::OwningOpRef<mlir::ModuleOp> module,
               const PipelineOptions &pipeline, llvm::StringRef entry,
               int64_t partSize);

} // namespace bitnn

#endif // BITNN_COMPILER_CODEGENERATION_H
