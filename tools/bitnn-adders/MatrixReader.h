// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_ADDERS_MATRIXREADER_H
#define BITNN_TOOLS_BITNN_ADDERS_MATRIXREADER_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "llvm/Support/Error.h"

namespace bitnn {

/// Reads `[[7, -1], [0, 3]]`: JSON, one row of integers per output. Integers
/// have at most 24 bits; rows are equally long, and neither they nor the matrix
/// are empty. An error names the row and the column.
llvm::Expected<ConstantMatrix> readMatrix(llvm::StringRef text);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_ADDERS_MATRIXREADER_H
