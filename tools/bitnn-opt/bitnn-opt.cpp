// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs passes and pipelines on textual or binary MLIR: every pass alone,
// every pipeline by name.

#include "../FatalErrors.h"
#include "bitnn/InitAll.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  bitnn::reportFatalErrorsAs("bitnn-opt");
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  bitnn::registerAllDialects(registry);
  bitnn::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "bitnn optimizer\n", registry));
}
