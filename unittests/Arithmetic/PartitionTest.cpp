// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Partition.h"
#include "RandomMatrix.h"
#include "bitnn/Arithmetic/AdderGraph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace {

PartitionOptions randomOptions(Random &random) {
  PartitionOptions options;
  options.encoding = random() % 2 ? Encoding::Binary : Encoding::Csd;
  options.accumulators = 1 + random() % 6;
  options.maxAdds = 1 + random() % 100;
  options.laneBits = 8u << random() % 3;
  if (random() % 2)
    options.inputInterval = {0, 15};
  if (random() % 4 == 0)
    options.inputInterval = {100, 355};
  return options;
}

/// The partial sum of one output over the inputs of a code block.
Interval sumOf(const CodeBlock &codeBlock, unsigned row, Interval input) {
  Interval sum;
  for (int32_t weight : codeBlock.matrix.row(row))
    sum += input * weight;
  return sum;
}

TEST(Partition, CoversEachWeightOnce) {
  forEachSeed(300, [](Random &random) {
    unsigned bits = random() % 2 ? 8 : 16;
    ConstantMatrix matrix =
        randomMatrix(random, 1 + random() % 12, random() % 30, bits);
    PartitionOptions options = randomOptions(random);
    Partition partition = Partition::compute(matrix, options);

    ConstantMatrix covered(matrix.rows(), matrix.columns());
    unsigned nextOutput = 0;
    for (const OutputBlock &block : partition.blocks) {
      EXPECT_EQ(block.firstOutput, nextOutput);
      EXPECT_LE(block.numOutputs, options.accumulators);
      nextOutput += block.numOutputs;
      for (const CodeBlock &codeBlock : block.codeBlocks) {
        ASSERT_EQ(codeBlock.matrix.rows(), block.numOutputs);
        ASSERT_EQ(codeBlock.matrix.columns(), codeBlock.inputs.size());
        for (auto [index, column] : llvm::enumerate(codeBlock.inputs)) {
          bool used = false;
          for (unsigned row = 0; row < block.numOutputs; ++row) {
            int32_t weight = codeBlock.matrix.at(row, index);
            covered.at(block.firstOutput + row, column) +=
                weight * (1 << codeBlock.shifts[row]);
            used |= weight != 0;
          }
          EXPECT_TRUE(used) << "column " << column;
        }
      }
    }
    EXPECT_EQ(nextOutput, matrix.rows());
    EXPECT_EQ(covered, matrix);
  });
}

TEST(Partition, RespectsEveryBound) {
  forEachSeed(300, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 8, 40, 8);
    PartitionOptions options = randomOptions(random);
    std::vector<int64_t> offsets =
        randomValues(random, matrix.columns(), {-3000, 3000});
    options.inputOffsets = offsets;
    options.reach = random() % 2000;
    Partition partition = Partition::compute(matrix, options);
    for (const OutputBlock &block : partition.blocks) {
      const CodeBlock *previous = nullptr;
      for (const CodeBlock &codeBlock : block.codeBlocks) {
        unsigned adds =
            AdderGraph::fromMatrix(codeBlock.matrix, {options.encoding, true})
                .numAdders();
        EXPECT_EQ(codeBlock.numAdds, adds);
        EXPECT_TRUE(adds <= options.maxAdds || codeBlock.inputs.size() == 1);
        auto offsetOf = [&](unsigned column) { return offsets[column]; };
        auto inside =
            llvm::to_vector(llvm::map_range(codeBlock.inputs, offsetOf));
        EXPECT_TRUE(llvm::is_sorted(inside));
        EXPECT_LE(inside.back() - inside.front(), *options.reach);
        if (previous && previous->shifts == codeBlock.shifts) {
          EXPECT_LE(offsetOf(previous->inputs.back()), inside.front());
        }
        previous = &codeBlock;
      }
    }
  });
}

TEST(Partition, WindowsAreAsLargeAsPossible) {
  ConstantMatrix matrix(1, 6, {1, 1, 0, 1, 1, 1});
  PartitionOptions options;
  options.maxAdds = 3;
  Partition byAdds = Partition::compute(matrix, options);
  ASSERT_EQ(byAdds.blocks[0].codeBlocks.size(), 2u);
  EXPECT_EQ(byAdds.blocks[0].codeBlocks[0].inputs,
            (std::vector<unsigned>{0, 1, 3}));

  options.maxAdds = 100;
  EXPECT_EQ(Partition::compute(matrix, options).blocks[0].codeBlocks.size(),
            1u);
  int64_t offsets[] = {50, 40, 30, 20, 10, 0};
  options.inputOffsets = offsets;
  options.reach = 20;
  EXPECT_EQ(Partition::compute(matrix, options).blocks[0].codeBlocks[0].inputs,
            (std::vector<unsigned>{5, 4, 3}));
}

TEST(Partition, SixteenBitLanesUseTheirWholeRange) {
  // A weight sum of 257 spreads 8-bit activations over 65,536 values exactly.
  PartitionOptions options;
  options.laneBits = 16;
  ConstantMatrix widest(1, 3, {127, 127, 3});
  Partition one = Partition::compute(widest, options);
  ASSERT_EQ(one.blocks[0].codeBlocks.size(), 1u);
  EXPECT_EQ(one.blocks[0].codeBlocks[0].laneBits, 16u);
  EXPECT_EQ(one.blocks[0].codeBlocks[0].starts, (std::vector<int64_t>{128}));
  EXPECT_EQ(one.blocks[0].corrections, (std::vector<int64_t>{-128}));

  ConstantMatrix wider(1, 3, {127, 127, 4});
  EXPECT_EQ(Partition::compute(wider, options).blocks[0].codeBlocks.size(), 2u);
  ConstantMatrix small(1, 2, {100, -100});
  EXPECT_EQ(Partition::compute(small, options).blocks[0].codeBlocks[0].starts,
            (std::vector<int64_t>{0}));
}

TEST(Partition, EightBitLanesHoldFewDigitsOfEachPlane) {
  // 17 digits spread 4-bit activations over 256 values.
  PartitionOptions options;
  options.laneBits = 8;
  options.inputInterval = {-128, -113};
  options.maxAdds = 10000;
  ConstantMatrix matrix(1, 34, std::vector<int32_t>(34, 65));
  Partition partition = Partition::compute(matrix, options);
  std::vector<unsigned> shifts;
  for (const CodeBlock &codeBlock : partition.blocks[0].codeBlocks) {
    EXPECT_EQ(codeBlock.laneBits, 8u);
    EXPECT_EQ(codeBlock.numAdds, 17u);
    EXPECT_EQ(codeBlock.intervals[0], (Interval{-128, 127}));
    shifts.push_back(codeBlock.shifts[0]);
  }
  EXPECT_EQ(shifts, (std::vector<unsigned>{0, 0, 6, 6}));
}

TEST(Partition, GroupsOfPlanesMakeLongWindows) {
  // Weights of 63 = 64 - 1: four of them fill 16 bits, but only 257 of either
  // digit alone.
  PartitionOptions options;
  options.laneBits = 16;
  options.maxAdds = 10000;
  ConstantMatrix matrix(1, 200, std::vector<int32_t>(200, 63));
  Partition partition = Partition::compute(matrix, options);
  const std::vector<CodeBlock> &codeBlocks = partition.blocks[0].codeBlocks;
  ASSERT_EQ(codeBlocks.size(), 2u);
  EXPECT_EQ(codeBlocks[0].shifts[0], 0u);
  EXPECT_EQ(codeBlocks[0].matrix.at(0, 0), -1);
  EXPECT_EQ(codeBlocks[1].matrix.at(0, 0) << codeBlocks[1].shifts[0], 64);
  for (const CodeBlock &codeBlock : codeBlocks) {
    EXPECT_EQ(codeBlock.laneBits, 16u);
    EXPECT_EQ(codeBlock.numAdds, 200u);
  }

  options.laneBits = 32;
  EXPECT_EQ(Partition::compute(matrix, options).blocks[0].codeBlocks.size(),
            1u);
}

TEST(Partition, WideInputsGetThirtyTwoBitLanes) {
  PartitionOptions options;
  options.laneBits = 16;
  options.inputInterval = {-20000, 20000};
  ConstantMatrix matrix(2, 5, {1, 3, 3, 2, 1, 1, 1, 1, -3, 1});
  std::vector<unsigned> lanes;
  Partition partition = Partition::compute(matrix, options);
  for (const CodeBlock &codeBlock : partition.blocks[0].codeBlocks)
    lanes.push_back(codeBlock.laneBits);
  EXPECT_EQ(lanes, (std::vector<unsigned>{16, 32, 16}));
}

/// Adds modulo 2^8, 2^16 or 2^32, as the lanes do, and joins the code blocks in
/// 32 bits.
TEST(Partition, NarrowLanesAreExact) {
  forEachSeed(300, [](Random &random) {
    unsigned bits = random() % 2 ? 8 : 10;
    ConstantMatrix matrix =
        randomMatrix(random, 1 + random() % 6, 1 + random() % 40, bits);
    PartitionOptions options = randomOptions(random);
    options.laneBits = random() % 2 ? 8 : 16;
    Partition partition = Partition::compute(matrix, options);
    Interval input = options.inputInterval;
    for (unsigned sample = 0; sample < 8; ++sample) {
      std::vector<int64_t> values =
          randomValues(random, matrix.columns(), input);
      // The extremes of one output, where wrapping would show.
      if (sample < 4)
        for (auto [value, weight] :
             llvm::zip_equal(values, matrix.row(random() % matrix.rows())))
          value = (weight < 0) == (sample < 2) ? input.upper : input.lower;
      std::vector<int64_t> expected = multiply(matrix, values);
      for (const OutputBlock &block : partition.blocks)
        for (unsigned row = 0; row < block.numOutputs; ++row) {
          uint32_t accumulator = uint32_t(block.corrections[row]);
          for (const CodeBlock &codeBlock : block.codeBlocks) {
            uint32_t lane = uint32_t(codeBlock.starts[row]);
            for (auto [column, weight] :
                 llvm::zip_equal(codeBlock.inputs, codeBlock.matrix.row(row)))
              for (Digit digit : encode(weight, options.encoding)) {
                uint32_t term = uint32_t(values[column]) << digit.shift;
                lane = digit.negative ? lane - term : lane + term;
                lane &= llvm::maskTrailingOnes<uint32_t>(codeBlock.laneBits);
              }
            uint32_t sum = llvm::SignExtend64(lane, codeBlock.laneBits);
            if (codeBlock.laneBits < 32) {
              EXPECT_TRUE(codeBlock.intervals[row].contains(int32_t(sum)));
            }
            accumulator += sum << codeBlock.shifts[row];
          }
          EXPECT_EQ(int32_t(accumulator), expected[block.firstOutput + row]);
        }
    }
  });
}

TEST(Partition, StartsAreTheSmallest) {
  forEachSeed(100, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 4, 30, 8);
    PartitionOptions options = randomOptions(random);
    unsigned laneBits = options.laneBits = random() % 2 ? 8 : 16;
    Partition partition = Partition::compute(matrix, options);
    for (const OutputBlock &block : partition.blocks)
      for (const CodeBlock &codeBlock : block.codeBlocks)
        for (unsigned row = 0; row < block.numOutputs; ++row) {
          if (codeBlock.laneBits == 32) {
            EXPECT_EQ(codeBlock.starts[row], 0);
            continue;
          }
          Interval sum = sumOf(codeBlock, row, options.inputInterval);
          int64_t start = codeBlock.starts[row];
          EXPECT_TRUE((sum + Interval::ofValue(start)).fitsSigned(laneBits));
          EXPECT_EQ(codeBlock.intervals[row], sum + Interval::ofValue(start));
          int64_t nearer = start + (start > 0 ? -1 : 1);
          EXPECT_TRUE(start == 0 ||
                      !(sum + Interval::ofValue(nearer)).fitsSigned(laneBits));
        }
  });
}

TEST(Partition, WorkIsLinear) {
  Random random(0);
  PartitionOptions options;
  options.accumulators = 12;
  options.laneBits = 16;
  for (unsigned scale : {1, 2, 4, 8}) {
    ConstantMatrix matrix = randomMatrix(random, 64, 72 * scale, 8);
    uint64_t weights = uint64_t(matrix.rows()) * matrix.columns();
    EXPECT_LE(Partition::compute(matrix, options).steps, 30 * weights);
    ConstantMatrix tall = randomMatrix(random, 64 * scale, 72, 8);
    weights = uint64_t(tall.rows()) * tall.columns();
    EXPECT_LE(Partition::compute(tall, options).steps, 30 * weights);
  }
}

TEST(AccumulatorIntervals, EqualBruteForce) {
  forEachSeed(50, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 2, 3, 4);
    Interval input = {-2, int64_t(random() % 3)};
    std::vector<int64_t> bias = randomValues(random, 2, {-1000, 1000});
    auto intervals = getAccumulatorIntervals(matrix, bias, input);
    std::vector<std::optional<Interval>> seen(2);
    for (int64_t a = input.lower; a <= input.upper; ++a)
      for (int64_t b = input.lower; b <= input.upper; ++b)
        for (int64_t c = input.lower; c <= input.upper; ++c)
          for (auto [interval, sum] :
               llvm::zip_equal(seen, multiply(matrix, {a, b, c}, bias))) {
            Interval value = Interval::ofValue(sum);
            interval = interval ? interval->hull(value) : value;
          }
    EXPECT_EQ(intervals[0], *seen[0]);
    EXPECT_EQ(intervals[1], *seen[1]);
  });
}

TEST(AccumulatorIntervals, BiasMayBeWrapped) {
  ConstantMatrix matrix(1, 1, {100});
  int64_t bias = INT32_MAX - 5000;
  auto intervalOf = [&](int64_t bias, Interval input) {
    return getAccumulatorIntervals(matrix, bias, input);
  };
  Interval expected{INT32_MAX - 5000, INT32_MAX - 4900};
  EXPECT_EQ(intervalOf(bias, {0, 1})[0], expected);
  EXPECT_EQ(intervalOf(bias - (int64_t(3) << 32), {0, 1})[0], expected);
  // x >= 100 alone brings the sum past int32: the true bias was 2^32 less.
  EXPECT_EQ(intervalOf(bias, {100, 101})[0].lower, int64_t(INT32_MIN) + 4999);
}

TEST(AccumulatorIntervals, ShowWhatLeavesInt32) {
  ConstantMatrix matrix(3, 1, {1, 100, 100});
  int64_t bias[] = {0, INT32_MAX - 5000, INT32_MIN + 5000};
  auto above = getAccumulatorIntervals(matrix, bias, {0, 51});
  EXPECT_TRUE(above[0].fitsSigned(32));
  EXPECT_EQ(above[1], (Interval{2147478647, 2147483747}));
  // Not moved up to where only its lower end would fit.
  auto below = getAccumulatorIntervals(matrix, bias, {-51, 0});
  EXPECT_EQ(below[2], (Interval{-2147483748, -2147478648}));
}

} // namespace
