// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables of 256 bytes for all lanes of a vector at once.

#ifndef BITNN_LIB_CONVERSION_BITNNTOARITH_LANETABLES_H
#define BITNN_LIB_CONVERSION_BITNNTOARITH_LANETABLES_H

#include "LaneBuilder.h"
#include "bitnn/TargetInfo/ByteTables.h"

namespace bitnn {

/// Vector operations of a lookup in `lanes` bytes, about; nothing if lanes are
/// better looked up one by one.
std::optional<unsigned> countLookupOperations(ByteTables tables, int64_t lanes);

/// values[input & 255] in every lane of a vector of bytes, for which
/// countLookupOperations() has a number.
mlir::Value lookupLanes(LaneBuilder &builder, ByteTables tables,
                        llvm::ArrayRef<int64_t> values, mlir::Value input);

} // namespace bitnn

#endif // BITNN_LIB_CONVERSION_BITNNTOARITH_LANETABLES_H
