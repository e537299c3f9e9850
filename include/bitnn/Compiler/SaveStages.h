// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_COMPILER_SAVESTAGES_H
#define BITNN_COMPILER_SAVESTAGES_H

#include "mlir/Pass/PassInstrumentation.h"
#include <memory>
#include <string>

namespace bitnn {

/// Writes the module after every pass into a folder, as numbered files named
/// after the passes: 03-bitnn-fuse-epilogue.mlir. A pass that fails leaves its
/// file too. The first file is the module that the pipeline begins with.
/// `count` is the number of files, across several pass managers.
class SaveStages : public mlir::PassInstrumentation {
public:
  SaveStages(llvm::StringRef folder, unsigned &count)
      : folder(folder), count(count) {}

  void runBeforePass(mlir::Pass *pass, mlir::Operation *op) override;
  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override;
  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *op) override;

private:
  void save(llvm::StringRef stage, mlir::Operation *op);

  std::string folder;
  unsigned &count;
};

} // namespace bitnn

#endif // BITNN_COMPILER_SAVESTAGES_H
