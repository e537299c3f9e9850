// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SharingState.h"
#include "llvm/ADT/STLExtras.h"

namespace bitnn {

/// The digits of a weight: open for CSD.
static OpenDigits encodeOpen(int32_t weight, Encoding encoding) {
  if (encoding == Encoding::Csd)
    return OpenDigits::open(weight);
  DigitSet digits;
  for (Digit digit : encode(weight, encoding))
    (digit.negative ? digits.negative : digits.positive) |= uint64_t(1)
                                                            << digit.shift;
  return OpenDigits::fixed(digits);
}

SharingState::SharingState(const ConstantMatrix &matrix,
                           const SharingOptions &options)
    : isOpen(options.encoding == Encoding::Csd), accumulate(options.accumulate),
      weighByWidth(options.weighByWidth), inputInterval(options.inputInterval),
      inputs(matrix.columns()), nodes(matrix.columns()), rows(matrix.rows()),
      inputCells(size_t(matrix.rows()) * matrix.columns()),
      weights(matrix.rows(), 1), loads(matrix.rows(), options.accumulate) {
  if (options.maxDepth)
    maxDepth = std::clamp(
        *options.maxDepth,
        getMinimumDepth(matrix, options.encoding, options.accumulate), 62u);
  if (weighByWidth)
    setWeights(matrix);
  if (accumulate)
    numDigits = numSums = matrix.rows();
  for (unsigned row = 0; row < matrix.rows() && !accumulate; ++row)
    numSums += llvm::any_of(matrix.row(row), [](int w) { return w != 0; });

  uint64_t shifts = 1;
  for (unsigned row = 0; row < matrix.rows(); ++row)
    for (int32_t weight : matrix.row(row)) {
      DigitSet digits = encodeOpen(weight, options.encoding).get();
      shifts |= digits.positive | digits.negative;
    }
  planes.emplace(inputs, matrix.rows(), llvm::bit_width(shifts));
  for (unsigned column = 0; column < inputs; ++column)
    for (unsigned row = 0; row < matrix.rows(); ++row)
      if (int32_t weight = matrix.at(row, column); weight != 0)
        addCell(row, column, encodeOpen(weight, options.encoding));
  clearRows();
}

void SharingState::clearRows() {
  for (auto &row : rows)
    row.clear();
}

void SharingState::addToRows(unsigned node) {
  for (unsigned cell : nodes[node].cells)
    if (cells[cell].digits.count() > 0)
      rows[cells[cell].row].push_back(cell);
}

bool SharingState::hasTerms(unsigned node) const {
  return llvm::any_of(nodes[node].cells, [&](unsigned cell) {
    return cells[cell].digits.count() > 0;
  });
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

using Form = std::vector<std::pair<unsigned, int64_t>>;

/// The bits of a two's complement number that holds all of `interval`.
static unsigned getBits(Interval interval) {
  unsigned bits = 1;
  while (bits < 63 && !interval.fitsSigned(bits))
    ++bits;
  return bits;
}

void SharingState::setWeights(const ConstantMatrix &matrix) {
  for (unsigned row = 0; row < matrix.rows(); ++row) {
    Interval sum;
    for (int32_t weight : matrix.row(row))
      sum += inputInterval * weight;
    // Partial sums are narrower than their row. Of the factors from 4/8 to 8/8
    // this one gave the fewest bits, or nearly, on random matrices of 8 bits.
    weights[row] = std::max(1u, getBits(sum) * 5 / 8);
    heaviest = std::max(heaviest, weights[row]);
  }
  for (unsigned input = 0; input < inputs; ++input)
    nodes[input].form.push_back({input, 1});
}

unsigned SharingState::getWidth(
    llvm::ArrayRef<std::pair<unsigned, int64_t>> form) const {
  Interval interval;
  for (auto [input, coefficient] : form)
    interval += inputInterval * coefficient;
  return getBits(interval);
}

void SharingState::addForms(SharedPair pair, Form &sum) const {
  const Form &firsts = nodes[pair.first].form;
  const Form &seconds = nodes[pair.second].form;
  int64_t factor = int64_t(1) << pair.firstShift();
  int64_t otherFactor =
      int64_t(pair.isDifference ? -1 : 1) * (int64_t(1) << pair.secondShift());
  auto second = seconds.begin();
  for (auto [input, coefficient] : firsts) {
    for (; second != seconds.end() && second->first < input; ++second)
      sum.push_back({second->first, second->second * otherFactor});
    sum.push_back({input, coefficient * factor});
    if (second != seconds.end() && second->first == input)
      sum.back().second += second++->second * otherFactor;
  }
  for (; second != seconds.end(); ++second)
    sum.push_back({second->first, second->second * otherFactor});
}

//===----------------------------------------------------------------------===//
// Changes
//===----------------------------------------------------------------------===//

std::optional<unsigned> SharingState::findCell(unsigned row,
                                               unsigned node) const {
  if (node < inputs) {
    unsigned cell = inputCells[size_t(node) * rows.size() + row];
    return cell ? std::optional(cell - 1) : std::nullopt;
  }
  for (unsigned cell : nodes[node].cells)
    if (cells[cell].row == row)
      return cell;
  return std::nullopt;
}

OpenDigits SharingState::getDigits(unsigned row, unsigned node) const {
  std::optional<unsigned> cell = findCell(row, node);
  return cell ? cells[*cell].digits : none();
}

void SharingState::put(unsigned row, unsigned node, const OpenDigits &digits) {
  std::optional<unsigned> cell = findCell(row, node);
  if (!cell)
    return addCell(row, node, digits);
  OpenDigits sum = cells[*cell].digits;
  for (Digit digit : digits.getForm())
    sum.put(digit.shift, digit.negative);
  setDigits(*cell, sum);
}

void SharingState::setDigits(unsigned index, OpenDigits digits) {
  Cell &cell = cells[index];
  if (isRecording)
    changes.push_back({Change::Digits, index, cell.digits});
  int change = int(digits.count()) - int(cell.digits.count());
  numDigits += change;
  cost += int64_t(change) * weights[cell.row];
  if (maxDepth)
    loads[cell.row] += getLoad(cell.node, digits.count()) -
                       getLoad(cell.node, cell.digits.count());
  if (planes && cell.node < inputs)
    planes->change(cell.node, cell.row, cell.digits.get(), digits.get());
  cell.digits = digits;
}

void SharingState::addCell(unsigned row, unsigned node, OpenDigits digits) {
  unsigned cell = cells.size();
  cells.push_back({row, node, none()});
  nodes[node].cells.push_back(cell);
  rows[row].push_back(cell);
  if (node < inputs)
    inputCells[size_t(node) * rows.size() + row] = cell + 1;
  if (isRecording)
    changes.push_back({Change::NewCell, cell, {}});
  setDigits(cell, digits);
}

unsigned SharingState::addNode(SharedPair pair) {
  unsigned index = nodes.size();
  Node &node = nodes.emplace_back();
  node.pair = pair;
  node.depth = getDepth(pair);
  node.gain = getGain(pair);
  node.weight = 1;
  if (weighByWidth) {
    addForms(pair, node.form);
    node.weight = getWidth(node.form);
  }
  nodeOfPair[pair.getKey()] = index;
  nodes[pair.first].users.push_back(index);
  nodes[pair.second].users.push_back(index);
  ++numShared;
  cost += node.weight;
  if (isRecording)
    changes.push_back({Change::NewNode, index, {}});
  return index;
}

void SharingState::begin() {
  planes.reset();
  isRecording = true;
  changes.clear();
}

void SharingState::keep() {
  isRecording = false;
  numChanges += changes.size();
}

void SharingState::undo() {
  isRecording = false;
  for (const Change &change : llvm::reverse(changes))
    switch (change.kind) {
    case Change::Digits:
      setDigits(change.index, change.digits);
      break;
    case Change::NewCell: {
      const Cell &cell = cells.back();
      nodes[cell.node].cells.pop_back();
      rows[cell.row].pop_back();
      if (cell.node < inputs)
        inputCells[size_t(cell.node) * rows.size() + cell.row] = 0;
      cells.pop_back();
      break;
    }
    case Change::NewNode: {
      SharedPair pair = nodes.back().pair;
      --numShared;
      cost -= nodes.back().weight;
      nodes.pop_back();
      nodeOfPair.erase(pair.getKey());
      nodes[pair.first].users.pop_back();
      nodes[pair.second].users.pop_back();
      break;
    }
    case Change::Removal: {
      Node &node = nodes[change.index];
      node.isRemoved = false;
      nodeOfPair[node.pair.getKey()] = change.index;
      ++numShared;
      cost += node.weight;
      break;
    }
    }
  changes.clear();
}

void SharingState::compact() {
  assert(!isRecording && "what was done could not be undone");
  std::vector<Cell> oldCells = std::exchange(cells, {});
  std::vector<Node> oldNodes = std::exchange(nodes, {});
  llvm::fill(inputCells, 0);
  nodeOfPair.clear();
  numChanges = 0;
  clearRows();
  std::vector<unsigned> renumbered(oldNodes.size());
  for (unsigned old = 0; old < oldNodes.size(); ++old) {
    Node &oldNode = oldNodes[old];
    if (oldNode.isRemoved)
      continue;
    unsigned index = renumbered[old] = nodes.size();
    std::vector<unsigned> nodeCells = std::exchange(oldNode.cells, {});
    oldNode.users.clear();
    Node &node = nodes.emplace_back(std::move(oldNode));
    if (index >= inputs) {
      node.pair.first = renumbered[node.pair.first];
      node.pair.second = renumbered[node.pair.second];
      nodeOfPair[node.pair.getKey()] = index;
      nodes[node.pair.first].users.push_back(index);
      nodes[node.pair.second].users.push_back(index);
    }
    for (unsigned cell : nodeCells) {
      auto [row, ignored, digits] = oldCells[cell];
      if (digits.count() == 0)
        continue;
      if (index < inputs)
        inputCells[size_t(index) * rows.size() + row] = cells.size() + 1;
      node.cells.push_back(cells.size());
      rows[row].push_back(cells.size());
      cells.push_back({row, index, digits});
    }
  }
}

} // namespace bitnn
