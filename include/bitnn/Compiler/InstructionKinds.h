// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a machine instruction computes, as far as the contract on objects asks.
// LLVM's opcode tables do not say "this multiplies", but the mnemonics of an
// instruction set are systematic: a few patterns per architecture decide.
// Whatever follows a pattern of arithmetic is refused, so that an extension
// that is not known yet is refused rather than let through.

#ifndef BITNN_COMPILER_INSTRUCTIONKINDS_H
#define BITNN_COMPILER_INSTRUCTIONKINDS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/TargetParser/Triple.h"

namespace bitnn {

enum class InstructionKind {
  /// Additions, shifts, logic, moves, control: what generated code is made of.
  Ordinary,
  /// Products of integers: multiplications, multiply-adds, dot products, outer
  /// products, products of polynomials.
  Multiply,
  /// Quotients, remainders and reciprocals of integers.
  Divide,
  /// Arithmetic, comparison and conversion of floating-point numbers. Moves,
  /// logic and shuffles of vector registers are not, whatever type they are
  /// named after: code on integers uses them too.
  Float,
};

/// "a multiplication", "a division", "floating-point arithmetic".
llvm::StringRef describe(InstructionKind kind);

/// Whether the instructions of an architecture can be told apart.
bool knowsInstructionsOf(const llvm::Triple &triple);

/// The kind of an instruction by its mnemonic, in LLVM's spelling (on x86 that
/// is AT&T's).
InstructionKind classifyInstruction(const llvm::Triple &triple,
                                    llvm::StringRef mnemonic);

} // namespace bitnn

#endif // BITNN_COMPILER_INSTRUCTIONKINDS_H
