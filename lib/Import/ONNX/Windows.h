// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The geometry that convolutions and pools share.

#ifndef BITNN_LIB_IMPORT_ONNX_WINDOWS_H
#define BITNN_LIB_IMPORT_ONNX_WINDOWS_H

#include "NodeContext.h"

namespace bitnn::importer {

/// Windows over the last two of four dimensions. Those over one dimension are
/// lifted: they have a height of 1.
struct Windows {
  Shape kernel, strides, dilations, before, after;
  /// The padding that the model asks for; with ceil_mode, the last windows may
  /// reach beyond it.
  Shape declaredAfter;
  /// The extents of an image with one element per window.
  Shape outputs;
  /// The number of dimensions that the model has.
  unsigned rank;

  /// Reads a node's attributes; `image` has the shape N x C x W or
  /// N x C x H x W, and `kernel` that of a window.
  static mlir::FailureOr<Windows> get(const NodeContext &node,
                                      llvm::ArrayRef<int64_t> kernel,
                                      llvm::ArrayRef<int64_t> image);

  /// N x C x outputs, as the model has it.
  Shape getResultShape(int64_t images, int64_t channels) const;
  int64_t getKernelSize() const { return kernel[0] * kernel[1]; }
  bool hasPads() const;
  /// Strides or dilations as linalg's attribute.
  static mlir::DenseIntElementsAttr getAttribute(mlir::OpBuilder &builder,
                                                 llvm::ArrayRef<int64_t> steps);
};

/// N x C x W as N x C x 1 x W; four dimensions stay.
Shape lift(llvm::ArrayRef<int64_t> shape);

/// An attribute with `count` entries, each in [lowest, 2^31).
mlir::FailureOr<Shape> getSteps(const NodeContext &node, llvm::StringRef name,
                                unsigned count, int64_t lowest);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_WINDOWS_H
