// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An integer as signed digits: value = sum of +-2^shift.

#ifndef BITNN_ARITHMETIC_DIGITS_H
#define BITNN_ARITHMETIC_DIGITS_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace bitnn {

/// How an integer becomes digits.
enum class Encoding {
  /// Sign and magnitude: the set bits of |value|, all with the sign of value.
  Binary,
  /// Canonical signed digit (non-adjacent form): no two neighbouring digits,
  /// and the fewest digits of all signed forms (Reitwiesner, 1960).
  Csd,
};

/// One digit: +2^shift or -2^shift.
struct Digit {
  unsigned shift;
  bool negative;
};

/// The digits of `value`, by ascending shift; none for 0. |value| < 2^62.
llvm::SmallVector<Digit, 8> encode(int64_t value, Encoding encoding);

/// encode(value, encoding).size(), without building it.
unsigned countDigits(int64_t value, Encoding encoding);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_DIGITS_H
