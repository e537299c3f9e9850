// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/ReferenceFunction.h"
#include "RandomMatrix.h"
#include <limits>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

TEST(FloatScale, RoundsTiesToEven) {
  FloatScale half = {0.5f, 0, -128, 127};
  for (auto [accumulator, value] :
       {std::pair(-3, -2), std::pair(-1, 0), std::pair(1, 0), std::pair(3, 2),
        std::pair(5, 2), std::pair(7, 4), std::pair(8, 4)})
    EXPECT_EQ(half(accumulator), value) << accumulator;
  // Ties are those of the product: the zero point comes after.
  EXPECT_EQ((FloatScale{0.5f, 1, -128, 127}(5)), 3);
}

TEST(FloatScale, RoundsTheAccumulatorToFloat) {
  // 2^24 + 1 is not a float32.
  FloatScale unit = {1.0f, -(1 << 24), -10, 10};
  EXPECT_EQ(unit((1 << 24) + 1), 0);
  EXPECT_EQ(unit((1 << 24) + 2), 2);
}

TEST(FloatScale, Saturates) {
  FloatScale huge = {std::numeric_limits<float>::max(), 5, -128, 127};
  EXPECT_EQ(huge(INT32_MIN), -128);
  EXPECT_EQ(huge(-1), -128);
  EXPECT_EQ(huge(0), 5);
  EXPECT_EQ(huge(INT32_MAX), 127);
}

TEST(FixedScale, RoundsHalfUp) {
  FixedScale half = {1 << 30, 31, 0, -128, 127};
  EXPECT_EQ(half(1), 1);
  EXPECT_EQ(half(-1), 0);
  EXPECT_EQ(half(-3), -1);
}

TEST(FixedScale, RoundsTwice) {
  // The first rounding adds 2^30 before the shift by 31, with the sign of the
  // accumulator: half of the last bit but `shift - 31` ones.
  FixedScale twice = {1 << 30, 32, 0, -128, 127, true};
  EXPECT_EQ(twice(1), 1);
  EXPECT_EQ(twice(-1), 0);
  EXPECT_EQ(twice(-3), -1);
  twice.doubleRound = false;
  EXPECT_EQ(twice(1), 0);
  EXPECT_EQ(twice(-3), -1);
  EXPECT_EQ(twice(-2), 0);
}

TEST(FixedScale, ReachesTheEnds) {
  FixedScale scale = {INT32_MAX, 62, 0, -128, 127, true};
  EXPECT_EQ(scale(INT32_MIN), -1);
  EXPECT_EQ(scale(INT32_MAX), 1);
}

TEST(FloatAdd, FollowsTheText) {
  FloatAdd add = {0.5f, 3, 0.25f, -128, 0.5f, -1, -128, 127};
  // (10 - 3) / 2 + (0 + 128) / 4 = 35.5, twice it is 71, minus 1.
  EXPECT_EQ(add(10, 0), 70);
  EXPECT_EQ(add(127, 127), 127);
  // 0.25 / 0.5 = 0.5 is a tie.
  EXPECT_EQ(add(3, -127), -1);
  EXPECT_EQ(add(3, -125), 1);
}

} // namespace
