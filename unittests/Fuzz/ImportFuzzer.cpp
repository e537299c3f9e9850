// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any bytes either import or give errors: never both, never neither, and never
// a report of a sanitizer. A module that was imported is valid, too.

#include "ModelMutator.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Import/ONNX/ImportOnnx.h"
#include "mlir/IR/Verifier.h"
#include <sanitizer/asan_interface.h>

using namespace mlir;

// libMLIR is not instrumented. Its allocators do not mark what they hand out,
// but those of the headers compiled here mark what they keep.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0:"
         "detect_odr_violation=0:detect_leaks=0";
}

/// A context is dear to make, and keeps every constant it has seen.
static MLIRContext &getContext() {
  static constexpr unsigned kUses = 500;
  static std::unique_ptr<MLIRContext> context;
  static unsigned uses = 0;
  if (!context || ++uses % kUses == 0) {
    context = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    context->loadDialect<bitnn::BitNNDialect>();
  }
  return *context;
}

[[noreturn]] static void fail(const char *what) {
  llvm::errs() << "import-onnx-fuzzer: " << what << "\n";
  abort();
}

/// One line, that names the file or a node of it.
static void checkError(const Diagnostic &said) {
  std::string text = said.str();
  if (text.empty() || StringRef(text).contains('\n'))
    fail("an error that is not one line");
  if (isa<UnknownLoc>(said.getLocation()))
    fail("an error without a place");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MLIRContext &context = getContext();
  unsigned errors = 0;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &said) {
    if (said.getSeverity() != DiagnosticSeverity::Error)
      return;
    checkError(said);
    ++errors;
  });
  StringRef bytes(reinterpret_cast<const char *>(data), size);
  OwningOpRef<ModuleOp> module =
      bitnn::importOnnx(bytes, "/nowhere/model.onnx", {}, &context);
  if (bool(module) == bool(errors))
    fail(module ? "a module and errors" : "neither a module nor an error");
  if (module && failed(verify(*module)))
    fail("the imported module is not valid");
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  StringRef bytes(reinterpret_cast<const char *>(data), size);
  std::optional<std::string> mutated = bitnn::mutateModel(bytes, seed);
  if (!mutated || mutated->size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::copy(mutated->begin(), mutated->end(), data);
  return mutated->size();
}
