// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Addition.h"
#include "RandomMatrix.h"
#include "bitnn/Arithmetic/Digits.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace {

/// The plan in 32-bit arithmetic, where partial sums wrap.
int64_t execute(const AdditionPlan &plan, int32_t lhs, int32_t rhs) {
  size_t index = 256 * (lhs + 128) + (rhs + 128);
  if (!plan.table.empty())
    return plan.table[index];
  uint32_t s = uint32_t(plan.constant);
  for (auto [factor, value] :
       {std::pair(plan.lhsFactor, lhs), std::pair(plan.rhsFactor, rhs)})
    for (Digit digit : encode(factor, Encoding::Csd)) {
      uint32_t term = uint32_t(value) << digit.shift;
      s = digit.negative ? s - term : s + term;
    }
  const Rounding &rounding = plan.rounding;
  uint32_t bit = uint32_t(int32_t(s) >> rounding.shift) & 1;
  if (rounding.lift != Lift::None)
    s += (rounding.lift == Lift::Even ? bit : 1 - bit) << rounding.liftShift;
  int64_t result = std::min<int64_t>(
      std::max<int64_t>(int32_t(s) >> rounding.shift, plan.lowest),
      plan.highest);
  if (!plan.raised.empty())
    result += plan.raised[index / 8] >> index % 8 & 1;
  return result;
}

void expectEqual(const FloatAdd &reference) {
  AdditionPlan plan = planAddition(reference);
  for (int64_t lhs = -128; lhs < 128; ++lhs)
    for (int64_t rhs = -128; rhs < 128; ++rhs)
      ASSERT_EQ(execute(plan, lhs, rhs), reference(lhs, rhs))
          << lhs << " + " << rhs;
}

FloatAdd randomReference(Random &random) {
  auto scale = [&] { return 0.002f + 0.1f * float(random() % 10000) / 10000; };
  auto zero = [&] { return int32_t(randomIn(random, -128, 127)); };
  FloatAdd add = {scale(), zero(), scale(), zero(), scale(), zero(), -128, 127};
  if (random() % 4 == 0)
    add.lowest = add.zeroPoint;
  if (random() % 4 == 0)
    add.rhsScale = add.lhsScale;
  if (random() % 4 == 0)
    add.scale = add.lhsScale * 2;
  return add;
}

TEST(Addition, EqualsTheReference) {
  forEachSeed(60, [](Random &random) { expectEqual(randomReference(random)); });
}

TEST(Addition, OfPowersOfTwoIsShort) {
  AdditionPlan plan = planAddition({0.5f, 3, 0.25f, -128, 0.5f, -1, -128, 127});
  EXPECT_EQ(plan.lhsFactor, 2);
  EXPECT_EQ(plan.rhsFactor, 1);
  EXPECT_EQ(plan.rounding.shift, 1u);
  EXPECT_NE(plan.rounding.lift, Lift::None);
  EXPECT_TRUE(plan.raised.empty() && plan.table.empty());
}

TEST(Addition, OfDistantScalesIsATable) {
  FloatAdd reference = {1e10f, 0, 1.0f, 0, 1.0f, 0, -128, 127};
  EXPECT_EQ(planAddition(reference).table.size(), 65536u);
  expectEqual(reference);
}

TEST(Addition, MarksTiesThatFloatDecides) {
  FloatAdd reference = {0.0123f, 7, 0.0123f, -3, 0.0246f, 0, -128, 127};
  EXPECT_EQ(planAddition(reference).raised.size(), 8192u);
  expectEqual(reference);
}

TEST(AdditionProof, RefusesFactorConstantAndShiftChangedByOne) {
  forEachSeed(10, [](Random &random) {
    FloatAdd reference = randomReference(random);
    AdditionTable pairs(reference);
    AdditionPlan plan = planAddition(reference);
    ASSERT_EQ(pairs.findDifference(plan), std::nullopt);
    if (!plan.raised.empty())
      return;
    for (int64_t change : {-1, 1}) {
      AdditionPlan shift = plan, factor = plan;
      shift.rounding.shift += unsigned(change);
      EXPECT_TRUE(pairs.findDifference(shift).has_value());
      factor.lhsFactor += change * (std::abs(plan.lhsFactor) / 64 + 1);
      EXPECT_TRUE(pairs.findDifference(factor).has_value());
    }
    // The constant: walk to the last accepted one in each direction.
    for (int64_t direction : {-1, 1}) {
      AdditionPlan last = plan;
      while (!pairs.findDifference(last))
        last.constant +=
            direction * std::max<int64_t>(1, 1 << plan.rounding.shift >> 8);
      auto place = pairs.findDifference(last);
      EXPECT_NE(execute(last, place->first, place->second),
                reference(place->first, place->second));
    }
  });
}

} // namespace
