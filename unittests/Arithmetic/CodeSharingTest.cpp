// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/CodeSharing.h"
#include "RandomMatrix.h"
#include "bitnn/Arithmetic/LinearProgram.h"
#include "llvm/ADT/Sequence.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace {

AdderGraph share(const ConstantMatrix &matrix, unsigned temporaries,
                 unsigned shiftCost = 1, Encoding encoding = Encoding::Csd) {
  return shareInCode(matrix, {encoding, temporaries, shiftCost});
}

LinearProgram programOf(const AdderGraph &graph, unsigned registers = 1000) {
  return llvm::cantFail(LinearProgram::fromGraph(graph, registers));
}

void expectEqual(const AdderGraph &graph, const ConstantMatrix &matrix) {
  std::string error = llvm::toString(graph.verifyEquals(matrix));
  EXPECT_EQ(error, "");
}

TEST(CodeSharing, ComputesACommonSumOnce) {
  // x0 + x1 in four rows: one sum and four adds, not eight.
  ConstantMatrix matrix(4, 2, {1, 1, 1, 1, 1, 1, 1, 1});
  AdderGraph graph = share(matrix, 3);
  EXPECT_EQ(graph.numAdders(), 5u);
  expectEqual(graph, matrix);
}

TEST(CodeSharing, ASumMaySubtractAndBeSubtracted) {
  ConstantMatrix matrix(4, 2, {1, -1, -1, 1, 1, -1, -1, 1});
  AdderGraph graph = share(matrix, 3);
  EXPECT_EQ(graph.numAdders(), 5u);
  expectEqual(graph, matrix);
}

TEST(CodeSharing, ATermMayBeShifted) {
  // x0 + 4 x1, once shifted itself.
  ConstantMatrix matrix(4, 2, {1, 4, 1, 4, 2, 8, 2, 8});
  AdderGraph graph = share(matrix, 3);
  EXPECT_EQ(graph.numAdders(), 5u);
  // x1 << 2 and sum << 1, instead of x0 << 1, x1 << 2 and x1 << 3.
  EXPECT_EQ(programOf(graph).numShifts(), 2u);
  expectEqual(graph, matrix);
}

TEST(CodeSharing, BothTermsMayBeOneInput) {
  // 5 x0 = x0 + 4 x0.
  ConstantMatrix matrix(3, 1, {5, 5, 5});
  AdderGraph graph = share(matrix, 3);
  EXPECT_EQ(graph.numAdders(), 4u);
  expectEqual(graph, matrix);
}

TEST(CodeSharing, SumsNest) {
  ConstantMatrix matrix(3, 4, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  AdderGraph graph = share(matrix, 4);
  EXPECT_EQ(graph.numAdders(), 6u);
  expectEqual(graph, matrix);
}

TEST(CodeSharing, ShiftsThatASumAddsAreCounted) {
  // The sum x0 + x1 at two shifts saves its addition, and the shift by 1 of x0
  // and of x1 for that of the sum.
  ConstantMatrix both(2, 2, {1, 1, 2, 2});
  EXPECT_EQ(programOf(share(both, 3)).numShifts(), 1u);
  // Here the inputs are shifted anyway: nothing is saved unless shifts are
  // free.
  ConstantMatrix others(6, 2, {1, 1, 2, 2, 1, 0, 2, 0, 0, 1, 0, 2});
  EXPECT_EQ(share(others, 3, /*shiftCost=*/1).numAdders(), 8u);
  EXPECT_EQ(share(others, 3, /*shiftCost=*/2).numAdders(), 8u);
  ConstantMatrix thrice(9, 2,
                        {1, 1, 2, 2, 4, 4, 1, 0, 2, 0, 4, 0, 0, 1, 0, 2, 0, 4});
  EXPECT_EQ(share(thrice, 3, /*shiftCost=*/1).numAdders(), 12u);
  EXPECT_EQ(share(thrice, 3, /*shiftCost=*/0).numAdders(), 10u);
}

TEST(CodeSharing, WithoutRegistersNothingIsShared) {
  ConstantMatrix matrix(4, 2, {1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(share(matrix, 2).numAdders(), 8u);
}

TEST(CodeSharing, OutputsWithoutDigitsAreTheirStartValues) {
  ConstantMatrix matrix(3, 2, {0, 0, 3, 3, 0, 0});
  AdderGraph graph = share(matrix, 4);
  expectEqual(graph, matrix);
  EXPECT_EQ(graph.getOutputs()[0]->node, 2u);
  expectEqual(share(ConstantMatrix(2, 0), 4), ConstantMatrix(2, 0));
}

TEST(CodeSharing, RandomMatricesAreEqualAndFitTheRegisters) {
  forEachSeed(150, [](Random &random) {
    unsigned rows = 1 + random() % 24, columns = 1 + random() % 12;
    ConstantMatrix matrix =
        randomMatrix(random, rows, columns, 2 + random() % 15);
    unsigned temporaries = 2 + random() % 10, shiftCost = random() % 3;
    Encoding encoding = random() % 2 ? Encoding::Csd : Encoding::Binary;
    AdderGraph graph = share(matrix, temporaries, shiftCost, encoding);
    expectEqual(graph, matrix);
    LinearProgram program = programOf(graph);
    EXPECT_LE(program.maxLive(), rows + temporaries);

    LinearProgram unshared =
        programOf(AdderGraph::fromMatrix(matrix, {encoding, true}));
    EXPECT_LE(program.numAdds() + shiftCost * program.numShifts(),
              unshared.numAdds() + shiftCost * unshared.numShifts());
  });
}

TEST(CodeSharing, RegistersBuySavings) {
  Random random(1);
  ConstantMatrix matrix = randomMatrix(random, 16, 16, 8);
  unsigned last = share(matrix, 2).numAdders();
  for (unsigned temporaries : {3, 6, 12}) {
    unsigned adders = share(matrix, temporaries).numAdders();
    EXPECT_LT(adders, last) << temporaries;
    last = adders;
  }
}

} // namespace
