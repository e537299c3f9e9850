// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Interval.h"
#include "RandomMatrix.h"

using namespace bitnn;

namespace {

/// Calls `visit` with every interval inside [-bound, bound].
template <typename Visit>
void forEachInterval(int64_t bound, Visit visit) {
  for (int64_t lower = -bound; lower <= bound; ++lower)
    for (int64_t upper = lower; upper <= bound; ++upper)
      visit(Interval{lower, upper});
}

/// The hull of `function` over all values of `a`.
template <typename Function>
Interval image(Interval a, Function function) {
  Interval result = Interval::ofValue(function(a.lower));
  for (int64_t value = a.lower; value <= a.upper; ++value)
    result = result.hull(Interval::ofValue(function(value)));
  return result;
}

TEST(Interval, OperationsOfOneAreExact) {
  forEachInterval(6, [](Interval a) {
    EXPECT_EQ(-a, image(a, [](int64_t v) { return -v; }));
    EXPECT_EQ(a << 3, image(a, [](int64_t v) { return v * 8; }));
    EXPECT_EQ(a.size(), uint64_t(a.upper - a.lower + 1));
    for (int64_t factor = -5; factor <= 5; ++factor)
      EXPECT_EQ(a * factor, image(a, [&](int64_t v) { return v * factor; }));
    for (int64_t value = -8; value <= 8; ++value)
      EXPECT_EQ(a.contains(value), a.contains(Interval::ofValue(value)));
  });
}

TEST(Interval, OperationsOfTwoAreExact) {
  forEachInterval(3, [](Interval a) {
    forEachInterval(3, [&](Interval b) {
      EXPECT_EQ(a + b,
                image(a, [&](int64_t v) {
                  return v + b.lower;
                }).hull(image(a, [&](int64_t v) { return v + b.upper; })));
      EXPECT_EQ(a - b, a + b * -1);
      Interval hull = a.hull(b);
      EXPECT_TRUE(hull.contains(a) && hull.contains(b));
      EXPECT_EQ(hull.lower, std::min(a.lower, b.lower));
      EXPECT_EQ(hull.upper, std::max(a.upper, b.upper));
      EXPECT_EQ(a.contains(b), hull == a);
    });
  });
}

TEST(Interval, FitsSigned) {
  EXPECT_TRUE((Interval{-128, 127}.fitsSigned(8)));
  EXPECT_FALSE((Interval{-129, 127}.fitsSigned(8)));
  EXPECT_FALSE((Interval{-128, 128}.fitsSigned(8)));
  EXPECT_TRUE((Interval{INT32_MIN, INT32_MAX}.fitsSigned(32)));
  EXPECT_FALSE((Interval{0, int64_t(INT32_MAX) + 1}.fitsSigned(32)));
  EXPECT_TRUE((Interval{-1, 0}.fitsSigned(1)));
}

TEST(Interval, WidestBoundsStayExact) {
  int64_t limit = int64_t(1) << 62;
  EXPECT_EQ(Interval::ofValue(1) << 62, Interval::ofValue(limit));
  EXPECT_EQ((Interval{-limit, 0} + Interval{0, limit}),
            (Interval{-limit, limit}));
  EXPECT_EQ((Interval{-limit, limit}).size(), (uint64_t(1) << 63) + 1);
}

} // namespace
