// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function being built from a graph.

#ifndef BITNN_LIB_IMPORT_ONNX_IMPORTER_H
#define BITNN_LIB_IMPORT_ONNX_IMPORTER_H

#include "NodeContext.h"
#include "bitnn/Import/ONNX/ImportOnnx.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace bitnn::importer {

/// An array of the entry function: where the graph is cut.
struct Cut {
  explicit Cut(mlir::Location loc) : loc(loc) {}

  /// The names of the edge and of the tensor at which the graph is cut.
  std::string name, tensor;
  bool isUnsigned = false, isFloat = false;
  std::optional<Quantization> quantization;
  /// Of sums with several scales: one per entry of dimension `axis`.
  std::vector<float> scales;
  unsigned axis = 0;
  /// The operators between them.
  std::vector<const Node *> caller;
  /// Of an argument: the graph input that it is computed from, and the tensor
  /// that is quantized.
  unsigned input = 0;
  std::string source;
  mlir::Value value;
  mlir::Location loc;
};

class Importer {
public:
  Importer(const Graph &graph, mlir::Location file,
           const OnnxImportOptions &options);

  /// Builds the function `name` in `module`.
  mlir::LogicalResult run(mlir::ModuleOp module, llvm::StringRef name);

  /// The tensor that `node` makes of `operands`, left to the caller.
  Outside leaveOutside(const Node &node, llvm::ArrayRef<Operand> operands,
                       const llvm::Twine &reason) const;
  /// The argument for a float tensor that `node` quantizes; without a
  /// quantization that is left to the caller, too.
  Result cutInput(NodeContext &node, const Outside &real, bool isUnsigned,
                  std::optional<Quantization> quantization);
  /// Notes what integers stand for, in case they are an argument.
  void describeArgument(const Integers &integers, Quantization quantization);

  const Graph &graph;
  mlir::Location file;
  mlir::OpBuilder builder;
  /// Nodes without integer form that were named in an error.
  llvm::SmallPtrSet<const Node *, 4> culprits;

private:
  // Import.cpp
  mlir::LogicalResult importNodes(llvm::ArrayRef<std::string> outputs);
  mlir::LogicalResult importNode(const Node &node);
  bool isRead(llvm::StringRef tensor) const;
  bool readsRefused(const Node &node);
  mlir::FailureOr<Operand> getOperand(const Node &node, llvm::StringRef name);
  mlir::FailureOr<llvm::SmallVector<const Node *>>
  getAncestors(llvm::ArrayRef<std::string> outputs) const;

  // Inputs.cpp
  Integers addArgument(Cut cut, llvm::ArrayRef<int64_t> shape);
  Operand readInput(const Operand &value);
  void sortArguments();

  // Outputs.cpp
  mlir::FailureOr<std::vector<std::string>> getOutputNames() const;
  mlir::FailureOr<Cut> cutOutput(llvm::StringRef name);
  mlir::LogicalResult cutOutputs(llvm::ArrayRef<std::string> names);
  void setEdgeAttributes(llvm::ArrayRef<Cut> results);

  const OnnxImportOptions &options;
  mlir::func::FuncOp function;
  std::vector<Cut> arguments;
  /// The arguments as the function reads them, re-centred.
  std::vector<Integers> argumentIntegers;
  llvm::StringMap<Operand> values;
  llvm::StringMap<const Node *> producers;
  /// The results of nodes that have been refused.
  llvm::StringSet<> refused;
};

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_IMPORTER_H
