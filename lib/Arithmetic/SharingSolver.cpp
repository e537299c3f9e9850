// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharingSolver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <climits>

namespace bitnn {

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

void SharingSolver::shareAll(double forget) {
  while (std::optional<PairQueue::Item> item = queue.pop()) {
    if (isInterrupted())
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

void SharingSolver::shareInputs(Window &window, unsigned first, unsigned end) {
  window.rows.resize(state.numRows());
  std::swap(state.getRows(), window.rows);
  unsigned firstShared = state.numNodes();
  for (unsigned input = first; input < end; ++input) {
    counts.clear();
    state.countOwnPairs(input, counts);
    queuePairs();
    for (unsigned other = first; other < input; ++other)
      queueBest(SharedPair::any(other, input), UINT_MAX);
    state.addToRows(input);
  }
  shareAll();
  llvm::append_range(window.nodes, llvm::seq(first, end));
  llvm::append_range(window.nodes, llvm::seq(firstShared, state.numNodes()));
  std::swap(state.getRows(), window.rows);
}

void SharingSolver::merge(Window &window, Window other) {
  std::swap(state.getRows(), window.rows);
  unsigned firstShared = state.numNodes();
  auto isDone = [&](unsigned node) { return !state.hasTerms(node); };
  llvm::erase_if(other.nodes, isDone);
  llvm::erase_if(window.nodes, isDone);
  for (auto &row : state.getRows())
    llvm::erase_if(row, [&](unsigned cell) {
      return state.getCell(cell).digits.count() == 0;
    });
  // Within each window nothing is left to be shared.
  for (unsigned node : other.nodes)
    findPairs(node);
  for (unsigned node : other.nodes)
    state.addToRows(node);
  shareAll();
  llvm::append_range(window.nodes, other.nodes);
  llvm::append_range(window.nodes, llvm::seq(firstShared, state.numNodes()));
  std::swap(state.getRows(), window.rows);
}

void SharingSolver::run() {
  unsigned inputs = state.numInputs();
  unsigned size = options.window ? options.window : std::max(inputs, 1u);
  std::vector<Window> windows;
  for (unsigned first = 0; first < inputs; first += size)
    shareInputs(windows.emplace_back(), first, std::min(first + size, inputs));
  while (windows.size() > 1) {
    std::vector<Window> merged;
    for (size_t i = 0; i < windows.size(); i += 2) {
      merged.push_back(std::move(windows[i]));
      if (i + 1 < windows.size())
        merge(merged.back(), std::move(windows[i + 1]));
    }
    windows = std::move(merged);
  }
  if (!windows.empty())
    state.getRows() = std::move(windows.front().rows);
}

} // namespace bitnn
