// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CodeNodes.h"
#include "llvm/ADT/STLExtras.h"

namespace bitnn {

void RegisterCounter::add(Instruction instruction) {
  for (unsigned read : instruction.reads)
    if (read != kNone)
      lastRead[read] = program.size();
  program.push_back(instruction);
}

/// The value node << shift, computed when it is first read.
unsigned RegisterCounter::readShifted(unsigned node, unsigned shift) {
  unsigned value = node * kMaxPlanes + shift;
  if (shift != 0 && lastRead[value] == kNone)
    add({{node * kMaxPlanes, kNone}, true});
  return value;
}

unsigned RegisterCounter::count(llvm::ArrayRef<CodeNode> nodes,
                                llvm::ArrayRef<unsigned> order) {
  lastRead.resize(nodes.size() * kMaxPlanes, kNone);
  for (unsigned node : order) {
    unsigned lhs = kNone, rhs = kNone;
    if (const std::optional<Sum> &sum = nodes[node].sum) {
      lhs = readShifted(sum->lhs, sum->lhsShift);
      rhs = readShifted(sum->rhs, sum->rhsShift);
    }
    add({{lhs, rhs}, true});
    for (Shifts left = nodes[node].accumulated; left; left &= left - 1)
      add({{readShifted(node, llvm::countr_zero(left)), kNone}, false});
  }
  unsigned live = 0, most = 0;
  for (auto [index, instruction] : llvm::enumerate(program)) {
    auto [first, second] = instruction.reads;
    live -= first != kNone && lastRead[first] == index;
    live -= second != kNone && second != first && lastRead[second] == index;
    live += instruction.isValue;
    most = std::max(most, live);
  }
  for (const Instruction &instruction : program)
    for (unsigned read : instruction.reads)
      if (read != kNone)
        lastRead[read] = kNone;
  program.clear();
  return most;
}

} // namespace bitnn
