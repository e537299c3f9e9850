// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler as a library: a model in, files out. bitnn-compile is this
// behind a command line.

#ifndef BITNN_COMPILER_COMPILER_H
#define BITNN_COMPILER_COMPILER_H

#include "bitnn/Compiler/CodeGeneration.h"
#include "bitnn/Compiler/ObjectEmitter.h"
#include "bitnn/Compiler/Pipelines.h"
#include "bitnn/Compiler/Report.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bitnn {

struct CompileOptions {
  /// model.onnx, or quantized linalg on tensors as .mlir or .mlirbc.
  std::string model;
  /// The file to write, and its form; "-" is standard output.
  std::string output;
  EmitKind emit = EmitKind::Object;
  /// Target, schedule, encoding, use of the multiplier. Its name is ignored.
  PipelineOptions pipeline;
  /// A C identifier; empty: from the model's file name.
  std::string name;
  /// The tensors at which the graph ends; empty: its outputs.
  std::vector<std::string> outputs;
  /// What an open first dimension becomes.
  int64_t batch = 1;
  /// Bytes of scratch memory that the network may take; 0 is any.
  int64_t maxScratch = 0;
  /// Where to write the report as JSON; empty: nowhere.
  std::string report;
  /// A folder for the module after every pass; empty: none.
  std::string saveStages;
  /// Threads of the compiler; 0 is one per processor. The output is the same.
  unsigned threads = 0;
  /// Operations for which code is generated at once.
  int64_t partSize = kPartSize;
  /// Whether the object is held to its contract.
  bool check = true;
};

/// Compiles a model and writes the output, its header (beside objects,
/// archives, libraries and assembly) and the report: all of them, or none and
/// an error of one line. `registry` holds the dialects and interfaces of the
/// pipelines.
llvm::Expected<Report> compile(const CompileOptions &options,
                               const mlir::DialectRegistry &registry);

/// Adds what compile() needs to know of dialects.
void registerCompilerDialects(mlir::DialectRegistry &registry);

/// The passes that compile() runs, as --pass-pipeline of bitnn-opt takes them.
std::string getPipelineText(const CompileOptions &options,
                            const mlir::DialectRegistry &registry);

} // namespace bitnn

#endif // BITNN_COMPILER_COMPILER_H
