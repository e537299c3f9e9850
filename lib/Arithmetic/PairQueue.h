// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pairs by what sharing them saves.

#ifndef BITNN_LIB_ARITHMETIC_PAIRQUEUE_H
#define BITNN_LIB_ARITHMETIC_PAIRQUEUE_H

#include "SharedPair.h"
#include <optional>

namespace bitnn {

/// Pairs by descending score; those of equal score newest first, or in random
/// order.
class PairQueue {
public:
  struct Item {
    unsigned score;
    SharedPair pair;
  };

  /// Must be empty. 0: newest first, otherwise a seed of the order.
  void setOrder(uint64_t newSeed) { seed = newSeed; }

  void push(Item item) {
    if (item.score >= buckets.size())
      buckets.resize(item.score + 1);
    Bucket &bucket = buckets[item.score];
    bucket.ranks.push_back(getRank(item.pair.getKey()));
    // A bucket that is not yet looked at is put in order all at once.
    if (bucket.isHeap)
      std::push_heap(bucket.ranks.begin(), bucket.ranks.end());
    highest = std::max(highest, item.score);
  }

  std::optional<Item> pop() {
    while (highest > 0 && buckets[highest].ranks.empty())
      buckets[highest--].isHeap = false;
    if (highest == 0)
      return std::nullopt;
    Bucket &bucket = buckets[highest];
    if (!bucket.isHeap)
      std::make_heap(bucket.ranks.begin(), bucket.ranks.end());
    bucket.isHeap = true;
    std::pop_heap(bucket.ranks.begin(), bucket.ranks.end());
    Item item = {highest, SharedPair::fromKey(getKey(bucket.ranks.back()))};
    bucket.ranks.pop_back();
    return item;
  }

  void clear() {
    buckets.clear();
    highest = 0;
  }

private:
  /// Of one score; larger ranks come first.
  struct Bucket {
    std::vector<uint64_t> ranks;
    bool isHeap = false;
  };

  // Multiplication by an odd number permutes the 64-bit integers.
  static constexpr uint64_t factor = 0x9E3779B97F4A7C15;
  static constexpr uint64_t inverse = 0xF1DE83E19937733D;
  static_assert(factor * inverse == 1, "not the inverse modulo 2^64");

  uint64_t getRank(uint64_t key) const {
    return seed ? (key ^ seed) * factor : key;
  }
  uint64_t getKey(uint64_t rank) const {
    return seed ? rank * inverse ^ seed : rank;
  }

  /// By score, of which 0 is not used.
  std::vector<Bucket> buckets;
  unsigned highest = 0;
  uint64_t seed = 0;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_PAIRQUEUE_H
