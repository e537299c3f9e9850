// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Partition.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"

namespace bitnn {

using Intervals = llvm::SmallVector<Interval, 32>;

static bool fitLanes(llvm::ArrayRef<Interval> sums, unsigned laneBits) {
  return laneBits == 32 || llvm::all_of(sums, [](Interval sum) {
           return sum.size() <= uint64_t(1) << 16;
         });
}

/// The start nearest to 0 that moves `sum` into signed 16 bits.
static int64_t getStart(Interval sum) {
  Interval lane = Interval::ofSigned(16);
  if (sum.lower < lane.lower)
    return lane.lower - sum.lower;
  return std::min<int64_t>(0, lane.upper - sum.upper);
}

namespace {
/// Cuts the inputs of one block of outputs into windows.
class WindowBuilder {
public:
  WindowBuilder(const ConstantMatrix &matrix, const PartitionOptions &options,
                OutputBlock &block, uint64_t &steps)
      : matrix(matrix), options(options), block(block), steps(steps),
        sums(block.numOutputs) {
    block.corrections.resize(block.numOutputs);
  }

  void addInput(unsigned column) {
    Intervals terms;
    unsigned adds = 0;
    steps += block.numOutputs;
    for (unsigned row = 0; row < block.numOutputs; ++row) {
      int32_t weight = matrix.at(block.firstOutput + row, column);
      adds += countDigits(weight, options.encoding);
      terms.push_back(options.inputInterval * weight);
    }
    if (adds == 0)
      return;
    unsigned laneBits =
        fitLanes(terms, options.laneBits) ? options.laneBits : 32;
    if (!accepts(column, adds, terms, laneBits))
      close();
    window.laneBits = laneBits;
    window.inputs.push_back(column);
    window.numAdds += adds;
    for (auto [sum, term] : llvm::zip_equal(sums, terms))
      sum += term;
  }

  /// Appends the window to the block, if it has inputs.
  void close() {
    if (window.inputs.empty())
      return;
    steps += uint64_t(block.numOutputs) * window.inputs.size();
    unsigned end = block.firstOutput + block.numOutputs;
    window.matrix = matrix.select(
        llvm::to_vector(llvm::seq(block.firstOutput, end)), window.inputs);
    for (auto [sum, correction] : llvm::zip_equal(sums, block.corrections)) {
      window.starts.push_back(window.laneBits == 16 ? getStart(sum) : 0);
      correction -= window.starts.back();
      sum = Interval();
    }
    block.codeBlocks.push_back(std::exchange(window, CodeBlock()));
  }

private:
  /// Whether the open window may take an input with these terms.
  bool accepts(unsigned column, unsigned adds, llvm::ArrayRef<Interval> terms,
               unsigned laneBits) const {
    if (window.inputs.empty())
      return true;
    if (window.laneBits != laneBits ||
        window.numAdds + adds > options.maxAdds ||
        (options.maxInputs && window.inputs.size() >= *options.maxInputs))
      return false;
    // Inputs come by ascending offset: the first one is the lowest.
    if (options.reach && !options.inputOffsets.empty() &&
        options.inputOffsets[column] -
                options.inputOffsets[window.inputs.front()] >
            *options.reach)
      return false;
    steps += block.numOutputs;
    Intervals grown;
    for (auto [sum, term] : llvm::zip_equal(sums, terms))
      grown.push_back(sum + term);
    return fitLanes(grown, laneBits);
  }

  const ConstantMatrix &matrix;
  const PartitionOptions &options;
  OutputBlock &block;
  uint64_t &steps;
  /// The open window, and its partial sum of every output.
  CodeBlock window;
  Intervals sums;
};
} // namespace

Partition Partition::compute(const ConstantMatrix &matrix,
                             const PartitionOptions &options) {
  assert(options.accumulators > 0);
  assert(options.laneBits == 16 || options.laneBits == 32);
  assert(options.inputOffsets.empty() ||
         options.inputOffsets.size() == matrix.columns());

  auto columns = llvm::to_vector(llvm::seq(0u, matrix.columns()));
  if (!options.inputOffsets.empty())
    llvm::sort(columns, [&](unsigned a, unsigned b) {
      return std::pair(options.inputOffsets[a], a) <
             std::pair(options.inputOffsets[b], b);
    });

  Partition partition;
  for (unsigned first = 0; first < matrix.rows();
       first += options.accumulators) {
    OutputBlock &block = partition.blocks.emplace_back();
    block.firstOutput = first;
    block.numOutputs = std::min(options.accumulators, matrix.rows() - first);
    WindowBuilder builder(matrix, options, block, partition.steps);
    for (unsigned column : columns)
      builder.addInput(column);
    builder.close();
  }
  return partition;
}

llvm::Expected<std::vector<Interval>>
getAccumulatorIntervals(const ConstantMatrix &matrix,
                        llvm::ArrayRef<int64_t> bias, Interval input) {
  assert(bias.empty() || bias.size() == matrix.rows());
  std::vector<Interval> intervals;
  for (unsigned row = 0; row < matrix.rows(); ++row) {
    Interval sum;
    for (int32_t weight : matrix.row(row))
      sum += input * weight;
    if (!bias.empty())
      sum += Interval::ofValue(bias[row]);
    // The low 32 bits of the lower end, as int32.
    sum += Interval::ofValue(int64_t(int32_t(sum.lower)) - sum.lower);
    if (!sum.fitsSigned(32)) {
      auto message = llvm::formatv("output {0}: its accumulator can take the "
                                   "values {1}, which leaves int32",
                                   row, sum);
      return llvm::createStringError(llvm::Twine(message.str()));
    }
    intervals.push_back(sum);
  }
  return intervals;
}

} // namespace bitnn
