// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "InstructionSynthesis.h"
#include "bitnn/Compiler/ObjectEmitter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCCodeEmitter.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCFixup.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCRegisterInfo.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/ObjectYAML/yaml2obj.h"
#include "gtest/gtest.h"

using namespace llvm;

namespace bitnn {

namespace {
/// The MC layer of a target with some features.
struct Assembler {
  Assembler(const Triple &triple, StringRef features);

  std::string getMnemonic(const MCInst &instruction) const;
  MCInst synthesize(unsigned opcode, int64_t immediate) const;
  /// False unless the bytes read back under the same mnemonic.
  bool encode(const Opcode &opcode, Bytes &bytes) const;

  std::unique_ptr<TargetMachine> machine;
  std::unique_ptr<MCSubtargetInfo> subtarget;
  std::unique_ptr<MCContext> context;
  std::unique_ptr<MCDisassembler> disassembler;
  std::unique_ptr<MCInstPrinter> printer;
  std::unique_ptr<MCCodeEmitter> emitter;
  const MCInstrInfo *instructions;
  const MCRegisterInfo *registers;
};
} // namespace

Assembler::Assembler(const Triple &triple, StringRef features) {
  machine = cantFail(createTargetMachine({triple.str(), "", ""}));
  const Target &target = machine->getTarget();
  const MCAsmInfo &info = *machine->getMCAsmInfo();
  instructions = machine->getMCInstrInfo();
  registers = machine->getMCRegisterInfo();
  subtarget.reset(target.createMCSubtargetInfo(triple, "", features));
  context =
      std::make_unique<MCContext>(triple, &info, registers, subtarget.get());
  disassembler.reset(target.createMCDisassembler(*subtarget, *context));
  printer.reset(target.createMCInstPrinter(triple, info.getAssemblerDialect(),
                                           info, *instructions, *registers));
  emitter.reset(target.createMCCodeEmitter(*instructions, *context));
}

std::string Assembler::getMnemonic(const MCInst &instruction) const {
  StringRef text = printer->getMnemonic(instruction).first;
  return text.split('\t').first.trim().str();
}

MCInst Assembler::synthesize(unsigned opcode, int64_t immediate) const {
  const MCInstrDesc &description = instructions->get(opcode);
  unsigned mode = subtarget->getHwMode(MCSubtargetInfo::HwMode_RegInfo);
  MCInst instruction;
  instruction.setOpcode(opcode);
  unsigned inAddress = 0;
  for (auto [index, operand] : enumerate(description.operands())) {
    int tied = description.getOperandConstraint(index, MCOI::TIED_TO);
    int16_t registerClass = instructions->getOpRegClassID(operand, mode);
    bool address = operand.OperandType == MCOI::OPERAND_MEMORY;
    // x86: base, scale, index, displacement, segment. No index.
    unsigned part = address ? inAddress++ % 5 : 0;
    if (tied >= 0)
      instruction.addOperand(instruction.getOperand(tied));
    else if (address && part == 1)
      instruction.addOperand(MCOperand::createImm(1));
    else if (address && part == 3)
      instruction.addOperand(MCOperand::createImm(0));
    else if (address && (part == 2 || part == 4))
      instruction.addOperand(MCOperand::createReg(MCRegister()));
    else if (registerClass >= 0)
      instruction.addOperand(
          MCOperand::createReg(*registers->getRegClass(registerClass).begin()));
    else
      instruction.addOperand(MCOperand::createImm(immediate));
  }
  return instruction;
}

/// String moves and absolute addresses have other addresses than x86's five
/// operands.
static bool hasKnownAddress(const MCInstrDesc &description) {
  return llvm::count_if(description.operands(),
                        [](const MCOperandInfo &info) {
                          return info.OperandType == MCOI::OPERAND_MEMORY;
                        }) %
             5 ==
         0;
}

bool Assembler::encode(const Opcode &opcode, Bytes &bytes) const {
  if (machine->getTargetTriple().isX86() &&
      !hasKnownAddress(instructions->get(opcode.number)))
    return false;
  for (int64_t immediate : {1, 0, 2, 4, 8}) {
    bytes.clear();
    SmallVector<MCFixup> fixups;
    emitter->encodeInstruction(synthesize(opcode.number, immediate), bytes,
                               fixups, *subtarget);
    if (bytes.empty())
      continue;
    MCInst read;
    uint64_t size = 0;
    ArrayRef<uint8_t> code(reinterpret_cast<const uint8_t *>(bytes.data()),
                           bytes.size());
    if (disassembler->getInstruction(read, size, code, 0, nulls()) ==
            MCDisassembler::Success &&
        size == bytes.size() && getMnemonic(read) == opcode.mnemonic)
      return true;
  }
  return false;
}

std::vector<Opcode> listOpcodes(const Triple &triple) {
  Assembler assembler(triple, "");
  std::vector<Opcode> opcodes;
  for (unsigned number = 0; number < assembler.instructions->getNumOpcodes();
       ++number) {
    const MCInstrDesc &description = assembler.instructions->get(number);
    MCInst instruction;
    instruction.setOpcode(number);
    std::string mnemonic = assembler.getMnemonic(instruction);
    // "#name" is a comment, printed for what is expanded before.
    if (!description.isPseudo() && !mnemonic.empty() && mnemonic[0] != '#')
      opcodes.push_back({number, assembler.instructions->getName(number).str(),
                         mnemonic, description.mayRaiseFPException()});
  }
  return opcodes;
}

std::vector<std::pair<Opcode, Bytes>> encodeAll(const Triple &triple,
                                                StringRef features,
                                                std::vector<Opcode> &opcodes) {
  Assembler assembler(triple, features);
  std::vector<std::pair<Opcode, Bytes>> encoded;
  llvm::erase_if(opcodes, [&](const Opcode &opcode) {
    Bytes bytes;
    if (!assembler.encode(opcode, bytes))
      return false;
    encoded.emplace_back(opcode, bytes);
    return true;
  });
  return encoded;
}

std::vector<std::string> listFeatures(const Triple &triple) {
  Assembler assembler(triple, "");
  std::vector<std::string> names;
  for (const auto &entry : assembler.subtarget->getAllProcessorFeatures())
    names.push_back(entry.Key);
  return names;
}

static StringRef getElfMachine(const Triple &triple) {
  if (triple.isX86())
    return "EM_X86_64";
  return triple.isAArch64() ? "EM_AARCH64" : "EM_RISCV";
}

std::string makeObject(const Triple &triple, ArrayRef<Bytes> functions,
                       ArrayRef<StringRef> undefined, ArrayRef<size_t> dataAt) {
  std::string content, symbols;
  raw_string_ostream stream(symbols);
  for (auto [index, bytes] : enumerate(functions)) {
    stream << "  - {Name: f" << index << ", Type: STT_FUNC, Section: .text, "
           << "Value: " << content.size() << ", Size: " << bytes.size()
           << "}\n";
    content.append(bytes.begin(), bytes.end());
  }
  for (auto [index, offset] : enumerate(dataAt))
    stream << "  - {Name: $d." << index << ", Section: .text, Value: " << offset
           << "}\n";
  for (StringRef name : undefined)
    stream << "  - {Name: " << name << ", Binding: STB_GLOBAL}\n";
  std::string yaml =
      ("--- !ELF\nFileHeader: {Class: ELFCLASS" +
       Twine(triple.isArch64Bit() ? "64" : "32") +
       ", Data: ELFDATA2LSB, Type: ET_REL, Machine: " + getElfMachine(triple) +
       "}\nSections:\n  - {Name: .text, Type: SHT_PROGBITS, Flags: "
       "[SHF_ALLOC, SHF_EXECINSTR], Content: \"" +
       toHex(content) + "\"}\nSymbols:\n" + symbols + "...\n")
          .str();
  SmallVector<char> storage;
  auto file = yaml::yaml2ObjectFile(storage, yaml, [](const Twine &message) {
    ADD_FAILURE() << message.str();
  });
  return std::string(storage.begin(), storage.end());
}

} // namespace bitnn
