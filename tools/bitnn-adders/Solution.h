// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_TOOLS_BITNN_ADDERS_SOLUTION_H
#define BITNN_TOOLS_BITNN_ADDERS_SOLUTION_H

#include "Programs.h"
#include "bitnn/Arithmetic/AdderGraph.h"

namespace bitnn {

/// What the command line asks for.
struct Request {
  Encoding encoding = Encoding::Csd;
  bool accumulate = false;
  std::optional<unsigned> maxDepth;
  bool weighByWidth = false;
  unsigned window = 0;
  unsigned evaluations = 0;
  uint64_t seed = 0;
  /// Of the inputs, and of what accumulators start with.
  Interval inputInterval = Interval::ofSigned(8);
  std::optional<unsigned> registers;
};

/// A proved graph, and what is told about it.
struct Solution {
  Solution(AdderGraph graph, Encoding encoding)
      : graph(std::move(graph)), encoding(encoding) {}

  AdderGraph graph;
  Encoding encoding;
  unsigned numAddersWithoutSharing = 0;
  /// Of every node, inputs included: adders below it, bits in two's complement.
  std::vector<unsigned> depths, widths;
  std::optional<Programs> programs;
  bool wasInterrupted = false;
  /// What sharing took: CPU time, and the process's peak memory after it.
  double seconds = 0, megabytes = 0;

  /// The most adders between an input and an output.
  unsigned getDepth() const;
  /// The widest node.
  unsigned getWidth() const;
  /// Outputs that are a negated node.
  unsigned numNegatedOutputs() const;
};

/// Shares adders, proves the result, and makes the linear programs that are
/// asked for. Fails if the depth is out of reach or the registers are too few.
llvm::Expected<Solution> solve(const ConstantMatrix &matrix,
                               const Request &request,
                               llvm::function_ref<bool()> isInterrupted);

} // namespace bitnn

#endif // BITNN_TOOLS_BITNN_ADDERS_SOLUTION_H
