// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/StepFunction.h"
#include "RandomMatrix.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace bitnn {
static void PrintTo(const Step &step, std::ostream *os) {
  *os << '[' << step.first << ", " << step.last << "] -> " << step.value;
}
} // namespace bitnn

namespace {

/// Nondecreasing values for `domain`, with steps of random length and height.
std::vector<int64_t> randomMonotone(Random &random, Interval domain) {
  std::vector<int64_t> values;
  int64_t value = randomIn(random, -5, 5), rarity = randomIn(random, 1, 40);
  for (int64_t a = domain.lower; a <= domain.upper; ++a) {
    values.push_back(value);
    if (random() % rarity == 0)
      value += randomIn(random, 0, 3);
  }
  return values;
}

TEST(StepFunction, IsTheFunction) {
  forEachSeed(200, [](Random &random) {
    Interval domain;
    domain.lower = randomIn(random, -1000, 1000);
    domain.upper = domain.lower + randomIn(random, 0, 300);
    std::vector<int64_t> values = randomMonotone(random, domain);
    auto steps = StepFunction::ofMonotone(
        [&](int64_t a) { return values[a - domain.lower]; }, domain);
    EXPECT_EQ(steps.domain(), domain);
    for (int64_t a = domain.lower; a <= domain.upper; ++a)
      ASSERT_EQ(steps(a), values[a - domain.lower]) << "at " << a;
    // Canonical: no step could be joined with the next.
    for (const Step &step : steps.steps().drop_front())
      EXPECT_NE(step.value, (&step)[-1].value);
  });
}

TEST(StepFunction, FindsTheFirstDifference) {
  forEachSeed(200, [](Random &random) {
    Interval domain = {0, randomIn(random, 1, 100)};
    std::vector<int64_t> left = randomMonotone(random, domain);
    std::vector<int64_t> right = left;
    int64_t place = randomIn(random, 0, domain.upper);
    // Raising everything from one place on keeps it nondecreasing.
    for (int64_t a = place; a <= domain.upper; ++a)
      ++right[a];
    auto of = [&](const std::vector<int64_t> &values) {
      return StepFunction::ofMonotone([&](int64_t a) { return values[a]; },
                                      domain);
    };
    EXPECT_EQ(of(left).findDifference(of(right)), place);
    EXPECT_NE(of(left), of(right));
    EXPECT_EQ(of(left).findDifference(of(left)), std::nullopt);
    EXPECT_EQ(of(left), of(left));
  });
}

TEST(StepFunction, ReachesTheEndsOfInt32) {
  auto sign = StepFunction::ofMonotone(
      [](int64_t a) -> int64_t { return a < 0 ? -7 : 7; },
      Interval::ofSigned(32));
  ASSERT_EQ(sign.steps().size(), 2u);
  EXPECT_EQ(sign.steps()[0], (Step{INT32_MIN, -1, -7}));
  EXPECT_EQ(sign.steps()[1], (Step{0, INT32_MAX, 7}));
}

TEST(StepFunction, HasGaps) {
  StepFunction steps({{0, 3, 1}, {10, 12, 2}, {15, 15, 2}});
  ASSERT_EQ(steps.steps().size(), 2u);
  EXPECT_EQ(steps.steps()[1], (Step{10, 15, 2}));
  StepFunction other({{0, 9, 1}, {10, 15, 2}});
  EXPECT_EQ(steps.findDifference(other), std::nullopt);
}

} // namespace
