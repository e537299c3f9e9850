// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a quantized ONNX model to linalg on integer tensors, stage [1].

#ifndef BITNN_IMPORT_ONNX_IMPORTONNX_H
#define BITNN_IMPORT_ONNX_IMPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>
#include <vector>

namespace bitnn {

struct OnnxImportOptions {
  /// The function's name; empty: the stem of the file's name, as a C
  /// identifier.
  std::string name;
  /// The tensors at which the graph ends; empty: the graph's outputs.
  std::vector<std::string> outputs;
  /// What a first dimension that the model leaves open becomes.
  int64_t batch = 1;
};

/// Imports a model, in the `QDQ` or the `QLinear` form of quantization, as one
/// function on integer tensors. A model that is malformed or has no integer
/// form gives one error diagnostic, at the node where there is one, and null.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef bytes,
                                             llvm::StringRef fileName,
                                             const OnnxImportOptions &options,
                                             mlir::MLIRContext *context);

} // namespace bitnn

#endif // BITNN_IMPORT_ONNX_IMPORTONNX_H
