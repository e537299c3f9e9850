// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random matrices for property tests. A failure prints the seed that made it.

#ifndef BITNN_UNITTESTS_ARITHMETIC_RANDOMMATRIX_H
#define BITNN_UNITTESTS_ARITHMETIC_RANDOMMATRIX_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "bitnn/Arithmetic/Interval.h"
#include "gtest/gtest.h"
#include <ostream>
#include <random>
#include <string>

namespace bitnn {

/// Shows intervals in GoogleTest's messages.
inline void PrintTo(Interval interval, std::ostream *os) {
  std::string text;
  llvm::raw_string_ostream(text) << interval;
  *os << text;
}

namespace testing {

using Random = std::mt19937;

/// An integer of [lower, upper]; the same on every platform, which the
/// distributions of the standard library are not.
inline int64_t randomIn(Random &random, int64_t lower, int64_t upper) {
  return lower + int64_t(random() % uint64_t(upper - lower + 1));
}

/// Signed weights of the given width, some of them zero, some the lowest value.
inline ConstantMatrix randomMatrix(Random &random, unsigned rows,
                                   unsigned columns, unsigned bits) {
  ConstantMatrix matrix(rows, columns);
  int64_t half = int64_t(1) << (bits - 1);
  unsigned zeros = random() % 4;
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0; column < columns; ++column) {
      unsigned kind = random() % 8;
      matrix.at(row, column) = kind < zeros ? 0
                               : kind == 7  ? -half
                                            : randomIn(random, -half, half - 1);
    }
  return matrix;
}

inline std::vector<int64_t> randomValues(Random &random, size_t count,
                                         Interval interval) {
  std::vector<int64_t> values(count);
  for (int64_t &value : values)
    value = randomIn(random, interval.lower, interval.upper);
  return values;
}

/// matrix * values + start, by multiplication.
inline std::vector<int64_t> multiply(const ConstantMatrix &matrix,
                                     llvm::ArrayRef<int64_t> values,
                                     llvm::ArrayRef<int64_t> start = {}) {
  std::vector<int64_t> sums = start.vec();
  sums.resize(matrix.rows());
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (unsigned column = 0; column < matrix.columns(); ++column)
      sums[row] += matrix.at(row, column) * values[column];
  return sums;
}

/// Calls `test(random)` for the seeds 0 to count - 1, which failures print.
template <typename Test>
void forEachSeed(unsigned count, Test test) {
  for (unsigned seed = 0; seed < count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    test(random);
    if (::testing::Test::HasFatalFailure())
      return;
  }
}

} // namespace testing
} // namespace bitnn

#endif // BITNN_UNITTESTS_ARITHMETIC_RANDOMMATRIX_H
