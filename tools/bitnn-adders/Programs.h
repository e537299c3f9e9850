// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_ADDERS_PROGRAMS_H
#define BITNN_TOOLS_BITNN_ADDERS_PROGRAMS_H

#include "bitnn/Arithmetic/LinearProgram.h"

namespace bitnn {

/// The linear program of one code block: it adds the products of some inputs to
/// some of the accumulators. The program's inputs are `inputs`, then `outputs`.
struct BlockProgram {
  /// Columns and rows of the matrix.
  std::vector<unsigned> inputs, outputs;
  LinearProgram program;
};

/// A whole matrix in so many registers.
struct Programs {
  std::vector<BlockProgram> blocks;
  /// How many outputs a block has at most; the other registers are for inputs,
  /// shared sums and shifted values.
  unsigned accumulators = 0;

  unsigned count(LinearProgram::Opcode opcode) const;
  unsigned numAdds() const;
  /// Loads, shifts, adds and stores.
  unsigned numInstructions() const;
  /// The most registers that a block needs.
  unsigned maxLive() const;
};

/// Cuts the matrix into code blocks as the compiler does, shares sums where
/// that saves instructions, and divides the registers so that the fewest
/// instructions remain. Fails with fewer than 3 registers.
llvm::Expected<Programs> makePrograms(const ConstantMatrix &matrix,
                                      Encoding encoding, unsigned registers);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_ADDERS_PROGRAMS_H
