// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The digits that a coefficient may be written with.

#ifndef BITNN_LIB_ARITHMETIC_OPENDIGITS_H
#define BITNN_LIB_ARITHMETIC_OPENDIGITS_H

#include "bitnn/Arithmetic/Digits.h"
#include "llvm/ADT/bit.h"

namespace bitnn {

/// Sets of powers of two, by sign.
struct DigitSet {
  uint64_t positive = 0;
  uint64_t negative = 0;

  uint64_t get(bool isNegative) const {
    return isNegative ? negative : positive;
  }
};

/// All digits of all signed-digit forms of `value` with the fewest digits:
/// those without which one digit fewer remains. |value| < 2^60.
DigitSet findMinimalDigits(int64_t value);

/// A coefficient of a sum that is being taken apart, digit by digit. While it
/// is open, every digit of every minimal form may be taken; what remains is
/// again a coefficient with all its minimal forms. Otherwise its digits are
/// fixed.
class OpenDigits {
public:
  OpenDigits() = default;
  static OpenDigits open(int64_t value) {
    OpenDigits result;
    result.setOpen(value);
    return result;
  }
  static OpenDigits fixed(DigitSet digits) {
    OpenDigits result;
    result.isOpen = false;
    result.digits = digits;
    result.digitCount = llvm::popcount(digits.positive | digits.negative);
    return result;
  }

  /// The digits that may be taken next.
  const DigitSet &get() const { return digits; }
  bool has(unsigned shift, bool negative) const {
    return shift < 64 && (digits.get(negative) >> shift) & 1;
  }
  /// How many digits are left.
  unsigned count() const { return digitCount; }

  /// The absolute value of an open coefficient.
  uint64_t magnitude() const {
    return value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  }

  /// Takes a digit of get() away.
  void take(unsigned shift, bool negative) {
    if (isOpen) {
      int64_t power = int64_t(1) << shift;
      setOpen(negative ? value + power : value - power);
      return;
    }
    (negative ? digits.negative : digits.positive) &= ~(uint64_t(1) << shift);
    --digitCount;
  }

  /// Adds a digit that is not there. An open coefficient may need fewer digits
  /// afterwards.
  void put(unsigned shift, bool negative) {
    if (isOpen) {
      int64_t power = int64_t(1) << shift;
      setOpen(negative ? value - power : value + power);
      return;
    }
    (negative ? digits.negative : digits.positive) |= uint64_t(1) << shift;
    ++digitCount;
  }

  /// The coefficient times 2^shift, or its negative.
  OpenDigits scaled(unsigned shift, bool negated) const;

  /// One form: the canonical one, or the fixed one.
  llvm::SmallVector<Digit, 8> getForm() const;

private:
  void setOpen(int64_t newValue);

  DigitSet digits;
  /// Of an open coefficient.
  int64_t value = 0;
  uint8_t digitCount = 0;
  bool isOpen = true;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_OPENDIGITS_H
