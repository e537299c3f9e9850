// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Digits.h"
#include "llvm/ADT/bit.h"

namespace bitnn {

namespace {
/// The digits as two bit masks: value = positive - negative.
struct DigitMasks {
  uint64_t positive;
  uint64_t negative;
};

DigitMasks getMasks(int64_t value, Encoding encoding) {
  uint64_t magnitude =
      value < 0 ? uint64_t(0) - uint64_t(value) : uint64_t(value);
  DigitMasks masks = {magnitude, 0};
  // x -> (3x - x) / 2: where 3x carries a bit that x lacks the digit is +1.
  if (encoding == Encoding::Csd) {
    uint64_t tripled = 3 * magnitude;
    masks = {(tripled & ~magnitude) >> 1, (magnitude & ~tripled) >> 1};
  }
  if (value < 0)
    std::swap(masks.positive, masks.negative);
  return masks;
}
} // namespace

llvm::SmallVector<Digit, 8> encode(int64_t value, Encoding encoding) {
  DigitMasks masks = getMasks(value, encoding);
  llvm::SmallVector<Digit, 8> digits;
  for (uint64_t rest = masks.positive | masks.negative; rest;
       rest &= rest - 1) {
    unsigned shift = llvm::countr_zero(rest);
    digits.push_back({shift, bool((masks.negative >> shift) & 1)});
  }
  return digits;
}

unsigned countDigits(int64_t value, Encoding encoding) {
  DigitMasks masks = getMasks(value, encoding);
  return llvm::popcount(masks.positive | masks.negative);
}

} // namespace bitnn
