// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes of the entry function's arguments and results, besides those that
// the dialect's documentation lists: of sums whose channels have scales of
// their own, instead of `bitnn.scale`.

#ifndef BITNN_DIALECT_BITNN_IR_EDGEATTRIBUTES_H
#define BITNN_DIALECT_BITNN_IR_EDGEATTRIBUTES_H

#include "llvm/ADT/StringRef.h"

namespace bitnn {

/// An array of f32: one scale per entry of a dimension.
inline constexpr llvm::StringLiteral kEdgeScalesAttr = "bitnn.scales";
/// An i32: the dimension.
inline constexpr llvm::StringLiteral kEdgeAxisAttr = "bitnn.axis";

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_IR_EDGEATTRIBUTES_H
