// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where functions of one number turn from falling to rising or back.

#include "Functions.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace bitnn::importer;

/// Floats in their order as integers.
static int64_t getRank(float value) {
  auto bits = llvm::bit_cast<int32_t>(value);
  return bits < 0 ? -int64_t(bits & INT32_MAX) : bits;
}
static float getFloatOfRank(int64_t rank) {
  float magnitude = llvm::bit_cast<float>(int32_t(std::abs(rank)));
  return rank < 0 ? -magnitude : magnitude;
}

/// Where `real` crosses `level` between neighbouring turns of its own.
static void addCrossings(const Real &real, int64_t channel, float level,
                         std::vector<float> &turns) {
  constexpr float kMost = std::numeric_limits<float>::max();
  std::vector<float> ends = turns;
  ends.insert(ends.begin(), -kMost);
  ends.push_back(kMost);
  for (size_t piece = 0; piece + 1 < ends.size(); ++piece) {
    auto isAbove = [&](int64_t rank) {
      return real.apply(getFloatOfRank(rank), channel) >= level;
    };
    int64_t low = getRank(ends[piece]), high = getRank(ends[piece + 1]);
    bool first = isAbove(low);
    if (isAbove(high) == first)
      continue;
    while (high - low > 1) {
      int64_t middle = low + (high - low) / 2;
      (isAbove(middle) == first ? low : high) = middle;
    }
    turns.push_back(getFloatOfRank(high));
  }
}

std::optional<std::vector<std::vector<float>>>
bitnn::importer::composeTurns(const Real &real, const Function &step,
                              int64_t channels) {
  if ((real.function && !real.function->turns) || !step.turns)
    return std::nullopt;
  auto getTurns = [](const Function &function, int64_t channel) {
    return (*function.turns)[function.turns->size() == 1 ? 0 : channel];
  };
  std::vector<std::vector<float>> result;
  for (int64_t channel = 0; channel < channels; ++channel) {
    std::vector<float> turns;
    if (real.function)
      turns = getTurns(*real.function, channel);
    std::vector<float> all = turns;
    for (float level : getTurns(step, channel)) {
      std::vector<float> crossings = turns;
      addCrossings(real, channel, level, crossings);
      all.insert(all.end(), crossings.begin() + turns.size(), crossings.end());
    }
    llvm::sort(all);
    result.push_back(std::move(all));
  }
  return result;
}
