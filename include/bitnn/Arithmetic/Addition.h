// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The addition of two quantized values, without multiplication.

#ifndef BITNN_ARITHMETIC_ADDITION_H
#define BITNN_ARITHMETIC_ADDITION_H

#include "bitnn/Arithmetic/ReferenceFunction.h"
#include "bitnn/Arithmetic/RequantizePlan.h"
#include <utility>
#include <vector>

namespace bitnn {

/// For two values a and b of -128..127:
///
///     s      = lhsFactor * a + rhsFactor * b + constant
///     result = min(max(s rounded, lowest), highest)
///              + bit k % 8 of raised[k / 8], if there is such a table
///              or table[k], if there is one
///
/// with k = 256 * (a + 128) + (b + 128). Every value fits 32 bits. The factors
/// are computed by their digits.
struct AdditionPlan {
  int64_t lhsFactor = 0, rhsFactor = 0;
  int64_t constant = 0;
  Rounding rounding;
  int64_t lowest = 0, highest = 0;
  std::vector<uint8_t> raised;
  std::vector<int8_t> table;

  int64_t operator()(int64_t lhs, int64_t rhs) const;
};

/// The 65,536 values of a reference, and how they are compared.
class AdditionTable {
public:
  explicit AdditionTable(const FloatAdd &reference);

  int64_t at(int64_t lhs, int64_t rhs) const {
    return values[256 * (lhs + 128) + (rhs + 128)];
  }

  /// A pair at which the plan is wrong or leaves 32 bits: all are tried.
  std::optional<std::pair<int64_t, int64_t>>
  findDifference(const AdditionPlan &plan) const;

  const FloatAdd reference;

private:
  std::vector<int32_t> values;
};

/// A plan equal to the reference at all pairs, by digits. float32's own errors
/// decide ties at random; where no sum rounds to the reference, one that rounds
/// to it or to one less gets a bit for each pair. Only scales so far apart that
/// a sum leaves 32 bits need the table of all pairs.
AdditionPlan planAddition(const FloatAdd &reference);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_ADDITION_H
