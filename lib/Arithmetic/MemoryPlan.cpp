// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

using llvm::ArrayRef;
using llvm::SmallVector;

int64_t getMostLive(ArrayRef<LiveBuffer> buffers, int64_t alignment) {
  int64_t most = 0;
  // The most are alive where some buffer begins.
  for (const LiveBuffer &start : buffers) {
    int64_t live = 0;
    for (const LiveBuffer &buffer : buffers)
      if (buffer.first <= start.first && start.first <= buffer.last)
        live += llvm::alignTo(buffer.bytes, alignment);
    most = std::max(most, live);
  }
  return most;
}

namespace {
/// Places buffers one by one.
class Placer {
public:
  Placer(ArrayRef<LiveBuffer> buffers, int64_t alignment)
      : buffers(buffers), alignment(alignment) {
    plan.offsets.resize(buffers.size(), kNone);
  }

  /// The lowest offset that is free during the buffer's life, or the highest
  /// one below `end`, if there is one.
  void placeLow(unsigned index) { place(index, getGaps(index).front().begin); }
  void placeHigh(unsigned index, int64_t end) {
    int64_t size = getSize(index);
    for (Gap gap : llvm::reverse(getGaps(index)))
      if (int64_t offset = std::min(gap.end, end) - size; offset >= gap.begin)
        return place(index, offset);
    placeLow(index);
  }

  MemoryPlan take() { return std::move(plan); }

private:
  static constexpr int64_t kNone = -1;
  /// Free memory.
  struct Gap {
    int64_t begin, end;
  };

  int64_t getSize(unsigned index) const {
    return llvm::alignTo(buffers[index].bytes, alignment);
  }

  /// The gaps that the buffer fits, in their order; the last one is endless.
  SmallVector<Gap> getGaps(unsigned index) const {
    SmallVector<Gap> taken, gaps;
    for (auto [other, offset] : llvm::enumerate(plan.offsets))
      if (offset != kNone && buffers[index].overlaps(buffers[other]))
        taken.push_back({offset, offset + getSize(other)});
    llvm::sort(taken, [](Gap a, Gap b) { return a.begin < b.begin; });
    int64_t end = 0;
    for (Gap gap : taken) {
      if (end + getSize(index) <= gap.begin)
        gaps.push_back({end, gap.begin});
      end = std::max(end, gap.end);
    }
    gaps.push_back({end, INT64_MAX});
    return gaps;
  }

  void place(unsigned index, int64_t offset) {
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + buffers[index].bytes);
  }

  ArrayRef<LiveBuffer> buffers;
  int64_t alignment;
  MemoryPlan plan;
};
} // namespace

MemoryPlan MemoryPlan::compute(ArrayRef<LiveBuffer> buffers,
                               int64_t alignment) {
  int64_t bound = getMostLive(buffers, alignment);
  auto all = llvm::to_vector(llvm::seq<unsigned>(0, buffers.size()));
  auto sorted = [&](auto key) {
    SmallVector<unsigned> order = all;
    llvm::stable_sort(order,
                      [&](unsigned a, unsigned b) { return key(a) < key(b); });
    return order;
  };
  auto bySize = sorted([&](unsigned i) { return -buffers[i].bytes; });

  // A chain: what lives on from step to step is at the bottom and the top of
  // the memory by turns, and what a step needs for itself between them.
  auto placeByTurns = [&] {
    Placer placer(buffers, alignment);
    auto livesOn = [&](unsigned i) {
      return buffers[i].first < buffers[i].last;
    };
    bool high = false;
    for (unsigned index : sorted([&](unsigned i) { return buffers[i].first; }))
      if (livesOn(index)) {
        high ? placer.placeHigh(index, bound) : placer.placeLow(index);
        high = !high;
      }
    for (unsigned index : bySize)
      if (!livesOn(index))
        placer.placeLow(index);
    return placer.take();
  };
  auto placeInOrder = [&](ArrayRef<unsigned> order) {
    Placer placer(buffers, alignment);
    for (unsigned index : order)
      placer.placeLow(index);
    return placer.take();
  };
  auto byLife = sorted([&](unsigned i) {
    return std::pair(buffers[i].first - buffers[i].last, -buffers[i].bytes);
  });
  auto byStart = sorted([&](unsigned i) {
    return std::pair(buffers[i].first, -buffers[i].bytes);
  });
  MemoryPlan best = placeInOrder(bySize);
  for (MemoryPlan plan :
       {placeByTurns(), placeInOrder(byLife), placeInOrder(byStart)})
    if (plan.bytes < best.bytes)
      best = std::move(plan);
  return best;
}

} // namespace bitnn
