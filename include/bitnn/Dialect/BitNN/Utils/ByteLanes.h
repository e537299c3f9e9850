// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_DIALECT_BITNN_UTILS_BYTELANES_H
#define BITNN_DIALECT_BITNN_UTILS_BYTELANES_H

#include "llvm/ADT/StringRef.h"

namespace bitnn {

/// Marks a convolution whose straight-line kernel adds pixels up in vectors of
/// 8-bit lanes: its image keeps 8-bit pixels.
inline constexpr llvm::StringLiteral kByteLanesAttr = "byte_lanes";

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_BYTELANES_H
