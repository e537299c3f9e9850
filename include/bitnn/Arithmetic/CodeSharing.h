// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sharing of sums in straight-line code, where a shift is an instruction and a
// value needs a register.

#ifndef BITNN_ARITHMETIC_CODESHARING_H
#define BITNN_ARITHMETIC_CODESHARING_H

#include "bitnn/Arithmetic/AdderGraph.h"

namespace bitnn {

struct CodeSharingOptions {
  Encoding encoding = Encoding::Csd;
  /// Registers beside the accumulators: for inputs, shared sums and shifted
  /// values. With fewer than 3 nothing is shared.
  unsigned temporaries = 4;
  /// What a shift costs, in adds. 0 where adds shift an operand for free.
  unsigned shiftCost = 1;
};

/// The accumulating adder graph of a matrix of at most 64 rows, with sums that
/// several digits use computed once. Its adders are in program order: an input
/// or a sum is added to all accumulators that need it when it is defined, and
/// then lives until the last sum that it is a term of.
///
/// A sum +-(a << i) +- (b << j) of two inputs or sums is formed if the digits
/// that it replaces are more than its own addition and the shifts it adds, and
/// if the registers suffice: LinearProgram::fromGraph needs at most
/// rows + temporaries of them.
///
/// The time is about linear in the digits of a row times the square of the
/// columns: give it the windows of a Partition.
AdderGraph shareInCode(const ConstantMatrix &matrix,
                       const CodeSharingOptions &options);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_CODESHARING_H
