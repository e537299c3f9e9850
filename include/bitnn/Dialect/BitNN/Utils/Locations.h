// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What users call an operation.

#ifndef BITNN_DIALECT_BITNN_UTILS_LOCATIONS_H
#define BITNN_DIALECT_BITNN_UTILS_LOCATIONS_H

#include "mlir/IR/Location.h"
#include <string>

namespace bitnn {

/// The node of the ONNX graph; empty if the location names none.
std::string getNodeName(mlir::Location loc);

/// The node's name, or else the place in the file: "line 7".
std::string getNodeNameOrLine(mlir::Location loc);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_UTILS_LOCATIONS_H
