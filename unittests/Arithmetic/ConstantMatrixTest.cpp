// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "gtest/gtest.h"

using namespace bitnn;

namespace {

TEST(ConstantMatrix, IsRowMajor) {
  ConstantMatrix matrix(2, 3, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(matrix.at(0, 2), 3);
  EXPECT_EQ(matrix.at(1, 0), 4);
  EXPECT_EQ(matrix.row(1), (llvm::ArrayRef<int32_t>{4, 5, 6}));
  matrix.at(1, 0) = -128;
  EXPECT_EQ(matrix, ConstantMatrix(2, 3, {1, 2, 3, -128, 5, 6}));
}

TEST(ConstantMatrix, SelectsInTheGivenOrder) {
  ConstantMatrix matrix(2, 3, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(matrix.select({1}, {2, 0}), ConstantMatrix(1, 2, {6, 4}));
  EXPECT_EQ(matrix.select({0, 1}, {0, 1, 2}), matrix);
  EXPECT_EQ(matrix.select({0, 1}, {}).rows(), 2u);
  EXPECT_NE(matrix.select({0}, {0}), matrix.select({1}, {0}));
}

TEST(ConstantMatrix, StartsAtZero) {
  EXPECT_EQ(ConstantMatrix(2, 2), ConstantMatrix(2, 2, {0, 0, 0, 0}));
}

} // namespace
