// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the LLVM dialect to the bytes of an output file. LLVM's middle end is
// held to passes that cannot turn shifts and adds back into multiplications,
// and its code generator to the order of instructions that it is given.

#ifndef BITNN_COMPILER_OBJECTEMITTER_H
#define BITNN_COMPILER_OBJECTEMITTER_H

#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace bitnn {

/// The forms of an output file; an ending of a file name says which.
enum class EmitKind { Object, Archive, SharedLibrary, Assembly, LLVMIR, MLIR };

/// The ending of an output kind, without the dot: o, a, so, s, ll or mlir.
llvm::StringRef getEnding(EmitKind kind);

/// The output kind of an ending. An unknown ending is an error that lists the
/// known ones.
llvm::Expected<EmitKind> parseEnding(llvm::StringRef ending);

/// Registers what translateToLLVM() needs to know of dialects.
void registerTranslations(mlir::DialectRegistry &registry);

/// LLVM's code generator for a machine. Errors: a triple without code
/// generator, a processor or feature that the machine does not have.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetNames &names);

/// How much LLVM may change: our additions in our order are held to passes that
/// keep them; a dense baseline gets all that -O2 has, for a fair comparison.
enum class MiddleEnd { KeepAdditions, Standard };

/// What LLVM calls a module that has no name.
inline constexpr llvm::StringLiteral kUnnamedModule = "bitnn";

/// Translates a module of the LLVM dialect and runs the middle end. Private
/// functions become local symbols; callers know `entry` alone, and what else is
/// public is hidden.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context,
                llvm::TargetMachine &machine, MiddleEnd middleEnd,
                llvm::StringRef entry);

/// Generates an object file or assembly text.
llvm::Expected<llvm::SmallString<0>> generateCode(llvm::Module &module,
                                                  llvm::TargetMachine &machine,
                                                  llvm::CodeGenFileType type);

/// An archive with one member, the object.
llvm::Expected<llvm::SmallString<0>> makeArchive(llvm::StringRef object,
                                                 llvm::StringRef memberName);

/// Links the object file at `object` into a shared library at `output`, by the
/// system's linker. Errors: a target that is not this machine's, no linker.
llvm::Error linkSharedLibrary(llvm::StringRef object, llvm::StringRef output,
                              const llvm::Triple &triple);

} // namespace bitnn

#endif // BITNN_COMPILER_OBJECTEMITTER_H
