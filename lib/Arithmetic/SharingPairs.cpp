// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pairs of terms in the rows: counted, replaced by nodes, and back.

#include "SharingState.h"
#include "llvm/ADT/STLExtras.h"

namespace bitnn {

/// Calls visit(shift, negative) for every digit that may be taken.
template <typename Visit>
static void forEachDigit(const OpenDigits &digits, Visit visit) {
  for (bool negative : {false, true})
    for (uint64_t rest = digits.get().get(negative); rest; rest &= rest - 1)
      visit(llvm::countr_zero(rest), negative);
}

void SharingState::countOwnPairs(unsigned node, PairCounts &counts) const {
  for (unsigned index : nodes[node].cells) {
    const OpenDigits &digits = cells[index].digits;
    if (digits.count() < 2)
      continue;
    forEachDigit(digits, [&](int shift, bool negative) {
      OpenDigits rest = digits;
      rest.take(shift, negative);
      forEachDigit(rest, [&](int otherShift, bool otherNegative) {
        if (otherShift > shift)
          counts.add(
              {node, node, otherShift - shift, negative != otherNegative});
      });
    });
  }
}

void SharingState::countPairs(unsigned node, PairCounts &counts) const {
  auto countOthers = [&](const Cell &cell, const Cell &other) {
    bool isFirst = node < other.node;
    unsigned first = std::min(node, other.node);
    unsigned second = std::max(node, other.node);
    forEachDigit(cell.digits, [&](int shift, bool negative) {
      forEachDigit(other.digits, [&](int otherShift, bool otherNegative) {
        int distance = isFirst ? otherShift - shift : shift - otherShift;
        counts.add({first, second, distance, negative != otherNegative});
      });
    });
  };
  for (unsigned index : nodes[node].cells) {
    const Cell &cell = cells[index];
    if (cell.digits.count() == 0)
      continue;
    for (unsigned other : rows[cell.row])
      if (cells[other].digits.count() > 0 && cells[other].node != node)
        countOthers(cell, cells[other]);
  }
  countOwnPairs(node, counts);
}

/// Where digits of one sign of the first coefficient have their partner.
static uint64_t findPartners(const OpenDigits &first, const OpenDigits &second,
                             SharedPair pair, bool negative) {
  uint64_t partners = second.get().get(negative != pair.isDifference);
  int distance = pair.distance;
  return first.get().get(negative) &
         (distance < 0 ? partners << -distance : partners >> distance);
}

/// Takes the occurrences of a pair of two nodes from their coefficients in one
/// row, and puts each of them into `sum`.
static void takePairs(OpenDigits &first, OpenDigits &second, SharedPair pair,
                      OpenDigits &sum) {
  for (bool isTaken = true; isTaken;) {
    isTaken = false;
    for (bool negative : {false, true}) {
      uint64_t shifts = findPartners(first, second, pair, negative);
      if (shifts == 0)
        continue;
      int shift = llvm::countr_zero(shifts);
      first.take(shift, negative);
      second.take(shift + pair.distance, negative != pair.isDifference);
      sum.put(std::min(shift, shift + pair.distance), negative);
      isTaken = true;
    }
  }
}

/// The same for two terms of one node.
static void takePairs(OpenDigits &digits, SharedPair pair, OpenDigits &sum) {
  auto takeOne = [&](bool negative) {
    bool partnerSign = negative != pair.isDifference;
    for (uint64_t rest = digits.get().get(negative); rest; rest &= rest - 1) {
      unsigned shift = llvm::countr_zero(rest);
      OpenDigits left = digits;
      left.take(shift, negative);
      if (!left.has(shift + pair.distance, partnerSign))
        continue;
      left.take(shift + pair.distance, partnerSign);
      digits = left;
      sum.put(shift, negative);
      return true;
    }
    return false;
  };
  while (takeOne(false) || takeOne(true)) {
  }
}

int64_t SharingState::replace(SharedPair pair, std::optional<unsigned> node) {
  bool isSquare = pair.first == pair.second;
  bool isFirstShorter =
      nodes[pair.first].cells.size() <= nodes[pair.second].cells.size();
  unsigned shorter = isFirstShorter ? pair.first : pair.second;
  unsigned longer = isFirstShorter ? pair.second : pair.first;
  unsigned depth = getDepth(pair);
  int64_t saved = 0;
  for (size_t i = 0; i < nodes[shorter].cells.size(); ++i) {
    unsigned cell = nodes[shorter].cells[i], row = cells[cell].row;
    if (cells[cell].digits.count() == 0)
      continue;
    std::optional<unsigned> otherCell;
    if (!isSquare) {
      otherCell = findCell(row, longer);
      if (!otherCell)
        continue;
      const OpenDigits &first =
          cells[isFirstShorter ? cell : *otherCell].digits;
      const OpenDigits &second =
          cells[isFirstShorter ? *otherCell : cell].digits;
      uint64_t positives = findPartners(first, second, pair, false);
      uint64_t negatives = findPartners(first, second, pair, true);
      if (!(positives | negatives))
        continue;
      // The common case, without taking anything.
      if (!node && !maxDepth &&
          llvm::popcount(positives) + llvm::popcount(negatives) == 1) {
        saved += weights[row];
        continue;
      }
    }
    OpenDigits digits = cells[cell].digits, others, sum = none();
    if (isSquare) {
      takePairs(digits, pair, sum);
    } else {
      others = cells[*otherCell].digits;
      if (isFirstShorter)
        takePairs(digits, others, pair, sum);
      else
        takePairs(others, digits, pair, sum);
    }
    if (sum.count() == 0)
      continue;
    unsigned lost = cells[cell].digits.count() - digits.count();
    unsigned othersLost =
        otherCell ? cells[*otherCell].digits.count() - others.count() : 0;
    if (maxDepth && !fits(loads[row] + (uint64_t(sum.count()) << depth) -
                          getLoad(shorter, lost) - getLoad(longer, othersLost)))
      continue;
    saved += int64_t(lost + othersLost - sum.count()) * weights[row];
    if (!node)
      continue;
    setDigits(cell, digits);
    if (otherCell)
      setDigits(*otherCell, others);
    put(row, *node, sum);
  }
  return saved;
}

int64_t SharingState::getSaving(SharedPair pair) {
  if (maxDepth && getDepth(pair) > *maxDepth)
    return 0;
  if (getGain(pair) > maxGain)
    return 0;
  int64_t saved = replace(pair, std::nullopt);
  if (saved == 0 || nodeOfPair.count(pair.getKey()))
    return saved;
  if (!weighByWidth)
    return saved - 1;
  std::vector<std::pair<unsigned, int64_t>> form;
  addForms(pair, form);
  return saved - getWidth(form);
}

unsigned SharingState::share(SharedPair pair) {
  auto found = nodeOfPair.find(pair.getKey());
  unsigned node = found == nodeOfPair.end() ? addNode(pair) : found->second;
  replace(pair, node);
  return node;
}

void SharingState::unshare(unsigned node,
                           llvm::SmallVectorImpl<unsigned> &changed) {
  for (size_t i = 0; i < nodes[node].users.size(); ++i)
    if (unsigned user = nodes[node].users[i]; !nodes[user].isRemoved)
      unshare(user, changed);

  SharedPair pair = nodes[node].pair;
  for (size_t i = 0; i < nodes[node].cells.size(); ++i) {
    unsigned index = nodes[node].cells[i];
    Cell cell = cells[index];
    if (cell.digits.count() == 0)
      continue;
    setDigits(index, none());
    put(cell.row, pair.first, cell.digits.scaled(pair.firstShift(), false));
    put(cell.row, pair.second,
        cell.digits.scaled(pair.secondShift(), pair.isDifference));
  }
  nodes[node].isRemoved = true;
  nodeOfPair.erase(pair.getKey());
  --numShared;
  cost -= nodes[node].weight;
  if (isRecording)
    changes.push_back({Change::Removal, node, {}});
  changed.push_back(pair.first);
  changed.push_back(pair.second);
}

void SharingState::substitute(unsigned cell, Digit digit, unsigned user,
                              llvm::SmallVectorImpl<unsigned> &changed) {
  SharedPair pair = nodes[user].pair;
  if (!isOpen || pair.first == pair.second)
    return;
  unsigned node = cells[cell].node, row = cells[cell].row;
  bool isFirst = pair.first == node;
  unsigned other = isFirst ? pair.second : pair.first;
  unsigned ownShift = isFirst ? pair.firstShift() : pair.secondShift();
  if (digit.shift < ownShift)
    return;
  // What is put into each coefficient: user - node - other = 0.
  unsigned shift = digit.shift - ownShift;
  bool isNegative = digit.negative != (!isFirst && pair.isDifference);
  auto ofUser =
      OpenDigits::open(int64_t(isNegative ? -1 : 1) * (int64_t(1) << shift));
  OpenDigits ofFirst = ofUser.scaled(pair.firstShift(), true);
  OpenDigits ofSecond = ofUser.scaled(pair.secondShift(), !pair.isDifference);

  int change = 0;
  uint64_t load = loads[row], gain = 0;
  auto add = [&](unsigned node, const OpenDigits &digits) {
    OpenDigits old = getDigits(row, node), sum = old;
    for (Digit digit : digits.getForm())
      sum.put(digit.shift, digit.negative);
    change += int(sum.count()) - int(old.count());
    load += getLoad(node, sum.count()) - getLoad(node, old.count());
    gain = std::max(gain, sum.magnitude() * nodes[node].gain);
  };
  add(user, ofUser);
  add(pair.first, ofFirst);
  add(pair.second, ofSecond);
  if (change > 0 || gain > maxGain || !fits(load))
    return;
  put(row, user, ofUser);
  put(row, pair.first, ofFirst);
  put(row, pair.second, ofSecond);
  changed.append({user, node, other});
}

} // namespace bitnn
