// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/SaveStages.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitnn;

/// The pass, or the passes on each function, without their options, as a part
/// of a file's name.
static std::string getStageName(Pass *pass) {
  std::string text, name;
  llvm::raw_string_ostream os(text);
  pass->printAsTextualPipeline(os);
  unsigned depth = 0;
  for (char c : text) {
    depth += c == '{';
    if (depth == 0)
      name += llvm::isAlnum(c) || c == '-' || c == '.' ? c : '_';
    depth -= c == '}';
  }
  constexpr size_t kLongest = 100;
  return StringRef(name).take_front(kLongest).rtrim('_').str();
}

void SaveStages::save(StringRef stage, Operation *op) {
  std::string name;
  llvm::raw_string_ostream(name)
      << llvm::format("%02u-", count++) << stage << ".mlir";
  SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (error) {
    llvm::errs() << "warning: cannot write '" << path
                 << "': " << error.message() << "\n";
    return;
  }
  op->print(os, OpPrintingFlags().enableDebugInfo());
  os << "\n";
}

// Passes on functions run in parallel, within one pass on the module: that one
// is what is written.
void SaveStages::runBeforePass(Pass *, Operation *op) {
  if (count == 0 && isa<ModuleOp>(op))
    save("input", op);
}

void SaveStages::runAfterPass(Pass *pass, Operation *op) {
  if (isa<ModuleOp>(op))
    save(getStageName(pass), op);
}

void SaveStages::runAfterPassFailed(Pass *pass, Operation *op) {
  if (isa<ModuleOp>(op))
    save(getStageName(pass) + "-failed", op);
}
