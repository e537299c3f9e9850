// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Digits.h"
#include "llvm/ADT/ArrayRef.h"
#include "gtest/gtest.h"

using namespace bitnn;

namespace {

int64_t valueOf(llvm::ArrayRef<Digit> digits) {
  int64_t value = 0;
  for (Digit digit : digits)
    value += (digit.negative ? -1 : 1) * (int64_t(1) << digit.shift);
  return value;
}

/// The fewest signed digits of `value`, by exhaustive search over the lowest.
unsigned fewestDigits(int64_t value) {
  if (value == 0)
    return 0;
  if (value % 2 == 0)
    return fewestDigits(value / 2);
  if (value == 1 || value == -1)
    return 1;
  return 1 + std::min(fewestDigits(value - 1), fewestDigits(value + 1));
}

TEST(Digits, AddUpToTheValue) {
  for (int64_t value = -70000; value <= 70000; ++value)
    for (Encoding encoding : {Encoding::Binary, Encoding::Csd}) {
      EXPECT_EQ(valueOf(encode(value, encoding)), value);
      EXPECT_EQ(encode(value, encoding).size(), countDigits(value, encoding));
    }
}

TEST(Digits, CsdIsNonAdjacentAndMinimal) {
  for (int64_t value = -4096; value <= 4096; ++value) {
    auto digits = encode(value, Encoding::Csd);
    for (size_t i = 1; i < digits.size(); ++i)
      EXPECT_GT(digits[i].shift, digits[i - 1].shift + 1);
    EXPECT_EQ(digits.size(), fewestDigits(value));
  }
}

TEST(Digits, BinaryHasOneSign) {
  for (Digit digit : encode(-7, Encoding::Binary))
    EXPECT_TRUE(digit.negative);
  EXPECT_EQ(countDigits(-7, Encoding::Binary), 3u);
  EXPECT_EQ(countDigits(-7, Encoding::Csd), 2u);
}

TEST(Digits, WidestValues) {
  int64_t widest = (int64_t(1) << 62) - 1;
  for (Encoding encoding : {Encoding::Binary, Encoding::Csd}) {
    EXPECT_EQ(valueOf(encode(widest, encoding)), widest);
    EXPECT_EQ(valueOf(encode(-widest, encoding)), -widest);
  }
}

} // namespace
