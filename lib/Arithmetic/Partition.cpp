// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Partition.h"
#include "DigitRuns.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

using Intervals = llvm::SmallVector<Interval, 32>;

static bool fitLanes(llvm::ArrayRef<Interval> sums, unsigned laneBits) {
  return laneBits == 32 || llvm::all_of(sums, [&](Interval sum) {
           return sum.size() <= uint64_t(1) << laneBits;
         });
}

/// The start nearest to 0 that moves `sum` into a signed lane; `wanted` if that
/// one does.
static int64_t getStart(Interval sum, unsigned laneBits,
                        std::optional<int64_t> wanted) {
  Interval lane = Interval::ofSigned(laneBits);
  Interval starts = {lane.lower - sum.lower, lane.upper - sum.upper};
  if (wanted && starts.contains(*wanted))
    return *wanted;
  return std::clamp<int64_t>(0, starts.lower, starts.upper);
}

/// The start that leaves nothing of the bias to be added later, if the code
/// block has digits of the output.
static std::optional<int64_t> getWanted(const OutputBlock &block,
                                        const CodeBlock &code, unsigned row,
                                        llvm::ArrayRef<int64_t> bias) {
  if (bias.empty() ||
      llvm::all_of(code.matrix.row(row), [](int32_t w) { return w == 0; }))
    return std::nullopt;
  int64_t rest = bias[block.firstOutput + row] + block.corrections[row];
  int64_t unit = int64_t(1) << code.shifts[row];
  return rest % unit == 0 ? std::optional<int64_t>(rest / unit) : std::nullopt;
}

void appendCodeBlock(OutputBlock &block, CodeBlock code,
                     llvm::ArrayRef<Interval> sums,
                     const PartitionOptions &options) {
  for (unsigned row = 0; row < block.numOutputs; ++row) {
    int64_t start = code.laneBits < 32
                        ? getStart(sums[row], code.laneBits,
                                   getWanted(block, code, row, options.bias))
                        : 0;
    code.starts.push_back(start);
    code.intervals.push_back(sums[row] + Interval::ofValue(start));
    block.corrections[row] -= start * (int64_t(1) << code.shifts[row]);
  }
  block.codeBlocks.push_back(std::move(code));
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
    window.shifts.assign(block.numOutputs, shift);
    appendCodeBlock(block, std::exchange(window, CodeBlock()), sums, options);
    sums.assign(block.numOutputs, Interval());
  }

private:
  /// Whether the open window may take an input with these terms.
  bool accepts(unsigned column, unsigned adds, llvm::ArrayRef<Interval> terms,
               unsigned laneBits) const {
    if (window.inputs.empty())
      return true;
    if (window.laneBits != laneBits || window.numAdds + adds > options.maxAdds)
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

static unsigned countPlanes(const ConstantMatrix &matrix, Encoding encoding) {
  unsigned planes = 1;
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (int32_t weight : matrix.row(row))
      if (auto digits = encode(weight, encoding); !digits.empty())
        planes = std::max(planes, digits.back().shift + 1);
  return planes;
}

/// The matrix as groups of `height` planes, the highest may be lower. The
/// digits of a group are those that encode() gives for its own matrix.
static std::vector<PlaneGroup> splitPlanes(const ConstantMatrix &matrix,
                                           Encoding encoding, unsigned planes,
                                           unsigned height) {
  if (height >= planes)
    return {{matrix, 0}};
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
/// load of every input, and per partial sum a store, and two halves that are
/// loaded, widened, shifted and added.
static uint64_t getOverhead(const OutputBlock &block) {
  uint64_t cost = 0;
  for (const CodeBlock &code : block.codeBlocks) {
    cost += code.inputs.size();
    for (unsigned row = 0; row < block.numOutputs; ++row)
      if (code.laneBits > 8 ||
          llvm::any_of(code.matrix.row(row), [](int32_t w) { return w != 0; }))
        cost += code.shifts[row] && code.laneBits > 8 ? 7 : 5;
  }
  return cost;
}

/// Heights of groups of planes that are worth a look: only narrow lanes run
/// full.
static std::vector<unsigned> getHeights(unsigned planes, unsigned laneBits) {
  unsigned mostGroups = laneBits == 32 ? 1 : laneBits == 16 ? 4 : planes;
  std::vector<unsigned> heights;
  for (unsigned count = 1; count <= mostGroups; ++count)
    if (unsigned height = llvm::divideCeil(planes, count);
        heights.empty() || heights.back() != height)
      heights.push_back(height);
  return heights;
}

Partition Partition::compute(const ConstantMatrix &matrix,
                             const PartitionOptions &given) {
  assert(given.accumulators > 0);
  assert(given.laneBits == 8 || given.laneBits == 16 || given.laneBits == 32);
  assert(given.inputOffsets.empty() ||
         given.inputOffsets.size() == matrix.columns());
  PartitionOptions options = given;
  if (options.laneBits == 8 &&
      (options.inputInterval.size() > 256 || options.reach))
    options.laneBits = 32;

  auto columns = llvm::to_vector(llvm::seq(0u, matrix.columns()));
  if (!options.inputOffsets.empty())
    llvm::sort(columns, [&](unsigned a, unsigned b) {
      return std::pair(options.inputOffsets[a], a) <
             std::pair(options.inputOffsets[b], b);
    });

  unsigned planes = countPlanes(matrix, options.encoding);
  std::vector<unsigned> heights = getHeights(planes, options.laneBits);
  std::vector<std::vector<PlaneGroup>> splits;
  if (options.laneBits > 8)
    for (unsigned height : heights)
      splits.push_back(splitPlanes(matrix, options.encoding, planes, height));

  Partition partition;
  auto cutWindows = [&](unsigned first, unsigned count,
                        llvm::ArrayRef<PlaneGroup> groups) {
    OutputBlock block;
    block.firstOutput = first;
    block.numOutputs = count;
    block.corrections.resize(count);
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
    unsigned count = std::min(options.accumulators, matrix.rows() - first);
    std::vector<OutputBlock> candidates;
    for (llvm::ArrayRef<PlaneGroup> groups : splits)
      candidates.push_back(cutWindows(first, count, groups));
    if (options.laneBits == 8) {
      DigitRuns runs(matrix, first, count, columns, options);
      for (unsigned height : heights)
        candidates.push_back(runs.cut(height));
      partition.steps += uint64_t(count) * columns.size() * heights.size();
    }
    // The first of equally cheap ones.
    partition.blocks.push_back(std::move(*llvm::min_element(
        candidates, [](const OutputBlock &a, const OutputBlock &b) {
          return getOverhead(a) < getOverhead(b);
        })));
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
