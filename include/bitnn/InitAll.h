// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of everything that the tools offer.

#ifndef BITNN_INITALL_H
#define BITNN_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bitnn {

/// Registers the bitnn dialect and the interfaces of its operations that
/// live outside of it.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers every pass and pipeline of bitnn.
void registerAllPasses();

} // namespace bitnn

#endif // BITNN_INITALL_H
