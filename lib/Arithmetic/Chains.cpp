// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All chains of up to three additions are listed once, by their factor. An
// interval is then a range of the list. A longer chain is one of three whose
// factor is in the interval with the last additions undone; the fifth is a
// small one, to stay quick.

#include "bitnn/Arithmetic/Chains.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>

namespace bitnn {

namespace {

/// Shifts beyond this change less than any step could notice.
constexpr unsigned maxShift = 20;

/// One addition: factor' = factor * slope + offset.
struct Addition {
  Term term;
  double slope, offset;
};

} // namespace

/// All additions.
static std::vector<Addition> listAdditions() {
  std::vector<Addition> steps;
  for (bool ofSum : {true, false})
    for (unsigned shift = ofSum; shift <= maxShift; ++shift)
      for (bool negative : {false, true}) {
        double change = std::ldexp(negative ? -1.0 : 1.0, -int(shift));
        steps.push_back({{shift, negative, ofSum},
                         ofSum ? 1 + change : 1.0,
                         ofSum ? 0.0 : change});
      }
  return steps;
}

namespace {

struct Entry {
  double factor;
  /// The index of each addition.
  uint8_t steps[3];

  bool operator<(const Entry &other) const {
    return std::tie(factor, steps[0], steps[1], steps[2]) <
           std::tie(other.factor, other.steps[0], other.steps[1],
                    other.steps[2]);
  }
};

constexpr double smallestFactor = 0.25, largestFactor = 4;

class ChainLists {
public:
  ChainLists() : additions(listAdditions()) {
    lists[0].push_back({1, {0, 0, 0}});
    for (unsigned length = 1; length <= 3; ++length) {
      for (const Entry &entry : lists[length - 1])
        for (auto [index, addition] : llvm::enumerate(additions)) {
          // The first sum is the input.
          if (length == 1 && addition.term.ofSum)
            continue;
          Entry next = entry;
          next.factor = entry.factor * addition.slope + addition.offset;
          next.steps[length - 1] = uint8_t(index);
          if (next.factor >= smallestFactor && next.factor <= largestFactor)
            lists[length].push_back(next);
        }
      // Of equal factors one is enough.
      llvm::sort(lists[length]);
      auto end =
          llvm::unique(lists[length], [](const Entry &a, const Entry &b) {
            return a.factor == b.factor;
          });
      lists[length].erase(end, lists[length].end());
    }
  }

  /// Calls `found` with the listed part and the last additions of every chain
  /// between the bounds until it says true.
  template <typename Found>
  bool search(double lower, double upper, unsigned count,
              llvm::ArrayRef<Addition> last, Found found) const {
    if (count > 3)
      return llvm::any_of(additions, [&](const Addition &addition) {
        if (addition.slope <= 0 ||
            (count > 4 && (addition.term.ofSum || addition.term.shift < 8)))
          return false;
        llvm::SmallVector<Addition, 2> longer = {addition};
        longer.append(last.begin(), last.end());
        return search((lower - addition.offset) / addition.slope,
                      (upper - addition.offset) / addition.slope, count - 1,
                      longer, found);
      });
    const std::vector<Entry> &list = lists[count];
    auto entry = std::upper_bound(
        list.begin(), list.end(), lower,
        [](double value, const Entry &entry) { return value < entry.factor; });
    for (; entry != list.end() && entry->factor < upper; ++entry)
      if (found(*entry, last))
        return true;
    return false;
  }

  Term getTerm(unsigned index) const { return additions[index].term; }

private:
  std::vector<Addition> additions;
  std::vector<Entry> lists[4];
};

} // namespace

std::vector<Chain> findChains(double lower, double upper, unsigned additions,
                              unsigned count) {
  assert(additions <= maxChainAdditions);
  static const ChainLists lists;
  std::vector<Chain> chains;
  if (!(0 < lower && lower < upper))
    return chains;
  // slope = factor * 2^exponent, for all exponents that give a listed factor.
  int least = int(std::floor(std::log2(lower / largestFactor)));
  int most = int(std::ceil(std::log2(upper / smallestFactor)));
  for (int exponent = least; exponent <= most; ++exponent) {
    bool isFull = lists.search(
        std::ldexp(lower, -exponent), std::ldexp(upper, -exponent), additions,
        {}, [&](const Entry &entry, llvm::ArrayRef<Addition> last) {
          Chain chain;
          chain.terms.push_back({0});
          for (unsigned index :
               llvm::ArrayRef(entry.steps).take_front(std::min(additions, 3u)))
            chain.terms.push_back(lists.getTerm(index));
          for (const Addition &addition : last)
            chain.terms.push_back(addition.term);
          chain.exponent = exponent;
          chains.push_back(std::move(chain));
          return chains.size() == count;
        });
    if (isFull)
      break;
  }
  return chains;
}

} // namespace bitnn
