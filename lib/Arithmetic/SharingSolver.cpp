// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharingSolver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

namespace bitnn {

SharingSolver::SharingSolver(const ConstantMatrix &matrix,
                             const SharingOptions &options)
    : options(options), numRows(matrix.rows()), numColumns(matrix.columns()) {
  if (options.maxDepth)
    maxDepth = std::clamp(
        *options.maxDepth,
        getMinimumDepth(matrix, options.encoding, options.accumulate), 62u);
  readMatrix(matrix);
}

void SharingSolver::readMatrix(const ConstantMatrix &matrix) {
  nodes.resize(numColumns);
  loads.resize(numRows, options.accumulate);
  for (unsigned column = 0; column < numColumns; ++column)
    for (unsigned row = 0; row < numRows; ++row) {
      int32_t weight = matrix.at(row, column);
      if (weight == 0)
        continue;
      OpenDigits digits = OpenDigits::open(weight);
      if (options.encoding == Encoding::Binary) {
        DigitSet set;
        for (Digit digit : encode(weight, Encoding::Binary))
          (digit.negative ? set.negative : set.positive) |= uint64_t(1)
                                                            << digit.shift;
        digits = OpenDigits::fixed(set);
      }
      nodes[column].cells.push_back(cells.size());
      cells.push_back({row, column, digits});
      loads[row] += digits.count();
    }
}

std::vector<SharingSolver::Window> SharingSolver::makeWindows() const {
  unsigned size = options.window ? options.window : std::max(numColumns, 1u);
  std::vector<Window> windows;
  for (unsigned first = 0; first < numColumns; first += size) {
    Window &window = windows.emplace_back();
    for (unsigned column = first; column < std::min(first + size, numColumns);
         ++column)
      window.nodes.push_back(column);
  }
  return windows;
}

void SharingSolver::run() {
  std::vector<Window> windows = makeWindows();
  for (Window &window : windows) {
    std::vector<unsigned> inputs;
    std::swap(inputs, window.nodes);
    window.rows.resize(numRows);
    for (unsigned input : inputs) {
      findPairs(input, window);
      addNode(window, input);
    }
    shareAll(window);
  }
  while (windows.size() > 1) {
    std::vector<Window> merged;
    for (size_t i = 0; i + 1 < windows.size(); i += 2) {
      absorb(windows[i], windows[i + 1]);
      shareAll(windows[i]);
      merged.push_back(std::move(windows[i]));
    }
    if (windows.size() % 2)
      merged.push_back(std::move(windows.back()));
    windows = std::move(merged);
  }
}

void SharingSolver::addNode(Window &window, unsigned node) {
  window.nodes.push_back(node);
  for (unsigned cell : nodes[node].cells)
    window.rows[cells[cell].row].push_back(cell);
}

void SharingSolver::absorb(Window &window, Window &other) {
  auto isDone = [&](unsigned cell) { return cells[cell].digits.count() == 0; };
  for (unsigned node : other.nodes) {
    llvm::erase_if(nodes[node].cells, isDone);
    if (!nodes[node].cells.empty())
      findPairs(node, window);
  }
  for (unsigned node : other.nodes)
    if (!nodes[node].cells.empty())
      addNode(window, node);
}

void SharingSolver::shareAll(Window &window) {
  unsigned turns = 0;
  while (std::optional<PairQueue::Item> item = queue.pop()) {
    if (options.isInterrupted && ++turns % 256 == 0 && options.isInterrupted())
      break;
    SharedPair pair = SharedPair::fromKey(item->key);
    unsigned count = replacePair(pair, /*commit=*/false);
    if (count < 2)
      continue;
    if (count < item->score) {
      queue.push({count, item->key});
      continue;
    }
    replacePair(pair, /*commit=*/true);
    findPairs(nodes.size() - 1, window);
    addNode(window, nodes.size() - 1);
  }
}

//===----------------------------------------------------------------------===//
// Counting pairs
//===----------------------------------------------------------------------===//

void SharingSolver::findPairs(unsigned node, const Window &window) {
  // Distances of digits, from -span to span, by sign.
  constexpr unsigned span = 63, size = 2 * (2 * span + 1);
  countersOf.resize(nodes.size());
  counters.clear();
  llvm::SmallVector<unsigned, 64> others;
  auto getCounters = [&](unsigned other) {
    if (countersOf[other] == 0) {
      others.push_back(other);
      counters.resize(counters.size() + size);
      countersOf[other] = others.size();
    }
    return counters.data() + (countersOf[other] - 1) * size;
  };
  auto countAt = [&](uint16_t *counts, int distance, bool isDifference) {
    ++counts[2 * (distance + int(span)) + isDifference];
  };
  auto forEachDigit = [](const OpenDigits &digits, auto visit) {
    for (bool negative : {false, true})
      for (uint64_t rest = digits.get().get(negative); rest; rest &= rest - 1)
        visit(llvm::countr_zero(rest), negative);
  };

  for (unsigned index : nodes[node].cells) {
    const Cell &cell = cells[index];
    if (cell.digits.count() == 0)
      continue;
    for (unsigned otherIndex : window.rows[cell.row]) {
      const Cell &other = cells[otherIndex];
      if (other.digits.count() == 0)
        continue;
      uint16_t *counts = getCounters(other.node);
      bool isFirst = node < other.node;
      forEachDigit(cell.digits, [&](int shift, bool negative) {
        forEachDigit(other.digits, [&](int otherShift, bool otherNegative) {
          int distance = otherShift - shift;
          countAt(counts, isFirst ? distance : -distance,
                  negative != otherNegative);
        });
      });
    }
    if (cell.digits.count() > 1) {
      uint16_t *counts = getCounters(node);
      forEachDigit(cell.digits, [&](unsigned shift, bool negative) {
        OpenDigits rest = cell.digits;
        rest.take(shift, negative);
        forEachDigit(rest, [&](unsigned otherShift, bool otherNegative) {
          if (otherShift > shift)
            countAt(counts, int(otherShift - shift), negative != otherNegative);
        });
      });
    }
  }

  for (unsigned other : others) {
    const uint16_t *counts = getCounters(other);
    for (unsigned slot = 0; slot < size; ++slot)
      if (counts[slot] > 1) {
        SharedPair pair = {std::min(node, other), std::max(node, other),
                           int(slot / 2) - int(span), bool(slot % 2)};
        queue.push({counts[slot], pair.getKey()});
      }
  }
  for (unsigned other : others)
    countersOf[other] = 0;
}

/// Takes the occurrences of a pair of two nodes from their coefficients in one
/// row, and puts each of them into `sum`.
static void takePairs(OpenDigits &first, OpenDigits &second, SharedPair pair,
                      OpenDigits &sum) {
  int distance = pair.distance;
  for (bool isTaken = true; isTaken;) {
    isTaken = false;
    for (bool negative : {false, true}) {
      uint64_t partners = second.get().get(negative != pair.isDifference);
      uint64_t shifts =
          first.get().get(negative) &
          (distance < 0 ? partners << -distance : partners >> distance);
      if (shifts == 0)
        continue;
      int shift = llvm::countr_zero(shifts);
      first.take(shift, negative);
      second.take(shift + distance, negative != pair.isDifference);
      sum.put(std::min(shift, shift + distance), negative);
      isTaken = true;
    }
  }
}

/// The same for two terms of one node.
static void takePairs(OpenDigits &digits, SharedPair pair, OpenDigits &sum) {
  auto takeOne = [&](bool negative) {
    for (uint64_t rest = digits.get().get(negative); rest; rest &= rest - 1) {
      unsigned shift = llvm::countr_zero(rest);
      OpenDigits left = digits;
      left.take(shift, negative);
      if (!left.has(shift + pair.distance, negative != pair.isDifference))
        continue;
      left.take(shift + pair.distance, negative != pair.isDifference);
      digits = left;
      sum.put(shift, negative);
      return true;
    }
    return false;
  };
  while (takeOne(false) || takeOne(true)) {
  }
}

bool SharingSolver::fitsDepth(unsigned row, int64_t change) const {
  return !maxDepth || loads[row] + change <= uint64_t(1) << *maxDepth;
}

unsigned SharingSolver::replacePair(SharedPair pair, bool commit) {
  unsigned depth =
      1 + std::max(nodes[pair.first].depth, nodes[pair.second].depth);
  if (maxDepth && depth > *maxDepth)
    return 0;
  auto weigh = [&](unsigned digits, unsigned depth) {
    return maxDepth ? int64_t(digits) << depth : 0;
  };
  if (commit) {
    nodes.emplace_back();
    nodes.back().depth = depth;
    pairs.push_back(pair);
  }
  bool isSquare = pair.first == pair.second;
  const std::vector<unsigned> &firsts = nodes[pair.first].cells;
  const std::vector<unsigned> &seconds = nodes[pair.second].cells;
  unsigned saved = 0;
  auto second = seconds.begin();
  for (unsigned index : firsts) {
    unsigned row = cells[index].row;
    while (second != seconds.end() && cells[*second].row < row)
      ++second;
    if (second == seconds.end())
      break;
    if (cells[*second].row != row)
      continue;
    OpenDigits a = cells[index].digits, b = cells[*second].digits, sum;
    if (cells[index].digits.isFixed())
      sum = OpenDigits::fixed({});
    unsigned countA = a.count(), countB = b.count();
    if (isSquare) {
      takePairs(a, pair, sum);
      b = a;
    } else {
      takePairs(a, b, pair, sum);
    }
    if (sum.count() == 0)
      continue;
    unsigned lostA = countA - a.count();
    unsigned lostB = isSquare ? 0 : countB - b.count();
    int64_t change = weigh(sum.count(), depth) -
                     weigh(lostA, nodes[pair.first].depth) -
                     weigh(lostB, nodes[pair.second].depth);
    if (!fitsDepth(row, change))
      continue;
    saved += lostA + lostB - sum.count();
    if (!commit)
      continue;
    cells[index].digits = a;
    cells[*second].digits = b;
    nodes.back().cells.push_back(cells.size());
    cells.push_back({row, unsigned(nodes.size() - 1), sum});
    loads[row] += change;
  }
  return saved;
}

} // namespace bitnn
