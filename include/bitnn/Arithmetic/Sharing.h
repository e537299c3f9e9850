// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Adder graphs in which one partial sum serves several outputs.

#ifndef BITNN_ARITHMETIC_SHARING_H
#define BITNN_ARITHMETIC_SHARING_H

#include "bitnn/Arithmetic/AdderGraph.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace bitnn {

struct SharingOptions {
  /// Csd: a weight is any of its signed-digit forms with the fewest digits,
  /// whichever shares best. Binary: the digits are those of encode().
  Encoding encoding = Encoding::Csd;
  /// One more input per output, as in AdderGraph::Options.
  bool accumulate = false;
  /// The most adders on a path from an input to an output. A limit below what
  /// the output with the most digits needs, getMinimumDepth(), counts as that.
  std::optional<unsigned> maxDepth;
  /// Saves bits of adders rather than adders: a shared sum counts as much as
  /// its exact width, for inputs within `inputInterval`.
  bool weighByWidth = false;
  Interval inputInterval = {-128, 127};
  /// Inputs that are shared among themselves first; neighbouring windows then
  /// grow together, two by two, until they are one. Time and memory become
  /// about linear in the number of inputs. 0: all inputs at once.
  unsigned window = 0;
  /// How many changes annealing tries on the graph; the best graph is returned.
  /// One takes about 40 us for 16x16 weights of 8 bits, 100 us for 64x64.
  unsigned evaluations = 0;
  /// Of annealing: equal seeds give equal graphs.
  uint64_t seed = 0;
  /// Asked often; once true, the best graph so far is returned soon.
  llvm::function_ref<bool()> isInterrupted = nullptr;
};

/// A graph of matrix * x (+ start values) with few adders, for which
/// AdderGraph::verifyEquals holds. |weight| < 2^31.
AdderGraph shareAdders(const ConstantMatrix &matrix,
                       const SharingOptions &options);

/// The smallest depth that a graph of the matrix can have if every digit of an
/// output is a term of its own: ceil(log2(digits + 1 if it accumulates)).
unsigned getMinimumDepth(const ConstantMatrix &matrix, Encoding encoding,
                         bool accumulate);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_SHARING_H
