// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bitnn {

/// How conv_2d and matmul become operations on buffers.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
