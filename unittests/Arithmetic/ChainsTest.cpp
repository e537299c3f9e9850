// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Chains.h"
#include "RandomMatrix.h"
#include <cmath>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

double getFactor(const Chain &chain) {
  double sum = 0;
  for (Term term : chain.terms) {
    double summand = std::ldexp(term.ofSum ? sum : 1.0, -int(term.shift));
    sum += term.negative ? -summand : summand;
  }
  return std::ldexp(sum, chain.exponent);
}

TEST(Chains, HaveTheSlope) {
  forEachSeed(50, [](Random &random) {
    double lower = std::ldexp(1 + double(random() % 100000) / 100000,
                              int(random() % 30) - 25);
    for (unsigned additions = 0; additions <= maxChainAdditions; ++additions) {
      double upper = lower * (1 + std::ldexp(1.0, 3 - 3 * int(additions)));
      std::vector<Chain> chains = findChains(lower, upper, additions, 5);
      EXPECT_LE(chains.size(), 5u);
      for (const Chain &chain : chains) {
        EXPECT_EQ(chain.terms.size(), additions + 1);
        double factor = getFactor(chain);
        EXPECT_TRUE(lower < factor && factor < upper)
            << lower << " " << factor << " " << upper;
      }
      // So wide intervals are never empty.
      if (additions >= 1) {
        EXPECT_FALSE(chains.empty()) << additions;
      }
    }
  });
}

TEST(Chains, FindsTheShortest) {
  // 9/8 * 31/32: four digits, two additions.
  double factor = 9.0 / 8 * 31 / 32;
  EXPECT_TRUE(findChains(factor * 0.999999, factor * 1.000001, 1, 1).empty());
  std::vector<Chain> chains =
      findChains(factor * 0.999999, factor * 1.000001, 2, 1);
  ASSERT_EQ(chains.size(), 1u);
  EXPECT_EQ(getFactor(chains.front()), factor);
}

} // namespace
