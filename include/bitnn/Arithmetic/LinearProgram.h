// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An adder graph as straight-line code for a number of registers.

#ifndef BITNN_ARITHMETIC_LINEARPROGRAM_H
#define BITNN_ARITHMETIC_LINEARPROGRAM_H

#include "bitnn/Arithmetic/AdderGraph.h"

namespace bitnn {

/// Instructions over virtual values, each defined once, in the order in which
/// they are to be emitted: no later stage may reorder them.
///
/// Adders keep the order of the graph. Inputs, and with them the accumulators'
/// start values, are loaded once, right before their first use; a node is
/// shifted once per shift amount, and all adders use that value; an output is
/// stored as soon as it is complete. Nothing is ever spilled: a graph that
/// needs more registers is refused.
///
/// Loads name inputs, not addresses. That all inputs of a program lie within
/// the target's immediate offsets is PartitionOptions::reach's business.
class LinearProgram {
public:
  enum class Opcode {
    Load,     ///< result = input `index`
    Shift,    ///< result = lhs << index
    Add,      ///< result = lhs + rhs
    Subtract, ///< result = lhs - rhs
    Negate,   ///< result = 0 - lhs
    Zero,     ///< result = 0
    Store,    ///< output `index` = lhs
  };

  struct Instruction {
    Opcode opcode;
    /// The value defined, numbered from 0 in program order. Not for Store.
    unsigned result = 0;
    /// The values read, where the opcode has them.
    unsigned lhs = 0;
    unsigned rhs = 0;
    /// Load: the input. Shift: the amount. Store: the output.
    unsigned index = 0;
  };

  /// The program of `graph`, or an error that says how many registers it needs
  /// if those are more than `registers`.
  static llvm::Expected<LinearProgram> fromGraph(const AdderGraph &graph,
                                                 unsigned registers);

  llvm::ArrayRef<Instruction> getInstructions() const { return instructions; }
  unsigned numValues() const { return values; }
  unsigned numOutputs() const { return outputs; }

  /// The most values live between two instructions, or before or after one: the
  /// registers needed if a result may take the register of an operand that is
  /// read for the last time.
  unsigned maxLive() const { return live; }

  /// The executed additions and subtractions: Add, Subtract and Negate.
  unsigned numAdds() const;
  unsigned numShifts() const;

  /// Runs the program with registers of `laneBits` (1..64) bits that wrap
  /// around, and returns the outputs as signed values of that width.
  std::vector<int64_t> evaluate(llvm::ArrayRef<int64_t> inputs,
                                unsigned laneBits = 64) const;

private:
  class Builder;

  std::vector<Instruction> instructions;
  unsigned values = 0;
  unsigned outputs = 0;
  unsigned live = 0;
};

} // namespace bitnn

#endif // BITNN_ARITHMETIC_LINEARPROGRAM_H
