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

/// Digits of the outputs of one block: one linear program.
struct CodeBlock {
  /// Columns of the layer's matrix, by ascending memory offset.
  std::vector<unsigned> inputs;
  /// The digits as weights: the outputs of the block x `inputs`.
  ConstantMatrix matrix;
  /// Per output, its lowest plane: the partial sum counts 2^shift times.
  std::vector<unsigned> shifts;
  /// Digits of `matrix`: the adds of its accumulating adder graph.
  unsigned numAdds = 0;
  /// Bits of the lanes that add up this code block: those asked for, or 32.
  unsigned laneBits = 32;
  /// Per output, what its accumulator starts with: the bias, or as little as
  /// possible. In lanes below 32 bits, start + partial sum fits a signed lane,
  /// so additions that wrap still end at the exact value; the lane starts with
  /// the low bits, and the block's `corrections` take the start back. Zero with
  /// 32-bit lanes.
  std::vector<int64_t> starts;
  /// Per output, the interval of start + partial sum.
  std::vector<Interval> intervals;
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
  /// Lanes to be used wherever they are exact: 8, 16 or 32 bits.
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

/// A layer's matrix as blocks of outputs, and each of them as code blocks:
/// every digit is in exactly one. Columns that are zero in a code block are not
/// inputs of it.
struct Partition {
  std::vector<OutputBlock> blocks;
  /// How many weights were looked at: at most 3 * rows * columns with 32-bit
  /// lanes. In narrow lanes up to ten groups of planes are looked at.
  uint64_t steps = 0;

  /// In 16-bit and 32-bit lanes a code block is a group of planes of a window
  /// of inputs. Windows grow greedily, until the next input would exceed
  /// maxAdds or reach, or would spread a partial sum over more than 2^16
  /// values. An input that alone spreads further than that is added up in
  /// 32-bit lanes, together with neighbours of its kind.
  ///
  /// 8-bit lanes hold so few digits that each output has windows of its own:
  /// see DigitRuns. Inputs of more than 2^8 values, and those with a reach, get
  /// 32-bit lanes instead.
  ///
  /// With narrow lanes, each block of outputs gets as many groups of planes, of
  /// about equal height, as make it cheapest: without its high planes a weight
  /// takes less of the lanes' range.
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
