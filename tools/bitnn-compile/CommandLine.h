// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_COMPILE_COMMANDLINE_H
#define BITNN_TOOLS_BITNN_COMPILE_COMMANDLINE_H

#include "bitnn/Compiler/Compiler.h"

namespace bitnn {

/// What a command line asks for.
struct Command {
  enum class Action { Compile, PrintPipeline, PrintHelp };
  Action action = Action::Compile;
  CompileOptions options;
  /// Whether to print where buffers are, and when.
  bool timeline = false;
};

/// Reads the arguments after the program's name. Unknown options and values
/// are errors that name them and what is known.
llvm::Expected<Command>
parseCommandLine(llvm::ArrayRef<const char *> arguments);

void printHelp(llvm::raw_ostream &os);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_COMPILE_COMMANDLINE_H
