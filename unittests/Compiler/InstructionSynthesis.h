// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Objects for tests: every opcode of a target's table with plausible operands,
// and ELF files around bytes of code.

#ifndef BITNN_UNITTESTS_COMPILER_INSTRUCTIONSYNTHESIS_H
#define BITNN_UNITTESTS_COMPILER_INSTRUCTIONSYNTHESIS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/TargetParser/Triple.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bitnn {

/// An opcode of the target's table that is neither a pseudo instruction nor
/// one without a mnemonic.
struct Opcode {
  unsigned number = 0;
  std::string name;
  std::string mnemonic;
  /// LLVM knows that it may raise a floating-point exception.
  bool mayRaise = false;
};

std::vector<Opcode> listOpcodes(const llvm::Triple &triple);

/// One encoded instruction.
using Bytes = llvm::SmallVector<char, 16>;

/// Encodes the opcodes that a machine with these features has, each with
/// operands that its disassembler reads back under the same mnemonic. Those
/// are taken out of `opcodes`.
std::vector<std::pair<Opcode, Bytes>> encodeAll(const llvm::Triple &triple,
                                                llvm::StringRef features,
                                                std::vector<Opcode> &opcodes);

/// The names of all features of a target.
std::vector<std::string> listFeatures(const llvm::Triple &triple);

/// An ELF object whose function `f<i>` is the i-th element. `undefined` are
/// symbols that it needs; `dataAt` are offsets with a mapping symbol $d.
std::string makeObject(const llvm::Triple &triple,
                       llvm::ArrayRef<Bytes> functions,
                       llvm::ArrayRef<llvm::StringRef> undefined = {},
                       llvm::ArrayRef<size_t> dataAt = {});

} // namespace bitnn

#endif // BITNN_UNITTESTS_COMPILER_INSTRUCTIONSYNTHESIS_H
