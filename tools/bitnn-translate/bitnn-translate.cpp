// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between MLIR and other formats; beside upstream's translations it imports
// quantized ONNX models.

#include "../FatalErrors.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Import/ONNX/ImportOnnx.h"
#include "mlir/InitAllTranslations.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
namespace cl = llvm::cl;

static cl::OptionCategory importCategory("Options of --import-onnx",
                                         "quantized ONNX to linalg");
static cl::list<std::string> outputs("outputs", cl::CommaSeparated,
                                     cl::value_desc("tensor,.."),
                                     cl::desc("Cut the graph at these tensors"),
                                     cl::cat(importCategory));
static cl::opt<int64_t>
    batch("batch", cl::init(1), cl::value_desc("N"),
          cl::desc("What a first dimension that the model leaves open becomes"),
          cl::cat(importCategory));
static cl::opt<std::string>
    name("name", cl::value_desc("identifier"),
         cl::desc("The function's name (default: from the file's name)"),
         cl::cat(importCategory));

static OwningOpRef<Operation *> importFile(llvm::SourceMgr &manager,
                                           MLIRContext *context) {
  const llvm::MemoryBuffer *file =
      manager.getMemoryBuffer(manager.getMainFileID());
  bitnn::OnnxImportOptions options;
  options.name = name;
  options.outputs = outputs;
  options.batch = batch;
  return OwningOpRef<Operation *>(bitnn::importOnnx(file->getBuffer(),
                                                    file->getBufferIdentifier(),
                                                    options, context)
                                      .release()
                                      .getOperation());
}

int main(int argc, char **argv) {
  bitnn::reportFatalErrorsAs("bitnn-translate");
  registerAllTranslations();
  TranslateToMLIRRegistration import(
      "import-onnx", "quantized ONNX model to linalg on integer tensors",
      importFile, [](DialectRegistry &registry) {
        registry.insert<bitnn::BitNNDialect>();
      });
  return failed(mlirTranslateMain(argc, argv, "bitnn translation driver\n"));
}
