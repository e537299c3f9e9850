// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/InitAll.h"
#include "bitnn/Compiler/Pipelines.h"
#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Transforms/BufferizableOpInterfaceImpl.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"

void bitnn::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<BitNNDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
}

void bitnn::registerAllPasses() {
  registerBitNNConversionPasses();
  registerBitNNTransformsPasses();
  registerPipelines();
}
