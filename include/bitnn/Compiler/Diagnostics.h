// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes say, in words for somebody who has a model, not IR.

#ifndef BITNN_COMPILER_DIAGNOSTICS_H
#define BITNN_COMPILER_DIAGNOSTICS_H

#include "bitnn/Compiler/Report.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include <mutex>

namespace bitnn {

/// An error with its place, as one line: "model.onnx: error: message", or
/// "model.mlir:3:5: error: message" where the location is one of a file.
llvm::Error makeError(llvm::StringRef file, const llvm::Twine &message);

/// Collects what passes say while it is alive: the first error, and remarks on
/// what they declined.
class DiagnosticCollector {
public:
  DiagnosticCollector(mlir::MLIRContext &context, llvm::StringRef modelFile);
  ~DiagnosticCollector();

  /// The first error as one line; `fallback` if there was none.
  llvm::Error takeError(const llvm::Twine &fallback);
  /// Every error, a line each: of an import they are of different nodes.
  llvm::Error takeErrors(const llvm::Twine &fallback);

  /// What was declined, sorted: passes run in parallel.
  std::vector<Shortfall> getShortfalls();
  /// For another attempt, which will say the same again.
  void forgetRemarks();

private:
  std::string format(mlir::Diagnostic &diagnostic) const;

  mlir::MLIRContext &context;
  std::string modelFile;
  mlir::DiagnosticEngine::HandlerID handler;
  std::vector<std::string> errors;
  /// Shared with the context's remark engine, which may outlive this.
  struct Remarks {
    std::mutex mutex;
    std::vector<Shortfall> shortfalls;
  };
  std::shared_ptr<Remarks> remarks;

  friend class RemarkCollector;
};

} // namespace bitnn

#endif // BITNN_COMPILER_DIAGNOSTICS_H
