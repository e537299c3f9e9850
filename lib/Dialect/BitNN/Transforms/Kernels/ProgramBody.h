// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear program as the body of an adder graph.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_PROGRAMBODY_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_PROGRAMBODY_H

#include "KernelBuilder.h"
#include "bitnn/Arithmetic/LinearProgram.h"

namespace bitnn {

/// A bitnn.adder_graph that runs `program` on `inputs`, values of one type;
/// returns its outputs. The operations keep the program's order.
llvm::SmallVector<mlir::Value> emitProgram(KernelBuilder &builder,
                                           const LinearProgram &program,
                                           mlir::ValueRange inputs);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_PROGRAMBODY_H
