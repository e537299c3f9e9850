// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From shared pairs and the terms that remain in each sum to an adder graph.

#include "SharingState.h"
#include "llvm/ADT/STLExtras.h"

namespace bitnn {

using Operand = AdderGraph::Operand;

/// lhs + rhs as an operand: what both are shifted by, and a sign that both
/// have, stays outside of the adder.
static Operand addOperands(AdderGraph &graph, Operand lhs, Operand rhs) {
  if (lhs.negative)
    std::swap(lhs, rhs);
  Operand sum;
  sum.shift = std::min(lhs.shift, rhs.shift);
  sum.negative = lhs.negative && rhs.negative;
  lhs.shift -= sum.shift;
  rhs.shift -= sum.shift;
  lhs.negative ^= sum.negative;
  rhs.negative ^= sum.negative;
  sum.node = graph.addAdder(lhs, rhs);
  return sum;
}

namespace {
/// A sum of terms, added up so that its depth is the smallest possible: the two
/// terms of the smallest depth first.
class TermHeap {
public:
  void push(Operand operand, unsigned depth) {
    terms.push_back({depth, unsigned(terms.size() + popped), operand});
    std::push_heap(terms.begin(), terms.end());
  }

  std::optional<Operand> sum(AdderGraph &graph) {
    while (terms.size() > 1) {
      Term lhs = pop(), rhs = pop();
      push(addOperands(graph, lhs.operand, rhs.operand),
           1 + std::max(lhs.depth, rhs.depth));
    }
    return terms.empty() ? std::nullopt : std::optional(terms.front().operand);
  }

private:
  struct Term {
    unsigned depth;
    unsigned order;
    Operand operand;
    bool operator<(const Term &other) const {
      return std::tie(depth, order) > std::tie(other.depth, other.order);
    }
  };
  Term pop() {
    std::pop_heap(terms.begin(), terms.end());
    Term term = terms.back();
    terms.pop_back();
    ++popped;
    return term;
  }

  std::vector<Term> terms;
  unsigned popped = 0;
};
} // namespace

AdderGraph SharingState::toGraph() const {
  unsigned accumulators = accumulate ? numRows() : 0;
  AdderGraph graph(inputs + accumulators, accumulators);
  std::vector<unsigned> graphNodes;
  for (unsigned input = 0; input < inputs; ++input)
    graphNodes.push_back(input);
  for (const Node &node : llvm::drop_begin(nodes, inputs)) {
    graphNodes.push_back(0);
    if (node.isRemoved)
      continue;
    const SharedPair &pair = node.pair;
    graphNodes.back() = graph.addAdder(
        {graphNodes[pair.first], pair.firstShift()},
        {graphNodes[pair.second], pair.secondShift(), pair.isDifference});
  }

  std::vector<TermHeap> sums(numRows());
  for (unsigned row = 0; row < accumulators; ++row)
    sums[row].push(Operand{inputs + row}, 0);
  for (const Cell &cell : cells)
    for (Digit digit : cell.digits.getForm())
      sums[cell.row].push({graphNodes[cell.node], digit.shift, digit.negative},
                          nodes[cell.node].depth);
  for (TermHeap &sum : sums)
    graph.addOutput(sum.sum(graph));
  return graph;
}

} // namespace bitnn
