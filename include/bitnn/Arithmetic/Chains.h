// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants reached by few additions when sums are shifted and added again:
// x + (x >> 3) = 9/8 x, and 9/8 x - (9/8 x >> 5) has four digits, but costs two
// additions.

#ifndef BITNN_ARITHMETIC_CHAINS_H
#define BITNN_ARITHMETIC_CHAINS_H

#include "bitnn/Arithmetic/RequantizePlan.h"
#include <vector>

namespace bitnn {

/// The terms are x itself, then a few that are added to it. With 2^exponent
/// they make the slope that was asked for.
struct Chain {
  llvm::SmallVector<Term, 8> terms;
  int exponent;
};

/// More than this many additions are not searched.
constexpr unsigned maxChainAdditions = 5;

/// Up to `count` chains of so many additions whose slope is between the two
/// bounds, which are not included.
std::vector<Chain> findChains(double lower, double upper, unsigned additions,
                              unsigned count);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_CHAINS_H
