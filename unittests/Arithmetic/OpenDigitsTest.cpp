// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "../../lib/Arithmetic/OpenDigits.h"
#include "../../lib/Arithmetic/DigitPlanes.h"
#include "RandomMatrix.h"
#include <map>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

/// Collects the digits of all forms of `value` with `count` digits at shifts
/// from 0 to `shift`.
bool collectForms(int64_t value, unsigned count, int shift, DigitSet &digits) {
  if (count == 0)
    return value == 0;
  if (shift < 0)
    return false;
  int64_t power = int64_t(1) << shift;
  bool isFound = collectForms(value, count, shift - 1, digits);
  if (collectForms(value - power, count - 1, shift - 1, digits)) {
    digits.positive |= power;
    isFound = true;
  }
  if (collectForms(value + power, count - 1, shift - 1, digits)) {
    digits.negative |= power;
    isFound = true;
  }
  return isFound;
}

TEST(OpenDigits, AreThoseOfAllMinimalForms) {
  for (int64_t value = -300; value <= 300; ++value) {
    DigitSet expected;
    ASSERT_TRUE(
        collectForms(value, countDigits(value, Encoding::Csd), 10, expected));
    DigitSet digits = findMinimalDigits(value);
    EXPECT_EQ(digits.positive, expected.positive) << value;
    EXPECT_EQ(digits.negative, expected.negative) << value;
  }
}

int64_t valueOf(llvm::ArrayRef<Digit> digits) {
  int64_t value = 0;
  for (Digit digit : digits)
    value += (int64_t(1) << digit.shift) * (digit.negative ? -1 : 1);
  return value;
}

// Any digit may be taken, and then any of those that remain.
TEST(OpenDigits, AreTakenOneByOne) {
  forEachSeed(300, [](Random &random) {
    int64_t value = randomIn(random, -(1 << 24), 1 << 24);
    OpenDigits digits = OpenDigits::open(value);
    for (unsigned count = digits.count(); count > 0; --count) {
      EXPECT_EQ(digits.count(), count);
      bool negative = random() % 2;
      if (digits.get().get(negative) == 0)
        negative = !negative;
      unsigned shift = random() % 26;
      while (!digits.has(shift, negative))
        shift = (shift + 1) % 26;
      digits.take(shift, negative);
      value -= (int64_t(1) << shift) * (negative ? -1 : 1);
      EXPECT_EQ(valueOf(digits.getForm()), value);
      EXPECT_EQ(digits.getForm().size(), count - 1);
    }
    EXPECT_EQ(value, 0);
  });
}

TEST(OpenDigits, Scale) {
  forEachSeed(100, [](Random &random) {
    int64_t value = randomIn(random, -5000, 5000);
    DigitSet set;
    for (Digit digit : encode(value, Encoding::Binary))
      (digit.negative ? set.negative : set.positive) |= 1u << digit.shift;
    bool negated = random() % 2;
    int64_t expected = value * (negated ? -8 : 8);
    for (const OpenDigits &digits :
         {OpenDigits::open(value), OpenDigits::fixed(set)}) {
      OpenDigits scaled = digits.scaled(3, negated);
      EXPECT_EQ(valueOf(scaled.getForm()), expected);
      EXPECT_EQ(scaled.count(), digits.count());
    }
  });
}

TEST(DigitPlanes, CountPairsOfTwoInputs) {
  forEachSeed(30, [](Random &random) {
    unsigned rows = 1 + random() % 150;
    ConstantMatrix matrix = randomMatrix(random, rows, 2, 6);
    DigitPlanes planes(2, rows, 7);
    for (unsigned input = 0; input < 2; ++input)
      for (unsigned row = 0; row < rows; ++row) {
        // By way of another value.
        DigitSet before = findMinimalDigits(randomIn(random, -32, 31));
        planes.change(input, row, {}, before);
        planes.change(input, row, before,
                      findMinimalDigits(matrix.at(row, input)));
      }
    std::map<uint64_t, unsigned> expected;
    for (unsigned row = 0; row < rows; ++row)
      for (bool negative : {false, true})
        for (bool otherNegative : {false, true})
          for (int shift = 0; shift < 7; ++shift)
            for (int other = 0; other < 7; ++other)
              if (OpenDigits::open(matrix.at(row, 0)).has(shift, negative) &&
                  OpenDigits::open(matrix.at(row, 1)).has(other, otherNegative))
                ++expected[SharedPair{0, 1, other - shift,
                                      negative != otherNegative}
                               .getKey()];
    uint64_t last = 0;
    planes.forEachPair(0, 1, [&](SharedPair pair, unsigned count) {
      EXPECT_EQ(count, expected[pair.getKey()]);
      EXPECT_LT(last, pair.getKey());
      last = pair.getKey();
      expected.erase(pair.getKey());
    });
    EXPECT_TRUE(expected.empty());
  });
}

} // namespace
