// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a layer's matrix is cut for lanes that hold few digits.

#ifndef BITNN_LIB_ARITHMETIC_DIGITRUNS_H
#define BITNN_LIB_ARITHMETIC_DIGITRUNS_H

#include "bitnn/Arithmetic/Partition.h"

namespace bitnn {

/// Cuts the digits of one block of outputs into runs. The digits of each output
/// are walked by plane, and inside a plane by input in the order of `columns`;
/// a run ends where the next digit would not fit the lane. So a run may go on
/// in the next plane, whose digits count twice, but not past a multiple of
/// `height` planes. The outputs' runs after such a multiple are code blocks:
/// the first of every output, the second, and so on.
class DigitRuns {
public:
  DigitRuns(const ConstantMatrix &matrix, unsigned firstOutput,
            unsigned numOutputs, llvm::ArrayRef<unsigned> columns,
            const PartitionOptions &options);

  OutputBlock cut(unsigned height) const;

private:
  struct PlacedDigit {
    unsigned plane;
    /// Index into `columns`.
    unsigned place;
    bool negative;
  };
  struct Run {
    llvm::ArrayRef<PlacedDigit> digits;
    Interval sum;
  };
  Run takeRun(llvm::ArrayRef<PlacedDigit> &digits, unsigned endPlane) const;
  void append(OutputBlock &block, llvm::ArrayRef<Run> runs) const;

  unsigned firstOutput;
  llvm::ArrayRef<unsigned> columns;
  const PartitionOptions &options;
  /// Per output, by ascending plane and place.
  std::vector<std::vector<PlacedDigit>> digits;
};

/// Completes a code block by the starts of its partial sums, and appends it.
void appendCodeBlock(OutputBlock &block, CodeBlock codeBlock,
                     llvm::ArrayRef<Interval> sums,
                     const PartitionOptions &options);

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_DIGITRUNS_H
