// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Requantize.h"
#include "RandomMatrix.h"
#include "bitnn/Arithmetic/ReferenceFunction.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

/// The plan in the arithmetic of its lanes, where partial sums wrap.
template <typename Signed, typename Unsigned>
int64_t executeIn(const RequantizePlan &plan, int64_t accumulator) {
  auto v = Signed(std::min(std::max(accumulator, plan.lower), plan.upper));
  auto x = Signed(Unsigned(v) << plan.leftShift);
  Unsigned s = Unsigned(v) * Unsigned(plan.multiplier);
  for (Term term : plan.terms) {
    auto summand = Unsigned((term.ofSum ? Signed(s) : x) >> term.shift);
    s = term.negative ? s - summand : s + summand;
  }
  s += Unsigned(plan.constant);
  const Rounding &rounding = plan.rounding;
  Unsigned bit = Unsigned(Signed(s) >> rounding.shift) & 1;
  if (rounding.lift != Lift::None)
    s += (rounding.lift == Lift::Even ? bit : 1 - bit) << rounding.liftShift;
  int64_t result = Signed(s) >> rounding.shift;
  if (unsigned bits = plan.saturatedBits)
    result =
        std::clamp<int64_t>(result, llvm::minIntN(bits), llvm::maxIntN(bits));
  for (Correction correction : plan.corrections)
    result += accumulator >= correction.threshold ? correction.delta : 0;
  return result;
}

int64_t execute(const RequantizePlan &plan, int64_t accumulator) {
  return plan.laneBits == 32 ? executeIn<int32_t, uint32_t>(plan, accumulator)
                             : executeIn<int64_t, uint64_t>(plan, accumulator);
}

/// Compares at every accumulator of a small domain, and of a large one at both
/// ends of each step and at random ones.
void expectEqual(const RequantizePlan &plan, const StepFunction &reference,
                 Random &random) {
  Interval domain = reference.domain();
  auto expectAt = [&](int64_t a) {
    ASSERT_EQ(execute(plan, a), reference(a)) << "at " << a;
  };
  if (domain.size() < 5000) {
    for (int64_t a = domain.lower; a <= domain.upper; ++a)
      expectAt(a);
    return;
  }
  for (const Step &step : reference.steps()) {
    expectAt(step.first);
    expectAt(step.last);
    expectAt(step.first +
             int64_t(random() % uint64_t(step.last - step.first + 1)));
  }
}

Interval randomDomain(Random &random) {
  switch (random() % 6) {
  case 0:
    return Interval::ofSigned(32);
  case 1: {
    int64_t lower = randomIn(random, -4000, 4000);
    return {lower, lower + randomIn(random, 0, 4000)};
  }
  case 2:
    return {INT32_MAX - randomIn(random, 0, 3000), INT32_MAX};
  case 3:
    return {INT32_MIN, INT32_MIN + randomIn(random, 0, 3000)};
  case 4:
    return {-randomIn(random, 0, 3), randomIn(random, 0, 3)};
  default:
    return {-randomIn(random, 1, 1 << 20), randomIn(random, 1, 1 << 20)};
  }
}

/// Ordinary multipliers, powers of two, three times such, huge and tiny ones.
float randomMultiplier(Random &random) {
  int exponent = -int(randomIn(random, 0, 16));
  switch (random() % 8) {
  case 0:
    return std::ldexp(1.0f, exponent);
  case 1:
    return std::ldexp(3.0f, exponent);
  case 2:
    return std::ldexp(1.0f, int(randomIn(random, 1, 120)));
  case 3:
    return std::ldexp(1.0f + float(random() % 1000) / 1000, -40);
  default:
    return std::ldexp(1.0f + float(random() % 8388608) / 8388608, exponent);
  }
}

StepFunction randomReference(Random &random) {
  Interval range = {-128, 127};
  if (random() % 4 == 0)
    range.lower = randomIn(random, -128, 126);
  if (random() % 4 == 0)
    range.upper = randomIn(random, range.lower, 127);
  if (random() % 10 == 0)
    range = {0, randomIn(random, 1, 1000)};
  auto zeroPoint = int32_t(randomIn(random, -128, 127));
  if (random() % 20 == 0)
    zeroPoint = int32_t(randomIn(random, -65536, 65536));
  auto lowest = int32_t(range.lower), highest = int32_t(range.upper);
  if (random() % 3 != 0)
    return StepFunction::ofMonotone(
        FloatScale{randomMultiplier(random), zeroPoint, lowest, highest},
        randomDomain(random));
  auto multiplier = int32_t(randomIn(random, 0, INT32_MAX));
  return StepFunction::ofMonotone(
      FixedScale{multiplier, unsigned(randomIn(random, 31, 46)), zeroPoint,
                 lowest, highest, random() % 4 == 0},
      randomDomain(random));
}

TEST(Requantize, EqualsTheReference) {
  forEachSeed(400, [](Random &random) {
    StepFunction reference = randomReference(random);
    RequantizePlan plan = planRequantize(reference);
    EXPECT_EQ(plan.multiplier, 0);
    EXPECT_EQ(plan.laneBits, 32u);
    expectEqual(plan, reference, random);
    RequantizePlan digits = planRequantize(reference, /*chains=*/false);
    EXPECT_FALSE(
        llvm::any_of(digits.terms, [](Term term) { return term.ofSum; }));
    expectEqual(digits, reference, random);
    EXPECT_LE(plan.numOperations(reference.domain()),
              digits.numOperations(reference.domain()));
    RequantizePlan saturated = planRequantize(reference, /*chains=*/true, 8);
    expectEqual(saturated, reference, random);
    EXPECT_LE(saturated.numOperations(reference.domain()),
              plan.numOperations(reference.domain()));
  });
}

TEST(Requantize, SaturatesInsteadOfClamping) {
  unsigned operations = 0, saturated = 0;
  forEachSeed(100, [&](Random &random) {
    float multiplier = 0.004f + 0.02f * float(random() % 10000) / 10000;
    auto zeroPoint = int32_t(randomIn(random, -128, 127));
    StepFunction reference = StepFunction::ofMonotone(
        FloatScale{multiplier, zeroPoint, -128, 127}, {-200000, 300000});
    RequantizePlan plan = planRequantize(reference, /*chains=*/true, 8);
    EXPECT_EQ(plan.saturatedBits, 8u);
    EXPECT_EQ(plan.lower, reference.domain().lower);
    EXPECT_EQ(plan.upper, reference.domain().upper);
    expectEqual(plan, reference, random);
    operations += planRequantize(reference).numOperations(reference.domain());
    saturated += plan.numOperations(reference.domain());
    // Results that end within 8 bits need a clamp of their own.
    StepFunction part = StepFunction::ofMonotone(
        FloatScale{multiplier, zeroPoint, -100, 127}, {-200000, 300000});
    RequantizePlan clamped = planRequantize(part, /*chains=*/true, 8);
    EXPECT_GT(clamped.lower, part.domain().lower);
    expectEqual(clamped, part, random);
  });
  // Two comparisons each, for hardly any digit more.
  EXPECT_LE(saturated + 180, operations);
}

TEST(Requantize, MultipliesOnce) {
  forEachSeed(400, [](Random &random) {
    StepFunction reference = randomReference(random);
    RequantizePlan plan = planMultiply(reference);
    EXPECT_TRUE(plan.terms.empty());
    EXPECT_TRUE(plan.multiplier == int32_t(plan.multiplier));
    expectEqual(plan, reference, random);
  });
}

TEST(Requantize, ShiftsByPowersOfTwo) {
  for (unsigned shift = 1; shift <= 20; ++shift) {
    // Half up: the constant and one shift. Half to even: the parity bit too.
    FixedScale halfUp = {1 << 30, 30 + shift, 3, -128, 127};
    Interval domain = Interval::ofSigned(32);
    RequantizePlan plan =
        planRequantize(StepFunction::ofMonotone(halfUp, domain));
    EXPECT_EQ(plan.terms.size(), 1u) << shift;
    EXPECT_EQ(plan.rounding.lift, Lift::None) << shift;
    EXPECT_TRUE(plan.corrections.empty()) << shift;
    if (shift > 16)
      continue;
    for (int32_t zeroPoint : {-128, 0, 3}) {
      FloatScale half = {std::ldexp(1.0f, -int(shift)), zeroPoint, -128, 127};
      plan = planRequantize(StepFunction::ofMonotone(half, domain));
      EXPECT_EQ(plan.terms.size(), 1u) << shift;
      EXPECT_EQ(plan.rounding.lift, zeroPoint % 2 ? Lift::Odd : Lift::Even);
      EXPECT_TRUE(plan.corrections.empty()) << shift;
    }
  }
}

TEST(Requantize, CountsFewThresholds) {
  // One bit and two bits at the output.
  for (int32_t highest : {1, 2}) {
    FloatScale scale = {0.0123f, 0, 0, highest};
    RequantizePlan plan =
        planRequantize(StepFunction::ofMonotone(scale, Interval::ofSigned(32)));
    EXPECT_TRUE(plan.terms.empty());
    EXPECT_EQ(plan.corrections.size(), size_t(highest));
  }
}

TEST(Requantize, ChainsAdditions) {
  StepFunction reference = StepFunction::ofMonotone(
      FloatScale{0.0123f, 5, -128, 127}, Interval::ofSigned(32));
  RequantizePlan chain = planRequantize(reference);
  RequantizePlan digits = planRequantize(reference, /*chains=*/false);
  EXPECT_LT(chain.terms.size(), digits.terms.size());
  EXPECT_TRUE(llvm::any_of(chain.terms, [](Term term) { return term.ofSum; }));
}

TEST(Requantize, IsDeterministic) {
  StepFunction reference = StepFunction::ofMonotone(
      FloatScale{0.00371f, -5, -128, 127}, Interval::ofSigned(32));
  RequantizePlan first = planRequantize(reference);
  RequantizePlan second = planRequantize(reference);
  EXPECT_EQ(first.constant, second.constant);
  EXPECT_EQ(first.terms.size(), second.terms.size());
}

//===----------------------------------------------------------------------===//
// The proof
//===----------------------------------------------------------------------===//

bool isEqual(const RequantizePlan &plan, const StepFunction &reference) {
  Interval domain = reference.domain();
  for (int64_t a = domain.lower; a <= domain.upper; ++a)
    if (execute(plan, a) != reference(a))
      return false;
  return true;
}

/// One thing changed by one.
RequantizePlan mutate(RequantizePlan plan, unsigned kind, int64_t change) {
  switch (kind) {
  case 0:
    plan.constant += change;
    break;
  case 1:
    plan.rounding.shift += unsigned(change);
    break;
  case 2:
    plan.terms.back().shift += unsigned(change);
    break;
  case 3:
    plan.terms.front().shift += unsigned(change);
    break;
  case 4:
    plan.lower += change;
    break;
  case 5:
    plan.upper += change;
    break;
  case 6:
    plan.terms.back().negative ^= 1;
    break;
  case 7:
    plan.terms.pop_back();
    break;
  default:
    plan.leftShift += unsigned(change);
  }
  return plan;
}

TEST(RequantizeProof, AcceptsOnlyWhatIsEqual) {
  unsigned refused[9] = {}, accepted = 0;
  forEachSeed(60, [&](Random &random) {
    float multiplier = 0.02f + 0.2f * float(random() % 10000) / 10000;
    StepFunction reference = StepFunction::ofMonotone(
        FloatScale{multiplier, int32_t(randomIn(random, -20, 20)), -128, 127},
        {-20000, 20000});
    RequantizePlan plan = planRequantize(reference, random() % 2);
    ASSERT_FALSE(plan.terms.empty());
    ASSERT_TRUE(isEqual(plan, reference));
    for (unsigned kind = 0; kind < 9; ++kind)
      for (int64_t change : {-1, 1}) {
        RequantizePlan mutant = mutate(plan, kind, change);
        bool isAccepted = !findDifference(mutant, reference);
        if (isAccepted) {
          EXPECT_TRUE(isEqual(mutant, reference)) << kind;
        }
        refused[kind] += !isAccepted;
        accepted += isAccepted;
      }
  });
  // The constant and the last digit have a little room.
  for (unsigned kind : {1, 3, 6, 7, 8})
    EXPECT_GE(refused[kind], 100u) << kind;
  EXPECT_GE(refused[2], 60u);
  EXPECT_GT(accepted, 0u);
}

TEST(RequantizeProof, FindsTheEndsOfTheConstant) {
  forEachSeed(40, [&](Random &random) {
    float multiplier = 0.02f + 0.2f * float(random() % 10000) / 10000;
    StepFunction reference = StepFunction::ofMonotone(
        FloatScale{multiplier, 0, -128, 127}, {-8000, 8000});
    RequantizePlan plan = planRequantize(reference);
    for (int64_t direction : {-1, 1}) {
      RequantizePlan last = plan;
      for (int64_t step = int64_t(1) << 24; step > 0; step /= 2) {
        RequantizePlan next = last;
        next.constant += direction * step;
        if (!findDifference(next, reference))
          last = next;
      }
      EXPECT_TRUE(isEqual(last, reference));
      last.constant += direction;
      EXPECT_TRUE(findDifference(last, reference).has_value());
      EXPECT_FALSE(isEqual(last, reference));
    }
  });
}

TEST(RequantizeProof, SaturatedSumsDoNotWrap) {
  StepFunction reference =
      StepFunction::ofMonotone(FloatScale{0.5f, 0, -128, 127}, {-300, 100000});
  RequantizePlan plan = planRequantize(reference, /*chains=*/true, 8);
  ASSERT_EQ(plan.saturatedBits, 8u);
  // One bit after the other is added to the results' fraction.
  while (!findDifference(plan, reference)) {
    ASSERT_TRUE(isEqual(plan, reference));
    ++plan.leftShift;
    ++plan.rounding.shift;
    plan.rounding.liftShift += plan.rounding.lift != Lift::None;
    plan.constant *= 2;
  }
  EXPECT_FALSE(isEqual(plan, reference));
}

TEST(RequantizeProof, NamesADifference) {
  StepFunction reference =
      StepFunction::ofMonotone(FloatScale{0.1f, 0, -128, 127}, {-5000, 5000});
  RequantizePlan plan = planRequantize(reference);
  plan.corrections.push_back({77, 1});
  plan.corrections.push_back({78, -1});
  std::optional<int64_t> place = findDifference(plan, reference);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(*place, 77);
  EXPECT_NE(plan(77), reference(77));
}

TEST(RequantizeProof, RefusesSumsThatWrapBeforeTheyAreShifted) {
  // s = x + x leaves 32 bits, s + (s >> 1) - ... would come back to x.
  RequantizePlan plan;
  plan.lower = plan.upper = INT32_MAX;
  plan.terms = {{0}, {0}};
  plan.constant = -int64_t(INT32_MAX);
  plan.rounding.shift = 0;
  StepFunction reference({{INT32_MAX, INT32_MAX, INT32_MAX}});
  EXPECT_FALSE(findDifference(plan, reference));
  plan.terms = {{0}, {0}, {0, false, true}, {1, true, true}};
  EXPECT_TRUE(findDifference(plan, reference).has_value());
}

TEST(RequantizeProof, RefusesOverflow) {
  // x * 2^31 does not fit the lane, though the results would agree mod 2^32.
  StepFunction reference({{0, 0, 0}, {1, 1, 1}});
  RequantizePlan plan;
  plan.upper = 1;
  plan.terms.push_back({0});
  EXPECT_FALSE(findDifference(plan, reference));
  plan.constant = INT32_MAX;
  plan.corrections.push_back({0, -int64_t(INT32_MAX)});
  EXPECT_TRUE(findDifference(plan, reference).has_value());
}

} // namespace
