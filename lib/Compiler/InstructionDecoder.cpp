// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InstructionDecoder.h"
#include "bitnn/Compiler/ObjectEmitter.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/TargetRegistry.h"

using namespace llvm;

namespace bitnn {

static std::string addReadableExtensions(const Triple &triple,
                                         StringRef features) {
  std::string all = features.str();
  if (triple.isRISCV())
    all += ",+m,+a,+f,+d,+zfh,+v";
  if (triple.isAArch64())
    all += ",+all";
  return all;
}

Expected<std::unique_ptr<InstructionDecoder>>
InstructionDecoder::create(const TargetNames &names) {
  auto decoder = std::make_unique<InstructionDecoder>();
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(names);
  if (!machine)
    return machine.takeError();
  decoder->machine = std::move(*machine);
  const Triple &triple = decoder->triple = decoder->machine->getTargetTriple();
  if (!knowsInstructionsOf(triple))
    return createStringError(
        "multiplications cannot be told from other instructions of '" +
        names.triple + "' yet; known are x86, AArch64 and RISC-V");
  const Target &target = decoder->machine->getTarget();
  const MCAsmInfo &asmInfo = *decoder->machine->getMCAsmInfo();
  const MCRegisterInfo &registers = *decoder->machine->getMCRegisterInfo();
  const MCInstrInfo &instructions = *decoder->machine->getMCInstrInfo();
  decoder->subtarget.reset(target.createMCSubtargetInfo(
      triple, names.cpu, addReadableExtensions(triple, names.features)));
  decoder->context = std::make_unique<MCContext>(triple, &asmInfo, &registers,
                                                 decoder->subtarget.get());
  decoder->disassembler.reset(
      target.createMCDisassembler(*decoder->subtarget, *decoder->context));
  decoder->printer.reset(target.createMCInstPrinter(
      triple, asmInfo.getAssemblerDialect(), asmInfo, instructions, registers));
  decoder->kinds.resize(instructions.getNumOpcodes());
  return decoder;
}

bool InstructionDecoder::read(ArrayRef<uint8_t> bytes, uint64_t address,
                              uint64_t &size) {
  size = 0;
  instruction.clear();
  MCDisassembler::DecodeStatus status =
      disassembler->getInstruction(instruction, size, bytes, address, nulls());
  size = std::max<uint64_t>(size, 1);
  return status != MCDisassembler::Fail;
}

InstructionKind InstructionDecoder::getKind() {
  std::optional<InstructionKind> &kind = kinds[instruction.getOpcode()];
  if (!kind) {
    StringRef mnemonic = printer->getMnemonic(instruction).first;
    kind = classifyInstruction(triple, mnemonic.split('\t').first.trim());
  }
  return *kind;
}

std::string InstructionDecoder::getText(uint64_t address) {
  std::string text;
  raw_string_ostream stream(text);
  printer->printInst(&instruction, address, "", *subtarget, stream);
  llvm::replace(text, '\t', ' ');
  return StringRef(text).trim().str();
}

} // namespace bitnn
