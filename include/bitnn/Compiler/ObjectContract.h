// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract on the object, checked on its bytes: no multiplication, no
// division, no floating-point arithmetic, and no symbol that a program without
// a C library lacks. Code generators put multiplications back; only the bytes
// can tell.

#ifndef BITNN_COMPILER_OBJECTCONTRACT_H
#define BITNN_COMPILER_OBJECTCONTRACT_H

#include "bitnn/Compiler/InstructionKinds.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/Support/Error.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitnn {

struct ContractOptions {
  /// Allows products of integers, by instruction or by the compiler's runtime
  /// library (__mulsi3) where the machine has none.
  bool allowMultiply = false;
};

/// An instruction of an object that is not ordinary.
struct Finding {
  /// The function around it, or the section if there is none.
  std::string function;
  /// Bytes from the function's start.
  uint64_t offset = 0;
  std::string text;
  /// No value: the bytes are no instruction of the machine.
  std::optional<InstructionKind> kind;
};

/// Disassembles all executable sections of an ELF object and lists what is not
/// ordinary, in the order of the code. Errors: no ELF object, an architecture
/// whose instructions are not known.
llvm::Expected<std::vector<Finding>>
findInstructions(llvm::StringRef object, const TargetNames &target);

/// The names of the undefined symbols of an object, sorted.
llvm::Expected<std::vector<std::string>>
getUndefinedSymbols(llvm::StringRef object);

/// Checks an object against the contract. The error names the function, its
/// offset, the instruction, the reason and the next step.
llvm::Error checkObject(llvm::StringRef object, const TargetNames &target,
                        const ContractOptions &options);

/// The sizes of an object's parts in bytes.
struct ObjectSizes {
  uint64_t code = 0;
  /// Constants and tables.
  uint64_t data = 0;
  std::map<std::string, uint64_t> functions;

  /// The functions that belong to a kernel: `kernel` itself and `kernel.*`.
  uint64_t getKernelCode(llvm::StringRef kernel) const;
};

llvm::Expected<ObjectSizes> measureObject(llvm::StringRef object);

} // namespace bitnn

#endif // BITNN_COMPILER_OBJECTCONTRACT_H
