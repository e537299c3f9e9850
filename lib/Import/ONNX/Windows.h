// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The geometry that convolutions and pools share.

#ifndef BITNN_LIB_IMPORT_ONNX_WINDOWS_H
#define BITNN_LIB_IMPORT_ONNX_WINDOWS_H

#include "NodeContext.h"

namespace bitnn::importer {

/// Windows over the last two of four dimensions.
struct Windows {
  Shape kernel, strides, dilations, before, after;
  /// The extents of an image with one element per window.
  Shape outputs;

  /// Reads a node's attributes; `image` has the shape N x C x H x W.
  static mlir::FailureOr<Windows> get(const NodeContext &node,
                                      llvm::ArrayRef<int64_t> kernel,
                                      llvm::ArrayRef<int64_t> image);

  int64_t getKernelSize() const { return kernel[0] * kernel[1]; }
  bool hasPads() const;
  /// Strides or dilations as linalg's attribute.
  static mlir::DenseIntElementsAttr getAttribute(mlir::OpBuilder &builder,
                                                 llvm::ArrayRef<int64_t> steps);
};

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_WINDOWS_H
