// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_LIB_COMPILER_INSTRUCTIONDECODER_H
#define BITNN_LIB_COMPILER_INSTRUCTIONDECODER_H

#include "bitnn/Compiler/InstructionKinds.h"
#include "bitnn/TargetInfo/TargetInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <optional>
#include <vector>

namespace bitnn {

/// Reads the instructions of a machine, whichever extensions it has: a `mul`
/// in code for rv32i is to be named, not to be unreadable.
class InstructionDecoder {
public:
  static llvm::Expected<std::unique_ptr<InstructionDecoder>>
  create(const TargetNames &names);

  /// Reads one instruction; false if the bytes are none. `size` is at least 1.
  bool read(llvm::ArrayRef<uint8_t> bytes, uint64_t address, uint64_t &size);
  /// Of the last instruction read.
  InstructionKind getKind();
  std::string getText(uint64_t address);

private:
  llvm::Triple triple;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
  std::unique_ptr<llvm::MCContext> context;
  std::unique_ptr<llvm::MCDisassembler> disassembler;
  std::unique_ptr<llvm::MCInstPrinter> printer;
  llvm::MCInst instruction;
  /// By opcode: matching mnemonics is slower than decoding.
  std::vector<std::optional<InstructionKind>> kinds;
};

} // namespace bitnn

#endif // BITNN_LIB_COMPILER_INSTRUCTIONDECODER_H
