// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Partition.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

using Intervals = llvm::SmallVector<Interval, 32>;

static bool fitLanes(llvm::ArrayRef<Interval> sums, unsigned laneBits) {
  return laneBits == 32 || llvm::all_of(sums, [](Interval sum) {
           return sum.size() <= uint64_t(1) << 16;
         });
}

/// The start nearest to 0 that moves `sum` into signed 16 bits; `wanted` if
/// that one does.
static int64_t getStart(Interval sum, std::optional<int64_t> wanted) {
  Interval lane = Interval::ofSigned(16);
  Interval starts = {lane.lower - sum.lower, lane.upper - sum.upper};
  if (wanted && starts.contains(*wanted))
    return *wanted;
  return std::clamp<int64_t>(0, starts.lower, starts.upper);
}

namespace {
/// Planes shift, shift + 1, ... of a matrix, divided by 2^shift.
struct PlaneGroup {
  ConstantMatrix matrix;
  unsigned shift = 0;
};

/// Cuts the inputs of one block of outputs into windows.
class WindowBuilder {
public:
  WindowBuilder(const PlaneGroup &group, const PartitionOptions &options,
                OutputBlock &block, uint64_t &steps)
      : matrix(group.matrix), shift(group.shift), options(options),
        block(block), steps(steps), sums(block.numOutputs) {}

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
    for (unsigned row = 0; row < block.numOutputs; ++row) {
      int64_t start =
          window.laneBits == 16 ? getStart(sums[row], getWanted(row)) : 0;
      window.starts.push_back(start);
      block.corrections[row] -= start * (int64_t(1) << shift);
    }
    sums.assign(block.numOutputs, Interval());
    window.shift = shift;
    block.codeBlocks.push_back(std::exchange(window, CodeBlock()));
  }

private:
  /// The start that leaves nothing of the bias to be added later, if the window
  /// has digits of the output.
  std::optional<int64_t> getWanted(unsigned row) const {
    if (options.bias.empty() ||
        llvm::all_of(window.matrix.row(row), [](int32_t w) { return w == 0; }))
      return std::nullopt;
    int64_t rest =
        options.bias[block.firstOutput + row] + block.corrections[row];
    int64_t unit = int64_t(1) << shift;
    return rest % unit == 0 ? std::optional<int64_t>(rest / unit)
                            : std::nullopt;
  }

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
  const unsigned shift;
  const PartitionOptions &options;
  OutputBlock &block;
  uint64_t &steps;
  /// The open window, and its partial sum of every output.
  CodeBlock window;
  Intervals sums;
};
} // namespace

/// The matrix as `count` groups of planes of about equal height. The digits of
/// a group are those that encode() gives for its own matrix.
static std::vector<PlaneGroup> splitPlanes(const ConstantMatrix &matrix,
                                           Encoding encoding, unsigned count) {
  if (count == 1)
    return {{matrix, 0}};
  unsigned planes = 1;
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (int32_t weight : matrix.row(row))
      if (auto digits = encode(weight, encoding); !digits.empty())
        planes = std::max(planes, digits.back().shift + 1);
  unsigned height = llvm::divideCeil(planes, count);
  std::vector<PlaneGroup> groups;
  for (unsigned shift = 0; shift < planes; shift += height)
    groups.push_back({ConstantMatrix(matrix.rows(), matrix.columns()), shift});
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (unsigned column = 0; column < matrix.columns(); ++column)
      for (Digit digit : encode(matrix.at(row, column), encoding)) {
        PlaneGroup &group = groups[digit.shift / height];
        int32_t value = int32_t(1) << (digit.shift - group.shift);
        group.matrix.at(row, column) += digit.negative ? -value : value;
      }
  return groups;
}

/// What a block of outputs costs beside its adds, in instructions on vectors: a
/// load of every input, and per code block and output a store, and two halves
/// that are loaded, widened, shifted and added.
static uint64_t getOverhead(const OutputBlock &block) {
  uint64_t cost = 0;
  for (const CodeBlock &codeBlock : block.codeBlocks)
    cost += codeBlock.inputs.size() +
            uint64_t(block.numOutputs) * (codeBlock.shift ? 7 : 5);
  return cost;
}

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

  // Only narrow lanes run full.
  unsigned mostGroups = options.laneBits == 16 ? 4 : 1;
  std::vector<std::vector<PlaneGroup>> splits;
  for (unsigned count = 1; count <= mostGroups; ++count)
    splits.push_back(splitPlanes(matrix, options.encoding, count));

  Partition partition;
  auto cutBlock = [&](unsigned first, llvm::ArrayRef<PlaneGroup> groups) {
    OutputBlock block;
    block.firstOutput = first;
    block.numOutputs = std::min(options.accumulators, matrix.rows() - first);
    block.corrections.resize(block.numOutputs);
    for (const PlaneGroup &group : groups) {
      WindowBuilder builder(group, options, block, partition.steps);
      for (unsigned column : columns)
        builder.addInput(column);
      builder.close();
    }
    return block;
  };
  for (unsigned first = 0; first < matrix.rows();
       first += options.accumulators) {
    OutputBlock best = cutBlock(first, splits.front());
    for (const std::vector<PlaneGroup> &groups : llvm::drop_begin(splits))
      if (OutputBlock block = cutBlock(first, groups);
          getOverhead(block) < getOverhead(best))
        best = std::move(block);
    partition.blocks.push_back(std::move(best));
  }
  return partition;
}

std::vector<Interval> getAccumulatorIntervals(const ConstantMatrix &matrix,
                                              llvm::ArrayRef<int64_t> bias,
                                              Interval input) {
  assert(bias.empty() || bias.size() == matrix.rows());
  std::vector<Interval> intervals;
  for (unsigned row = 0; row < matrix.rows(); ++row) {
    Interval sum;
    for (int32_t weight : matrix.row(row))
      sum += input * weight;
    if (!bias.empty())
      sum += Interval::ofValue(bias[row]);
    // The low 32 bits of the lower end, as int32.
    Interval moved =
        sum + Interval::ofValue(int64_t(int32_t(sum.lower)) - sum.lower);
    intervals.push_back(moved.fitsSigned(32) ? moved : sum);
  }
  return intervals;
}

} // namespace bitnn
