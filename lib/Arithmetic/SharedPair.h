// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of two terms, which may occur in several outputs.

#ifndef BITNN_LIB_ARITHMETIC_SHAREDPAIR_H
#define BITNN_LIB_ARITHMETIC_SHAREDPAIR_H

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

namespace bitnn {

/// The sum of `first` and +-(second << distance), as a whole shifted so that
/// one of both is not. first < second, or first == second and distance > 0.
struct SharedPair {
  unsigned first = 0;
  unsigned second = 0;
  /// -63 to 63.
  int distance = 0;
  /// Whether the second term has the sign that the first one has not.
  bool isDifference = false;

  unsigned firstShift() const { return std::max(0, -distance); }
  unsigned secondShift() const { return std::max(0, distance); }

  /// Stands for all pairs of the two nodes.
  static SharedPair any(unsigned first, unsigned second) {
    return {first, second, -64, false};
  }
  bool isAny() const { return distance == -64; }

  /// The pair as one number. Those of newer nodes are larger.
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

/// How often pairs occur: a hash table that forgets in no time.
class PairCounts {
public:
  void clear() {
    for (unsigned slot : used)
      slots[slot].count = 0;
    used.clear();
  }

  void add(SharedPair pair) {
    uint64_t key = pair.getKey();
    Slot &slot = find(key);
    if (slot.count++ != 0)
      return;
    slot.key = key;
    used.push_back(&slot - slots.data());
    if (used.size() * 2 > slots.size())
      grow();
  }

  unsigned get(SharedPair pair) { return find(pair.getKey()).count; }

  /// Calls visit(pair, count), in the order in which pairs came.
  template <typename Visit>
  void forEach(Visit visit) const {
    for (unsigned slot : used)
      visit(SharedPair::fromKey(slots[slot].key), slots[slot].count);
  }

private:
  struct Slot {
    uint64_t key = 0;
    unsigned count = 0;
  };

  /// The pair's slot, or the free one that it would get.
  Slot &find(uint64_t key) {
    for (size_t i = (key * 0x9E3779B97F4A7C15u) >> 32;; ++i) {
      Slot &slot = slots[i & (slots.size() - 1)];
      if (slot.count == 0 || slot.key == key)
        return slot;
    }
  }

  void grow() {
    std::vector<Slot> old(slots.size() * 2);
    std::swap(old, slots);
    for (unsigned &index : used) {
      Slot &slot = find(old[index].key);
      slot = old[index];
      index = &slot - slots.data();
    }
  }

  /// A power of two, at most half of them in use.
  std::vector<Slot> slots = std::vector<Slot>(1024);
  std::vector<unsigned> used;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_SHAREDPAIR_H
