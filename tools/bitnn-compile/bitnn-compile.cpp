// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A quantized network in, an object and its C header out; says per layer what
// it did.

#include "../FatalErrors.h"
#include "CommandLine.h"
#include "bitnn/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "llvm/Support/InitLLVM.h"

using namespace bitnn;

static int run(llvm::ArrayRef<const char *> arguments) {
  llvm::Expected<Command> command = parseCommandLine(arguments);
  if (!command) {
    llvm::errs() << "bitnn-compile: error: "
                 << llvm::toString(command.takeError()) << "\n";
    return 1;
  }
  if (command->action == Command::Action::PrintHelp) {
    printHelp(llvm::outs());
    return 0;
  }
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  bitnn::registerAllDialects(registry);
  registerCompilerDialects(registry);
  if (command->action == Command::Action::PrintPipeline) {
    llvm::outs() << getPipelineText(command->options, registry) << "\n";
    return 0;
  }
  llvm::Expected<Report> report = compile(command->options, registry);
  if (!report) {
    llvm::errs() << llvm::toString(report.takeError()) << "\n";
    return 1;
  }
  bool isText = command->options.output == "-";
  llvm::raw_ostream &os = isText ? llvm::errs() : llvm::outs();
  printTable(*report, os);
  if (command->timeline)
    printTimeline(*report, os);
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  reportFatalErrorsAs("bitnn-compile");
  return run(llvm::ArrayRef<const char *>(argv, argc).drop_front());
}
