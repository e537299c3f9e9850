// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNN_UTILS_DOTPRODUCTS_H
#define BITNN_DIALECT_BITNN_UTILS_DOTPRODUCTS_H

#include "llvm/ADT/StringRef.h"

namespace bitnn {

/// Marks a layer that multiplies on vectors of pixels: it stays a bitnn
/// operation until kernels are made, while others that multiply go upstream's
/// way.
inline constexpr llvm::StringLiteral kDotAttr = "dot_products";

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_DOTPRODUCTS_H
