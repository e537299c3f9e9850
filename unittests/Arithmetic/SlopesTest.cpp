// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Slopes.h"
#include "RandomMatrix.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace {

struct Points {
  std::vector<Point> below, above;
};

/// What floor(slope * a + constant) demands, all in units of 2^-bits.
Points pointsOfLine(int64_t slope, int64_t constant, unsigned bits,
                    Interval domain) {
  Points points;
  for (int64_t a = domain.lower; a <= domain.upper; ++a) {
    int64_t value = (slope * a + constant) >> bits;
    points.below.push_back({a, value});
    points.above.push_back({a, value + 1});
  }
  return points;
}

/// Whether a line of this slope (numerator / 2^bits) separates the points.
bool separates(const Points &points, BinarySlope slope) {
  Wide lower = -(Wide(1) << 100), upper = Wide(1) << 100;
  Wide unit = Wide(1) << slope.fractionBits;
  for (Point point : points.below)
    lower = std::max(lower, unit * point.y - Wide(slope.numerator) * point.x);
  for (Point point : points.above)
    upper = std::min(upper, unit * point.y - Wide(slope.numerator) * point.x);
  return lower < upper;
}

TEST(Slopes, AreThoseThatSeparate) {
  forEachSeed(200, [](Random &random) {
    unsigned bits = randomIn(random, 1, 12);
    int64_t slope = randomIn(random, 1, int64_t(1) << bits);
    Interval domain;
    domain.lower = randomIn(random, -2000, 2000);
    domain.upper = domain.lower + randomIn(random, 20, 600);
    Points points =
        pointsOfLine(slope, randomIn(random, -5000, 5000), bits, domain);
    auto interval = findSlopes(points.below, points.above);
    ASSERT_TRUE(interval);
    EXPECT_TRUE(interval->lower < (Fraction{slope, int64_t(1) << bits}));
    EXPECT_TRUE((Fraction{slope, int64_t(1) << bits}) < interval->upper);

    std::vector<BinarySlope> slopes = enumerateSlopes(*interval, 0, 64);
    EXPECT_GE(slopes.size(), 32u);
    for (BinarySlope found : slopes)
      EXPECT_TRUE(separates(points, found))
          << found.numerator << " / 2^" << found.fractionBits;
    // Neighbours of the bounds outside the interval do not separate.
    auto outside = [&](Fraction bound, int64_t step) {
      auto numerator =
          int64_t((Wide(bound.numerator) << 40) / bound.denominator);
      return BinarySlope{numerator + step, 40};
    };
    EXPECT_FALSE(separates(points, outside(interval->upper, 2)));
    if (interval->lower.numerator > 0) {
      EXPECT_FALSE(separates(points, outside(interval->lower, -1)));
    }
  });
}

TEST(Slopes, RefusesWhatIsBent) {
  // Ties to even: 0.5 a for a = 1, 3, 5, 7 is 0, 2, 2, 4.
  std::vector<Point> below, above;
  for (auto [a, value] :
       {std::pair(0, 0), std::pair(1, 0), std::pair(2, 1), std::pair(3, 2),
        std::pair(4, 2), std::pair(5, 2), std::pair(6, 3), std::pair(7, 4)}) {
    below.push_back({a, value});
    above.push_back({a, value + 1});
  }
  EXPECT_FALSE(findSlopes(below, above));
}

TEST(Slopes, EnumeratesCoarseOnesReduced) {
  SlopeInterval interval = {{1, 3}, {2, 3}};
  bool hasHalf = false;
  for (BinarySlope slope : enumerateSlopes(interval, 0, 16)) {
    EXPECT_TRUE(slope.numerator % 2 != 0 || slope.fractionBits == 0);
    hasHalf |= slope.numerator == 1 && slope.fractionBits == 1;
  }
  EXPECT_TRUE(hasHalf);
  // In units of 2^-2 the same interval is four times as long.
  for (BinarySlope slope : enumerateSlopes({{4, 3}, {8, 3}}, -2, 16)) {
    Fraction fraction = {slope.numerator, int64_t(1) << slope.fractionBits};
    EXPECT_TRUE(interval.lower < fraction && fraction < interval.upper);
  }
}

} // namespace
