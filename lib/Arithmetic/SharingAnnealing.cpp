// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A finished graph is improved by sharing parts of it anew. Most changes leave
// the cost as it is, and these matter: terms are substituted by others without
// a cost, so that sharing finds sums that no form of the weights contains.

#include "SharingSolver.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace bitnn {

// Measured on random matrices of 8 bits, from 8x8 to 64x64.
static constexpr unsigned mostUnshared = 5;
static constexpr unsigned numSubstitutions = 100;
static constexpr double forgetProbability = 0.2;
static constexpr double firstTemperature = 0.5;

static unsigned countDigits(const DigitSet &digits) {
  return llvm::popcount(digits.positive) + llvm::popcount(digits.negative);
}

/// The digit of the given index.
static Digit getDigit(DigitSet digits, unsigned index) {
  unsigned positives = llvm::popcount(digits.positive);
  bool isNegative = index >= positives;
  uint64_t set = digits.get(isNegative);
  for (index -= isNegative ? positives : 0; index > 0; --index)
    set &= set - 1;
  return {unsigned(llvm::countr_zero(set)), isNegative};
}

void SharingSolver::substituteOne(llvm::SmallVectorImpl<unsigned> &changed) {
  const auto &row = state.getRows()[random.below(state.numRows())];
  if (row.empty())
    return;
  unsigned index = row[random.below(row.size())];
  const SharingState::Cell &cell = state.getCell(index);
  const auto &users = state.getNode(cell.node).users;
  if (cell.digits.count() == 0 || users.empty())
    return;
  const DigitSet &digits = cell.digits.get();
  Digit digit = getDigit(digits, random.below(countDigits(digits)));
  unsigned user = users[random.below(users.size())];
  if (state.isShared(user))
    state.substitute(index, digit, user, changed);
}

void SharingSolver::change() {
  llvm::SmallVector<unsigned, 128> changed;
  unsigned inputs = state.numInputs();
  for (unsigned count = 1 + random.below(mostUnshared); count > 0; --count) {
    unsigned node = inputs + random.below(state.numNodes() - inputs);
    if (state.isShared(node))
      state.unshare(node, changed);
  }
  for (unsigned count = 0; count < numSubstitutions; ++count)
    substituteOne(changed);
  llvm::sort(changed);
  changed.erase(llvm::unique(changed), changed.end());
  queue.setOrder(random.next());
  for (unsigned node : changed)
    if (node < inputs || state.isShared(node))
      findPairs(node);
  shareAll(1, forgetProbability);
}

void SharingSolver::anneal() {
  state.compact();
  // The best state, once another follows that is worse.
  std::optional<SharingState> best;
  int64_t bestCost = state.getCost();
  for (unsigned evaluation = 0; evaluation < options.evaluations;
       ++evaluation) {
    if (state.numNodes() == state.numInputs() || isInterrupted())
      break;
    int64_t before = state.getCost();
    state.begin();
    change();
    int64_t increase = state.getCost() - before;
    double temperature = firstTemperature * state.maxWeight() *
                         (1 - double(evaluation) / double(options.evaluations));
    if (increase > 0 && !random.isLess(std::exp(-increase / temperature))) {
      state.undo();
    } else if (increase > 0 && before == bestCost && !best) {
      state.undo();
      best = state;
    } else {
      state.keep();
      if (state.getCost() < bestCost) {
        bestCost = state.getCost();
        best.reset();
      }
    }
    if (state.isStale())
      state.compact();
  }
  if (best && bestCost < state.getCost())
    state = std::move(*best);
}

} // namespace bitnn
