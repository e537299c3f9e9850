// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of two terms that may serve several outputs, and a queue of them.

#ifndef BITNN_LIB_ARITHMETIC_SHAREDPAIR_H
#define BITNN_LIB_ARITHMETIC_SHAREDPAIR_H

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <vector>

namespace bitnn {

/// The sum of first and +-(second << distance), whatever it is shifted by as a
/// whole. first < second, or first == second and distance > 0.
struct SharedPair {
  unsigned first;
  unsigned second;
  /// -64 to 63.
  int distance;
  /// Whether the second term has the sign that the first one has not.
  bool isDifference;

  /// By first node, then second, then the rest: the larger the newer.
  uint64_t getKey() const {
    assert(first < maxNodes && second < maxNodes);
    return uint64_t(first) << 36 | uint64_t(second) << 8 |
           uint64_t(distance + 64) << 1 | uint64_t(isDifference);
  }
  static SharedPair fromKey(uint64_t key) {
    return {unsigned(key >> 36), unsigned(key >> 8) & (maxNodes - 1),
            int((key >> 1) & 127) - 64, bool(key & 1)};
  }

  static constexpr unsigned maxNodes = 1u << 28;
};

/// Pairs by descending score, those of equal score newest first.
class PairQueue {
public:
  struct Item {
    unsigned score;
    uint64_t key;
  };

  void push(Item item) {
    if (item.score >= buckets.size())
      buckets.resize(item.score + 1);
    Bucket &bucket = buckets[item.score];
    bucket.keys.push_back(item.key);
    // A bucket that is not yet looked at is put in order all at once.
    if (bucket.isHeap)
      std::push_heap(bucket.keys.begin(), bucket.keys.end());
    highest = std::max(highest, item.score);
  }

  std::optional<Item> pop() {
    for (;; --highest) {
      if (highest < buckets.size() && !buckets[highest].keys.empty())
        break;
      if (highest == 0)
        return std::nullopt;
    }
    Bucket &bucket = buckets[highest];
    if (!bucket.isHeap)
      std::make_heap(bucket.keys.begin(), bucket.keys.end());
    bucket.isHeap = true;
    std::pop_heap(bucket.keys.begin(), bucket.keys.end());
    Item item = {highest, bucket.keys.back()};
    bucket.keys.pop_back();
    return item;
  }

private:
  struct Bucket {
    std::vector<uint64_t> keys;
    bool isHeap = false;
  };
  std::vector<Bucket> buckets;
  unsigned highest = 0;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_SHAREDPAIR_H
