// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way of the data as pass pipelines, used by bitnn-opt and bitnn-compile
// alike.

#ifndef BITNN_COMPILER_PIPELINES_H
#define BITNN_COMPILER_PIPELINES_H

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace bitnn {

/// Where the target's multiplier may be used.
enum class MultiplyUse { Never, Requantize, Layers };

struct PipelineOptions {
  TargetNames target;
  /// The entry function's new name; the network's own if empty.
  std::string name;
  /// auto, straight-line, table or multiply.
  std::string schedule = "auto";
  DigitEncoding encoding = DigitEncoding::Csd;
  MultiplyUse multiply = MultiplyUse::Never;
  /// Whether straight-line code computes common sums once.
  bool sharing = true;
  /// Whether to count, too, the adds of layers that are one adder graph each.
  bool countUnbounded = false;
  /// Kernels that must be tables, with schedule=auto.
  llvm::SmallVector<std::string> tables;
  /// Whether the caller's threads may share the work of a layer.
  bool parallel = false;
  /// Bytes of all code; 0 is the target's default.
  int64_t maxCodeSize = 0;

  /// Whether whole layers may multiply.
  bool layersMayMultiply() const {
    return multiply == MultiplyUse::Layers || schedule == "multiply";
  }
  /// Whether some layer or requantize may multiply.
  bool mayMultiply() const {
    return multiply != MultiplyUse::Never || layersMayMultiply();
  }
};

/// From quantized linalg on tensors (stage 1) to kernels on buffers: scf,
/// arith, memref and vector, with the entry function in its C signature.
void buildKernelsPipeline(mlir::OpPassManager &manager,
                          const PipelineOptions &options);

/// From kernels to the LLVM dialect.
void buildLLVMPipeline(mlir::OpPassManager &manager,
                       const PipelineOptions &options);

/// Registers both as `bitnn-to-kernels` and `bitnn-to-llvm`.
void registerPipelines();

} // namespace bitnn

#endif // BITNN_COMPILER_PIPELINES_H
