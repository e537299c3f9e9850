// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a caller has to know of a compiled network: its function, the arrays
// that it takes and gives, the scratch memory that it needs. The header and the
// report both say it.

#ifndef BITNN_COMPILER_ENTRYPOINT_H
#define BITNN_COMPILER_ENTRYPOINT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>
#include <vector>

namespace bitnn {

/// An input or output array of the network.
struct Edge {
  /// The name in the ONNX graph.
  std::string name;
  /// The integer tensor at which the graph was cut.
  std::string tensor;
  bool isUnsigned = false;
  unsigned bits = 8;
  llvm::SmallVector<int64_t> shape;
  /// Real value = scale * (integer - zeroPoint), where the array is quantized.
  std::optional<float> scale;
  int64_t zeroPoint = 0;
  /// Instead: one scale per entry of dimension `axis`, and no zero point.
  std::vector<float> scales;
  int64_t axis = 0;
  /// The graph's own edge is float32.
  bool isFloat = false;
  /// Operators left to the caller, in order.
  std::vector<std::string> caller;

  /// int8, uint8 or int32.
  std::string getElementName() const;
  int64_t getNumElements() const;
};

/// The network's function in C.
struct EntryPoint {
  /// A C identifier: the function is NAME_run, macros begin with NAME_.
  std::string name;
  std::vector<Edge> inputs, outputs;
  int64_t scratchBytes = 0;
  int64_t scratchAlignment = 1;
  /// Whether it takes the caller's threads as its last argument.
  bool parallel = false;

  std::string getFunctionName() const { return name + "_run"; }
};

/// The file's name as an identifier of C: "8x8 digits.onnx" is
/// model_8x8_digits.
std::string makeModelName(llvm::StringRef fileName);

/// Reads the edges of a network on tensors (stage 1): of its one public
/// function. Emits an error if there is not exactly one, or if an edge is no
/// integer tensor of static shape.
mlir::FailureOr<EntryPoint> readEntryPoint(mlir::ModuleOp module,
                                           llvm::StringRef name);

/// Reads size and alignment of the scratch argument of the network on buffers
/// (stage 3), which follows the inputs and outputs.
mlir::LogicalResult readScratch(mlir::ModuleOp module, EntryPoint &entry);

} // namespace bitnn

#endif // BITNN_COMPILER_ENTRYPOINT_H
