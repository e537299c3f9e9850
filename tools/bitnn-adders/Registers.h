// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_ADDERS_REGISTERS_H
#define BITNN_TOOLS_BITNN_ADDERS_REGISTERS_H

#include "bitnn/Arithmetic/LinearProgram.h"

namespace bitnn {

/// A register for every value of the program: the lowest that is free. A result
/// may take the register of an operand that is read for the last time, so that
/// maxLive() registers are enough.
std::vector<unsigned> assignRegisters(const LinearProgram &program);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_ADDERS_REGISTERS_H
