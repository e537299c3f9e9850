// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Registers.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace bitnn {

using Opcode = LinearProgram::Opcode;
using Instruction = LinearProgram::Instruction;

/// The values that an instruction reads.
static SmallVector<unsigned, 2> getReads(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Load:
  case Opcode::Zero:
    return {};
  case Opcode::Shift:
  case Opcode::Negate:
  case Opcode::Store:
    return {instruction.lhs};
  case Opcode::Add:
  case Opcode::Subtract:
    return {instruction.lhs, instruction.rhs};
  }
  llvm_unreachable("unknown opcode");
}

std::vector<unsigned> assignRegisters(const LinearProgram &program) {
  ArrayRef<Instruction> instructions = program.getInstructions();
  // A value that nobody reads is last used where it is defined.
  std::vector<size_t> lastUse(program.numValues());
  for (auto [index, instruction] : enumerate(instructions)) {
    if (instruction.opcode != Opcode::Store)
      lastUse[instruction.result] = index;
    for (unsigned value : getReads(instruction))
      lastUse[value] = index;
  }

  BitVector isFree(program.maxLive(), true);
  std::vector<unsigned> registers(program.numValues());
  for (auto [index, instruction] : enumerate(instructions)) {
    for (unsigned value : getReads(instruction))
      if (lastUse[value] == index)
        isFree.set(registers[value]);
    if (instruction.opcode == Opcode::Store)
      continue;
    int chosen = isFree.find_first();
    assert(chosen >= 0 && "maxLive() registers are enough");
    registers[instruction.result] = chosen;
    isFree[chosen] = lastUse[instruction.result] == index;
  }
  return registers;
}

} // namespace bitnn
