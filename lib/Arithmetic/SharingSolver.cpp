// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharingSolver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"
#include <climits>

namespace bitnn {

// Measured on layers of 64 to 256 outputs.
static constexpr unsigned gradedLevels = 3;
static constexpr unsigned rowsPerLevel = 32;

//===----------------------------------------------------------------------===//
// Greedy sharing
//===----------------------------------------------------------------------===//

bool SharingSolver::isInterrupted() {
  if (options.isInterrupted && ++turns % 256 == 0)
    wasInterrupted |= options.isInterrupted();
  return wasInterrupted;
}

unsigned SharingSolver::getBound(unsigned count) const {
  return count > 1 ? count * state.maxWeight() - 1 : 0;
}

void SharingSolver::queuePairs() {
  counts.forEach([&](SharedPair pair, unsigned count) {
    if (unsigned bound = getBound(count))
      queue.push({bound, pair});
  });
}

std::optional<SharedPair> SharingSolver::queueBest(SharedPair pairs,
                                                   unsigned expected) {
  PairQueue::Item best = {0, pairs};
  state.getPlanes().forEachPair(
      pairs.first, pairs.second, [&](SharedPair pair, unsigned count) {
        unsigned score = getBound(count);
        if (score >= expected)
          score = std::max<int64_t>(state.getSaving(pair), 0);
        if (score > 0 && score >= best.score)
          best = {score, pair};
      });
  if (best.score > 0)
    queue.push({best.score, pairs});
  if (best.score < expected)
    return std::nullopt;
  return best.pair;
}

void SharingSolver::findPairs(unsigned node) {
  counts.clear();
  state.countPairs(node, counts);
  queuePairs();
  // A pair that is a node already need not occur twice.
  for (unsigned user : state.getNode(node).users)
    if (state.isShared(user)) {
      SharedPair pair = state.getNode(user).pair;
      if (counts.get(pair) == 1)
        queue.push({state.maxWeight(), pair});
    }
}

void SharingSolver::shareAll(unsigned minimum, double forget) {
  while (std::optional<PairQueue::Item> item = queue.pop()) {
    if (item->score < minimum || isInterrupted())
      break;
    if (item->pair.isAny()) {
      if (auto pair = queueBest(item->pair, item->score))
        findPairs(state.share(*pair));
      continue;
    }
    int64_t saving = state.getSaving(item->pair);
    if (saving <= 0 || (forget > 0 && random.isLess(forget)))
      continue;
    if (saving < item->score)
      queue.push({unsigned(saving), item->pair});
    else
      findPairs(state.share(item->pair));
  }
  queue.clear();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

void SharingSolver::shareAmong(std::vector<unsigned> &nodes, unsigned minimum,
                               bool hasDenseInputs) {
  state.clearRows();
  llvm::erase_if(nodes, [&](unsigned node) { return !state.hasTerms(node); });
  llvm::sort(nodes);
  for (auto [index, node] : llvm::enumerate(nodes)) {
    if (hasDenseInputs && node < state.numInputs()) {
      counts.clear();
      state.countOwnPairs(node, counts);
      queuePairs();
      for (unsigned input : llvm::ArrayRef(nodes).take_front(index))
        queueBest(SharedPair::any(input, node), UINT_MAX);
    } else {
      findPairs(node);
    }
    state.addToRows(node);
  }
  unsigned firstNew = state.numNodes();
  shareAll(minimum);
  llvm::append_range(nodes, llvm::seq(firstNew, state.numNodes()));
}

void SharingSolver::run() {
  // The nodes of each window.
  std::vector<std::vector<unsigned>> windows;
  unsigned inputs = state.numInputs();
  unsigned size = options.window ? options.window : std::max(inputs, 1u);
  for (unsigned first = 0; first < inputs; first += size)
    llvm::append_range(windows.emplace_back(),
                       llvm::seq(first, std::min(first + size, inputs)));

  for (unsigned level = 0;; ++level) {
    // Small windows are not to use up terms for pairs that occur seldom: there
    // may be better ones in larger windows. But only for some levels, or the
    // windows would become larger than intended.
    unsigned levelsLeft =
        llvm::Log2_64_Ceil(std::max<size_t>(windows.size(), 1));
    unsigned graded = level < gradedLevels ? gradedLevels - level : 0;
    unsigned reserve = std::min(levelsLeft, graded) * state.numRows() *
                       state.maxWeight() / rowsPerLevel;
    for (std::vector<unsigned> &nodes : windows)
      shareAmong(nodes, 1 + reserve, level <= gradedLevels);
    if (windows.size() <= 1)
      return;
    std::vector<std::vector<unsigned>> merged;
    for (auto [index, nodes] : llvm::enumerate(windows)) {
      if (index % 2 == 0)
        merged.emplace_back();
      llvm::append_range(merged.back(), nodes);
    }
    windows = std::move(merged);
  }
}

} // namespace bitnn
