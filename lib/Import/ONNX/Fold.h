// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Subgraphs that compute constants: the shape arithmetic of exporters.

#ifndef BITNN_LIB_IMPORT_ONNX_FOLD_H
#define BITNN_LIB_IMPORT_ONNX_FOLD_H

#include "NodeContext.h"

namespace bitnn::importer {

/// The constant that a node computes, or nothing if it computes none, or is no
/// operator of shape arithmetic.
std::optional<Result> foldConstants(NodeContext &node);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_FOLD_H
