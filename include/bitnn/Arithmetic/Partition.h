// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer's matrix, cut into pieces that fit registers and code size.

#ifndef BITNN_ARITHMETIC_PARTITION_H
#define BITNN_ARITHMETIC_PARTITION_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Arithmetic/Interval.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>
#include <vector>

namespace bitnn {

/// A window of inputs and a group of planes for the outputs of one block: one
/// linear program.
struct CodeBlock {
  /// Columns of the layer's matrix, by ascending memory offset.
  std::vector<unsigned> inputs;
  /// The digits of the group, as weights: the outputs of the block x `inputs`.
  ConstantMatrix matrix;
  /// The group's lowest plane: the partial sums count 2^shift times.
  unsigned shift = 0;
  /// Digits of `matrix`: the adds of its accumulating adder graph.
  unsigned numAdds = 0;
  /// Bits of the lanes that add up this code block, 16 or 32.
  unsigned laneBits = 32;
  /// Per output, what its accumulator starts with: the bias, or as little as
  /// possible. With 16-bit lanes, start + partial sum fits signed 16 bits, so
  /// additions that wrap still end at the exact value; the lane starts with the
  /// low 16 bits, and the block's `corrections` take the start back. Zero with 32-bit lanes.
  std::vector<int64_t> starts;
};

/// Consecutive outputs whose accumulators stay in registers together.
struct OutputBlock {
  unsigned firstOutput = 0;
  unsigned numOutputs = 0;
  /// Their partial sums, shifted, add up to the outputs. Empty if all weights
  /// are zero.
  std::vector<CodeBlock> codeBlocks;
  /// Per output, minus the sum of its shifted starts: to be added to its 32-bit
  /// bias.
  std::vector<int64_t> corrections;
};

struct PartitionOptions {
  Encoding encoding = Encoding::Csd;
  /// Accumulators held in registers: the outputs of a block. At least 1.
  unsigned accumulators = 1;
  /// Adds of a code block. A single input may need more: it is not divided.
  unsigned maxAdds = 300;
  /// Inputs of a code block, at least 1.
  std::optional<unsigned> maxInputs;
  /// Lanes to be used wherever they are exact, 16 or 32 bits.
  unsigned laneBits = 32;
  /// The range of the activations.
  Interval inputInterval = {-128, 127};
  /// One per output, or none: what its partial sums are added to. Where a start
  /// can take the whole of it, it does.
  llvm::ArrayRef<int64_t> bias;
  /// The memory offset of each input, in the unit of `reach`. Inputs are walked
  /// by ascending offset; without offsets, by column.
  llvm::ArrayRef<int64_t> inputOffsets;
  /// The largest difference of two offsets inside a code block, so that the
  /// target's immediate offsets reach every input from one pointer.
  std::optional<int64_t> reach;
};

/// A layer's matrix as blocks of outputs, and each of them as groups of planes
/// and windows of inputs: every digit is in exactly one code block. Columns
/// that are zero in a code block are not inputs of it.
struct Partition {
  std::vector<OutputBlock> blocks;
  /// How many weights were looked at: at most 3 * rows * columns with 32-bit
  /// lanes. With 16-bit lanes up to ten groups of planes are looked at.
  uint64_t steps = 0;

  /// Windows grow greedily, until the next input would exceed maxAdds,
  /// maxInputs or reach, or would spread a 16-bit partial sum over more than
  /// 2^16 values. An input that alone spreads further than that is added up in
  /// 32-bit lanes, together with neighbours of its kind.
  ///
  /// With 16-bit lanes, each block of outputs gets as many groups of planes, of
  /// about equal height, as make it cheapest: without its high planes a weight
  /// takes less of the lanes' range, so that windows are longer.
  static Partition compute(const ConstantMatrix &matrix,
                           const PartitionOptions &options);
};

/// The interval of every accumulator bias + matrix * x, for x in `input`.
/// `bias` has one value per output, or none. It may be known modulo 2^32 only:
/// an interval that fits int32 after it is moved by a multiple of 2^32 is
/// moved. One that does not fit is an accumulator that can leave int32.
std::vector<Interval> getAccumulatorIntervals(const ConstantMatrix &matrix,
                                              llvm::ArrayRef<int64_t> bias,
                                              Interval input);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_PARTITION_H
