// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_COMPILER_OUTPUTFILES_H
#define BITNN_COMPILER_OUTPUTFILES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace bitnn {

/// The files that a compilation writes: all of them or none. Each is written
/// beside its place and moved there at the end, so that nobody ever sees half
/// of one. "-" is standard output.
class OutputFiles {
public:
  void add(llvm::StringRef path, llvm::StringRef bytes);

  llvm::Error commit();

private:
  struct File {
    std::string path;
    std::string bytes;
  };
  std::vector<File> files;
};

} // namespace bitnn

#endif // BITNN_COMPILER_OUTPUTFILES_H
