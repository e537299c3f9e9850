// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What LLVM would stop the program for is an error like others.

#ifndef BITNN_TOOLS_FATALERRORS_H
#define BITNN_TOOLS_FATALERRORS_H

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

namespace bitnn {

/// Makes fatal errors of LLVM, such as a full disk while an output is closed,
/// one line with the tool's name and exit code 1. Files that are not finished
/// are removed. `tool` must live as long as the program.
inline void reportFatalErrorsAs(const char *tool) {
  llvm::install_fatal_error_handler(
      [](void *name, const char *reason, bool) {
        llvm::errs() << static_cast<const char *>(name) << ": error: " << reason
                     << "\n";
        llvm::errs().flush();
        llvm::sys::RunInterruptHandlers();
        // Not exit: the stream that failed would be closed once more.
        std::_Exit(1);
      },
      const_cast<char *>(tool));
}

} // namespace bitnn

#endif // BITNN_TOOLS_FATALERRORS_H
