// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/MemoryPlan.h"
#include "RandomMatrix.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

using namespace bitnn;
using namespace bitnn::testing;

namespace {

/// Checks that no two buffers meet, and returns the bytes.
int64_t checkedBytes(llvm::ArrayRef<LiveBuffer> buffers, int64_t alignment) {
  MemoryPlan plan = MemoryPlan::compute(buffers, alignment);
  EXPECT_EQ(plan.offsets.size(), buffers.size());
  int64_t end = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % alignment, 0);
    EXPECT_GE(plan.offsets[i], 0);
    end = std::max(end, plan.offsets[i] + buffers[i].bytes);
    for (size_t j = 0; j < i; ++j)
      if (buffers[i].overlaps(buffers[j]))
        EXPECT_TRUE(plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                    plan.offsets[j] + buffers[j].bytes <= plan.offsets[i])
            << i << " meets " << j;
  }
  EXPECT_EQ(plan.bytes, end);
  return plan.bytes;
}

TEST(MemoryPlan, NothingNeedsNothing) { EXPECT_EQ(checkedBytes({}, 64), 0); }

TEST(MemoryPlan, BuffersAliveTogetherAreApart) {
  EXPECT_EQ(checkedBytes({{100, 0, 1}, {50, 1, 2}, {60, 2, 3}}, 4), 150);
  EXPECT_EQ(checkedBytes({{100, 0, 0}, {50, 1, 1}, {60, 2, 2}}, 64), 100);
}

TEST(MemoryPlan, LargestFirstIsNotEnoughForChains) {
  // By size, the third buffer finds no gap between the second and the fourth,
  // and the memory is 236 bytes.
  EXPECT_EQ(checkedBytes({{100, 0, 1}, {72, 1, 2}, {64, 2, 3}, {68, 3, 4}}, 4),
            172);
}

TEST(MemoryPlan, ChainsTakeWhatIsAlive) {
  forEachSeed(300, [](Random &random) {
    // Each layer reads one buffer, writes the next, and has one of its own.
    std::vector<LiveBuffer> buffers;
    unsigned layers = 1 + random() % 30;
    for (unsigned layer = 0; layer <= layers; ++layer)
      buffers.push_back(
          {4 * randomIn(random, 1, 1000), int64_t(layer), int64_t(layer) + 1});
    for (unsigned layer = 1; layer <= layers; ++layer)
      if (random() % 2)
        buffers.push_back(
            {4 * randomIn(random, 1, 1000), int64_t(layer), int64_t(layer)});
    EXPECT_EQ(checkedBytes(buffers, 4), getMostLive(buffers, 4));
  });
}

/// The fewest bytes of all plans, by placing buffers in every order.
int64_t fewestBytes(llvm::ArrayRef<LiveBuffer> buffers) {
  auto order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
  int64_t fewest = INT64_MAX;
  do {
    std::vector<int64_t> offsets(buffers.size(), -1);
    int64_t bytes = 0;
    for (size_t index : order) {
      int64_t offset = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (size_t other = 0; other < buffers.size(); ++other)
          if (offsets[other] >= 0 && buffers[index].overlaps(buffers[other]) &&
              offset < offsets[other] + buffers[other].bytes &&
              offsets[other] < offset + buffers[index].bytes) {
            offset = offsets[other] + buffers[other].bytes;
            moved = true;
          }
      }
      offsets[index] = offset;
      bytes = std::max(bytes, offset + buffers[index].bytes);
    }
    fewest = std::min(fewest, bytes);
  } while (std::next_permutation(order.begin(), order.end()));
  return fewest;
}

TEST(MemoryPlan, IsNearTheOptimumOfSmallNetworks) {
  int64_t ours = 0, optimum = 0;
  forEachSeed(60, [&](Random &random) {
    std::vector<LiveBuffer> buffers;
    for (unsigned i = 0; i < 6; ++i) {
      int64_t first = randomIn(random, 0, 6);
      buffers.push_back(
          {randomIn(random, 1, 100), first, first + randomIn(random, 0, 3)});
    }
    int64_t bytes = checkedBytes(buffers, 1), fewest = fewestBytes(buffers);
    EXPECT_GE(bytes, fewest);
    ours += bytes;
    optimum += fewest;
  });
  EXPECT_LE(ours, optimum + optimum / 100);
}

} // namespace
