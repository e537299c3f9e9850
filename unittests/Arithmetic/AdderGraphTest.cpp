// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/AdderGraph.h"
#include "RandomMatrix.h"
#include "llvm/ADT/STLExtras.h"
#include <functional>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

std::string messageOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

unsigned countDigits(const ConstantMatrix &matrix, Encoding encoding) {
  unsigned count = 0;
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (int32_t weight : matrix.row(row))
      count += countDigits(weight, encoding);
  return count;
}

TEST(AdderGraph, EqualsRandomMatrices) {
  forEachSeed(200, [](Random &random) {
    ConstantMatrix matrix =
        randomMatrix(random, random() % 7, random() % 9, random() % 2 ? 8 : 16);
    for (Encoding encoding : {Encoding::Binary, Encoding::Csd})
      for (bool accumulate : {false, true}) {
        AdderGraph graph =
            AdderGraph::fromMatrix(matrix, {encoding, accumulate});
        EXPECT_EQ(messageOf(graph.verifyEquals(matrix)), "");
        std::vector<int64_t> values =
            randomValues(random, matrix.columns(), {-128, 127});
        std::vector<int64_t> start;
        if (accumulate)
          start = randomValues(random, matrix.rows(), {-70000, 70000});
        std::vector<int64_t> expected = multiply(matrix, values, start);
        llvm::append_range(values, start);
        EXPECT_EQ(graph.evaluate(values), expected);
      }
  });
}

TEST(AdderGraph, HasOneAdderPerDigit) {
  forEachSeed(50, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 5, 6, 8);
    for (Encoding encoding : {Encoding::Binary, Encoding::Csd}) {
      unsigned digits = countDigits(matrix, encoding), outputs = 0;
      for (unsigned row = 0; row < matrix.rows(); ++row)
        outputs += llvm::any_of(matrix.row(row), [](int w) { return w != 0; });
      EXPECT_EQ(AdderGraph::fromMatrix(matrix, {encoding, true}).numAdders(),
                digits);
      EXPECT_EQ(AdderGraph::fromMatrix(matrix, {encoding, false}).numAdders(),
                digits - outputs);
    }
  });
}

TEST(AdderGraph, WalksInputsOnceByShift) {
  forEachSeed(20, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 8, 10, 8);
    AdderGraph graph = AdderGraph::fromMatrix(matrix, {Encoding::Csd, true});
    auto key = [](const AdderGraph::Adder &adder) {
      return std::pair(adder.rhs.node, adder.rhs.shift);
    };
    EXPECT_TRUE(llvm::is_sorted(
        graph.getAdders(), [&](auto &a, auto &b) { return key(a) < key(b); }));
    for (const AdderGraph::Adder &adder : graph.getAdders()) {
      EXPECT_LT(adder.rhs.node, matrix.columns());
      EXPECT_GE(adder.lhs.node, matrix.columns());
      EXPECT_TRUE(adder.lhs.shift == 0 && !adder.lhs.negative);
    }
  });
}

TEST(AdderGraph, IntervalsEqualBruteForce) {
  forEachSeed(40, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 3, 3, 5);
    bool accumulate = random() % 2;
    AdderGraph graph =
        AdderGraph::fromMatrix(matrix, {Encoding::Csd, accumulate});
    // Every node becomes an output, so that its values can be seen.
    AdderGraph visible = graph;
    for (unsigned node = 0; node < graph.numNodes(); ++node)
      visible.addOutput(AdderGraph::Operand{node});

    std::vector<Interval> inputs;
    for (unsigned input = 0; input < graph.numInputs(); ++input) {
      int64_t lower = randomIn(random, -3, 3);
      inputs.push_back({lower, lower + int64_t(random() % 3)});
    }
    std::vector<std::optional<Interval>> seen(graph.numNodes());
    std::vector<int64_t> values(inputs.size());
    std::function<void(size_t)> visit = [&](size_t input) {
      if (input == inputs.size()) {
        std::vector<int64_t> all = visible.evaluate(values);
        for (unsigned node = 0; node < graph.numNodes(); ++node) {
          Interval value = Interval::ofValue(all[graph.numOutputs() + node]);
          seen[node] = seen[node] ? seen[node]->hull(value) : value;
        }
        return;
      }
      for (values[input] = inputs[input].lower;
           values[input] <= inputs[input].upper; ++values[input])
        visit(input + 1);
    };
    visit(0);
    std::vector<Interval> intervals = graph.getIntervals(inputs);
    for (unsigned node = 0; node < graph.numNodes(); ++node)
      EXPECT_EQ(intervals[node], *seen[node]) << "node " << node;
  });
}

TEST(AdderGraph, Depths) {
  AdderGraph graph(2);
  unsigned sum = graph.addAdder({0}, {1});
  unsigned scaled = graph.addAdder({sum, 3}, {sum, 0, true});
  graph.addOutput(AdderGraph::Operand{scaled, 1, true});
  EXPECT_EQ(graph.getDepths(), (std::vector<unsigned>{0, 0, 1, 2}));
  EXPECT_EQ(messageOf(graph.verifyEquals(ConstantMatrix(1, 2, {-14, -14}))),
            "");
}

TEST(AdderGraph, VerifyNamesWhatDiffers) {
  ConstantMatrix matrix(2, 2, {1, -7, 0, 96});
  AdderGraph graph = AdderGraph::fromMatrix(matrix, {Encoding::Csd, true});
  EXPECT_EQ(messageOf(graph.verifyEquals(matrix)), "");
  EXPECT_EQ(messageOf(graph.verifyEquals(ConstantMatrix(2, 2, {1, -7, 0, 95}))),
            "output 1: the coefficient of input 1 is 96, not 95");
  EXPECT_EQ(messageOf(graph.verifyEquals(ConstantMatrix(1, 2, {1, -7}))),
            "the graph has 2 outputs and 2 inputs, the matrix 1 rows and 2 "
            "columns");

  AdderGraph swapped(2, 2);
  swapped.addOutput(AdderGraph::Operand{1});
  swapped.addOutput(AdderGraph::Operand{0});
  EXPECT_EQ(messageOf(swapped.verifyEquals(ConstantMatrix(2, 0))),
            "output 0: the coefficient of input 0 is 0, not 1");

  AdderGraph incomplete(1, 1);
  incomplete.addOutput(AdderGraph::Operand{0});
  incomplete.addOutput(std::nullopt);
  EXPECT_EQ(messageOf(incomplete.verifyEquals(ConstantMatrix(2, 0))),
            "the graph has 2 outputs, but 1 accumulators");
}

TEST(AdderGraph, VerifyRefusesFormsThatWrap) {
  // (x << 63) + (x << 63) is 2^64 x, which is 0 modulo 2^64.
  AdderGraph graph(1);
  graph.addOutput(AdderGraph::Operand{graph.addAdder({0, 63}, {0, 63})});
  EXPECT_EQ(messageOf(graph.verifyEquals(ConstantMatrix(1, 1, {0}))),
            "output 0: its coefficients may reach 2^63: too many shifts");
}

TEST(AdderGraph, OutputsWithoutDigits) {
  AdderGraph zero = AdderGraph::fromMatrix(ConstantMatrix(2, 3), {});
  EXPECT_EQ(zero.numAdders(), 0u);
  EXPECT_FALSE(zero.getOutputs()[0]);
  EXPECT_EQ(zero.evaluate({1, 2, 3}), (std::vector<int64_t>{0, 0}));
  AdderGraph start =
      AdderGraph::fromMatrix(ConstantMatrix(1, 1), {Encoding::Csd, true});
  EXPECT_EQ(start.evaluate({5, 42}), (std::vector<int64_t>{42}));
}

} // namespace
