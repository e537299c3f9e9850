// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Sharing.h"
#include "RandomMatrix.h"
#include "llvm/ADT/STLExtras.h"
#include <climits>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

/// Weights of up to 24 bits, some rows and columns of zeros, some rows that are
/// others shifted or negated.
ConstantMatrix randomLayer(Random &random) {
  ConstantMatrix matrix = randomMatrix(random, random() % 14, random() % 14,
                                       randomIn(random, 2, 24));
  for (unsigned row = 0; row < matrix.rows(); ++row) {
    unsigned kind = random() % 8;
    unsigned other = random() % matrix.rows();
    for (unsigned column = 0; column < matrix.columns(); ++column) {
      int32_t &weight = matrix.at(row, column);
      if (kind == 0)
        weight = 0;
      if (kind == 1)
        weight = matrix.at(other, column) * 2;
      if (kind == 2)
        weight = -matrix.at(other, column);
      if (column % 5 == 4 && kind > 3)
        weight = 0;
    }
  }
  return matrix;
}

unsigned depthOf(const AdderGraph &graph) {
  unsigned depth = 0;
  std::vector<unsigned> depths = graph.getDepths();
  for (const auto &output : graph.getOutputs())
    if (output)
      depth = std::max(depth, depths[output->node]);
  return depth;
}

void expectEqual(const AdderGraph &graph, const ConstantMatrix &matrix) {
  EXPECT_EQ(llvm::toString(graph.verifyEquals(matrix)), "");
}

TEST(Sharing, EqualsRandomMatrices) {
  forEachSeed(400, [](Random &random) {
    ConstantMatrix matrix = randomLayer(random);
    SharingOptions options;
    options.encoding = random() % 4 ? Encoding::Csd : Encoding::Binary;
    options.accumulate = random() % 2;
    options.window = random() % 5;
    options.weighByWidth = random() % 4 == 0;
    options.evaluations = random() % 2 ? 20 : 0;
    options.seed = random();
    unsigned minimum =
        getMinimumDepth(matrix, options.encoding, options.accumulate);
    if (random() % 2)
      options.maxDepth = minimum + random() % 4;
    AdderGraph graph = shareAdders(matrix, options);
    expectEqual(graph, matrix);
    EXPECT_LE(depthOf(graph), options.maxDepth.value_or(UINT_MAX));
    AdderGraph unshared =
        AdderGraph::fromMatrix(matrix, {options.encoding, options.accumulate});
    EXPECT_LE(graph.numAdders(), unshared.numAdders());
    EXPECT_EQ(graph.numAccumulators(), options.accumulate ? matrix.rows() : 0);
  });
}

TEST(Sharing, SharesEqualRows) {
  forEachSeed(20, [](Random &random) {
    ConstantMatrix row = randomMatrix(random, 1, 9, 8);
    ConstantMatrix matrix(4, 9);
    for (unsigned column = 0; column < 9; ++column) {
      matrix.at(0, column) = row.at(0, column);
      matrix.at(1, column) = row.at(0, column);
      matrix.at(2, column) = -row.at(0, column);
      matrix.at(3, column) = row.at(0, column) * 8;
    }
    AdderGraph graph = shareAdders(matrix, {});
    expectEqual(graph, matrix);
    EXPECT_LE(graph.numAdders(),
              AdderGraph::fromMatrix(row, AdderGraph::Options()).numAdders());
  });
}

TEST(Sharing, NeedsNoAddersForPowersOfTwo) {
  ConstantMatrix matrix(3, 3, {0, -64, 0, 1 << 23, 0, 0, 0, 0, 1});
  AdderGraph graph = shareAdders(matrix, {});
  expectEqual(graph, matrix);
  EXPECT_EQ(graph.numAdders(), 0u);
}

// The canonical 3 is 4 - 1; but 2 + 1 has 2 (x0 + x1) in 3 x0 + 2 x1 + x2.
TEST(Sharing, LeavesFormsOpen) {
  ConstantMatrix matrix(2, 3, {3, 2, 1, 1, 1, 0});
  AdderGraph graph = shareAdders(matrix, {});
  expectEqual(graph, matrix);
  EXPECT_EQ(graph.numAdders(), 3u);
  SharingOptions options;
  options.encoding = Encoding::Binary;
  EXPECT_EQ(shareAdders(matrix, options).numAdders(), 3u);
}

TEST(Sharing, LimitsDepth) {
  forEachSeed(20, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 12, 12, 8);
    unsigned minimum = getMinimumDepth(matrix, Encoding::Csd, false);
    SharingOptions options;
    unsigned fewest = UINT_MAX;
    // A limit below the minimum counts as the minimum.
    for (unsigned depth : {0u, minimum, minimum + 1, minimum + 3}) {
      options.maxDepth = depth;
      AdderGraph graph = shareAdders(matrix, options);
      expectEqual(graph, matrix);
      EXPECT_LE(depthOf(graph), std::max(depth, minimum));
      if (depth <= minimum)
        fewest = graph.numAdders();
    }
    // A depth that is far away limits nothing.
    options.maxDepth = 60;
    unsigned deep = shareAdders(matrix, options).numAdders();
    EXPECT_EQ(deep, shareAdders(matrix, {}).numAdders());
    EXPECT_LE(deep, fewest);
  });
}

unsigned bitsOf(const AdderGraph &graph, Interval input) {
  std::vector<Interval> inputs(graph.numInputs(), input);
  std::vector<Interval> intervals = graph.getIntervals(inputs);
  unsigned bits = 0;
  for (Interval interval : llvm::drop_begin(intervals, graph.numInputs()))
    while (!interval.fitsSigned(1)) {
      ++bits;
      interval = {interval.lower >> 1, interval.upper >> 1};
    }
  return bits;
}

TEST(Sharing, WeighsByWidth) {
  unsigned adders = 0, bits = 0, weighedBits = 0;
  forEachSeed(10, [&](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 16, 16, 8);
    SharingOptions options;
    AdderGraph graph = shareAdders(matrix, options);
    options.weighByWidth = true;
    AdderGraph weighed = shareAdders(matrix, options);
    expectEqual(weighed, matrix);
    adders += graph.numAdders();
    bits += bitsOf(graph, options.inputInterval);
    weighedBits += bitsOf(weighed, options.inputInterval);
  });
  EXPECT_LT(weighedBits, bits);
}

TEST(Sharing, Anneals) {
  unsigned greedy = 0, annealed = 0;
  forEachSeed(4, [&](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 12, 12, 8);
    SharingOptions options;
    unsigned adders = shareAdders(matrix, options).numAdders();
    greedy += adders;
    options.evaluations = 1000;
    options.seed = random();
    options.accumulate = random() % 2;
    AdderGraph graph = shareAdders(matrix, options);
    expectEqual(graph, matrix);
    unsigned starts = options.accumulate ? matrix.rows() : 0;
    EXPECT_LE(graph.numAdders() - starts, adders);
    annealed += graph.numAdders() - starts;

    // Equal seeds give equal graphs.
    AdderGraph again = shareAdders(matrix, options);
    auto isEqual = [](const AdderGraph::Operand &a,
                      const AdderGraph::Operand &b) {
      return a.node == b.node && a.shift == b.shift && a.negative == b.negative;
    };
    ASSERT_EQ(again.numAdders(), graph.numAdders());
    for (auto [a, b] : llvm::zip_equal(graph.getAdders(), again.getAdders()))
      EXPECT_TRUE(isEqual(a.lhs, b.lhs) && isEqual(a.rhs, b.rhs));
  });
  EXPECT_LT(annealed, greedy * 0.95);
}

TEST(Sharing, WindowsLoseLittle) {
  unsigned whole = 0, windowed = 0;
  forEachSeed(3, [&](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 24, 90, 8);
    SharingOptions options;
    whole += shareAdders(matrix, options).numAdders();
    options.window = 12;
    AdderGraph graph = shareAdders(matrix, options);
    expectEqual(graph, matrix);
    windowed += graph.numAdders();
  });
  EXPECT_LT(whole, windowed);
  EXPECT_LT(windowed, whole * 1.10);
}

TEST(Sharing, AnnealingIsInterrupted) {
  Random random(9);
  ConstantMatrix matrix = randomMatrix(random, 8, 8, 8);
  SharingOptions options;
  unsigned greedy = shareAdders(matrix, options).numAdders();
  options.evaluations = UINT_MAX;
  unsigned asked = 0;
  auto isInterrupted = [&] { return ++asked > 1000; };
  options.isInterrupted = isInterrupted;
  AdderGraph graph = shareAdders(matrix, options);
  expectEqual(graph, matrix);
  EXPECT_LT(graph.numAdders(), greedy);
}

TEST(Sharing, IsInterrupted) {
  Random random(7);
  ConstantMatrix matrix = randomMatrix(random, 40, 40, 8);
  unsigned asked = 0;
  auto isInterrupted = [&] { return ++asked > 3; };
  SharingOptions options;
  options.isInterrupted = isInterrupted;
  AdderGraph graph = shareAdders(matrix, options);
  expectEqual(graph, matrix);
  EXPECT_EQ(asked, 4u);
  unsigned unshared =
      AdderGraph::fromMatrix(matrix, AdderGraph::Options()).numAdders();
  EXPECT_LT(graph.numAdders(), unshared);
  EXPECT_GT(graph.numAdders(), shareAdders(matrix, {}).numAdders());
}

} // namespace
