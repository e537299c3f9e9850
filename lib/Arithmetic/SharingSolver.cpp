// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharingSolver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace bitnn {

//===----------------------------------------------------------------------===//
// Greedy sharing
//===----------------------------------------------------------------------===//

bool SharingSolver::isInterrupted() {
  if (options.isInterrupted && ++turns % 256 == 0)
    wasInterrupted |= options.isInterrupted();
  return wasInterrupted;
}

void SharingSolver::findPairs(unsigned node) {
  counts.clear();
  state.countPairs(node, counts);
  counts.forEach([&](SharedPair pair, unsigned count) {
    if (count > 1)
      queue.push({count * state.maxWeight(), pair});
  });
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
    findPairs(input);
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
