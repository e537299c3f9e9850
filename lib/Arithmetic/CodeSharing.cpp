// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/CodeSharing.h"
#include "CodeNodes.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include <queue>

namespace bitnn {

using llvm::ArrayRef;
using llvm::SmallVector;

namespace {
/// A sum in place of two terms saves `gain` instructions, as long as neither
/// term has changed since.
struct Candidate {
  int gain = 0;
  Sum sum;
  unsigned lhsVersion = 0, rhsVersion = 0;

  /// Of equal gains the newest terms come first.
  bool operator<(const Candidate &other) const {
    return std::tie(gain, sum.rhs, sum.lhs) <
           std::tie(other.gain, other.sum.rhs, other.sum.lhs);
  }
};

class Solver {
public:
  Solver(const ConstantMatrix &matrix, const CodeSharingOptions &options);

  void shareSums();
  AdderGraph build() const;

private:
  template <typename Visitor>
  int match(const Sum &sum, Visitor &&visit) const;
  Candidate findBest(unsigned lhs, unsigned rhs) const;
  void addCandidates(unsigned node);
  bool form(const Sum &sum);
  std::optional<SmallVector<unsigned>> insertInto(ArrayRef<unsigned> cluster,
                                                  unsigned node);
  std::optional<SmallVector<unsigned>>
  join(ArrayRef<unsigned> first, ArrayRef<unsigned> second, unsigned node);

  const CodeSharingOptions &options;
  unsigned rows, columns;
  /// First the inputs, then the sums; and how often each has changed.
  std::vector<CodeNode> nodes;
  std::vector<unsigned> versions;
  /// Nodes that sums connect are computed together, in the order of their
  /// cluster.
  std::vector<unsigned> clusterOf;
  std::vector<SmallVector<unsigned>> clusters;
  std::priority_queue<Candidate> candidates;
  RegisterCounter counter;
  /// Pairs of nodes whose clusters do not fit the registers together.
  llvm::DenseSet<std::pair<unsigned, unsigned>> refused;
};
} // namespace

Solver::Solver(const ConstantMatrix &matrix, const CodeSharingOptions &options)
    : options(options), rows(matrix.rows()), columns(matrix.columns()),
      nodes(columns), versions(columns) {
  assert(rows <= kMaxRows && "cut the outputs into blocks first");
  for (unsigned column = 0; column < columns; ++column) {
    for (unsigned row = 0; row < rows; ++row)
      for (Digit digit : encode(matrix.at(row, column), options.encoding))
        nodes[column].addDigits(digit.shift,
                                Plane::ofRows(Rows(1) << row, digit.negative));
    clusterOf.push_back(column);
    clusters.push_back({column});
  }
}

/// How many more instructions compute node << shift when it becomes the term of
/// a sum by `shifts` and the digits of the planes `emptied` are gone.
static int getGrowth(const CodeNode &node, Shifts shifts, Shifts emptied) {
  auto count = [](Shifts set) { return llvm::popcount(set & ~Shifts(1)); };
  return count((node.accumulated & ~emptied) | node.summed | shifts) -
         count(node.accumulated | node.summed);
}

/// Calls `visit(base, plane)` for the digits that become a digit of the sum,
/// each row's once, and returns how many instructions that saves.
template <typename Visitor>
int Solver::match(const Sum &sum, Visitor &&visit) const {
  const CodeNode &lhs = nodes[sum.lhs], &rhs = nodes[sum.rhs];
  bool isSame = sum.lhs == sum.rhs;
  // A digit of a single node may be the left one of a match or the right one.
  std::array<Rows, kMaxPlanes> taken;
  if (isSame)
    taken.fill(0);
  int digits = 0;
  Shifts results = 0, emptiedLhs = 0, emptiedRhs = 0;
  Shifts bases =
      (lhs.accumulated >> sum.lhsShift) & (rhs.accumulated >> sum.rhsShift);
  for (; bases; bases &= bases - 1) {
    unsigned base = llvm::countr_zero(bases);
    unsigned left = base + sum.lhsShift, right = base + sum.rhsShift;
    const Plane &a = lhs.planes[left], &b = rhs.planes[right];
    Plane both = a.intersect(b, sum.isDifference);
    Rows takenLeft = both.rows(), takenRight = both.rows();
    if (isSame) {
      both.remove(taken[left] | taken[right]);
      takenLeft = taken[left] |= both.rows();
      takenRight = taken[right] |= both.rows();
    }
    if (!both.rows())
      continue;
    visit(base, both);
    digits += llvm::popcount(both.rows());
    results |= Shifts(1) << base;
    emptiedLhs |= Shifts(a.rows() == takenLeft) << left;
    emptiedRhs |= Shifts(b.rows() == takenRight) << right;
  }
  Shifts ofLhs = Shifts(1) << sum.lhsShift, ofRhs = Shifts(1) << sum.rhsShift;
  int shifts = llvm::popcount(results & ~Shifts(1));
  if (isSame)
    shifts += getGrowth(lhs, ofLhs | ofRhs, emptiedLhs | emptiedRhs);
  else
    shifts +=
        getGrowth(lhs, ofLhs, emptiedLhs) + getGrowth(rhs, ofRhs, emptiedRhs);
  return digits - 1 - shifts * int(options.shiftCost);
}

/// The sum of two nodes that saves most, gain 0 if none saves anything.
Candidate Solver::findBest(unsigned lhs, unsigned rhs) const {
  // Bit kMaxPlanes - 1 + d: a row has digits at shift and at shift + d.
  constexpr unsigned kNoShift = kMaxPlanes - 1;
  Shifts together[2] = {0, 0};
  const CodeNode &left = nodes[lhs], &right = nodes[rhs];
  for (Shifts a = left.accumulated; a; a &= a - 1)
    for (Shifts b = right.accumulated; b; b &= b - 1) {
      unsigned i = llvm::countr_zero(a), j = llvm::countr_zero(b);
      if (lhs == rhs && i >= j)
        continue;
      for (bool isDifference : {false, true})
        together[isDifference] |=
            Shifts(left.planes[i].meets(right.planes[j], isDifference))
            << (kNoShift + j - i);
    }
  Candidate best;
  for (bool isDifference : {false, true})
    for (Shifts set = together[isDifference]; set; set &= set - 1) {
      int shift = llvm::countr_zero(set) - int(kNoShift);
      Sum sum = {lhs, rhs, unsigned(std::max(0, -shift)),
                 unsigned(std::max(0, shift)), isDifference};
      if (int gain = match(sum, [](unsigned, Plane) {}); gain > best.gain)
        best = {gain, sum, versions[lhs], versions[rhs]};
    }
  return best;
}

/// The best sum of the node and every other one.
void Solver::addCandidates(unsigned node) {
  for (unsigned other = 0; other < nodes.size(); ++other) {
    unsigned lhs = std::min(node, other), rhs = std::max(node, other);
    if (!(nodes[lhs].rows & nodes[rhs].rows) || refused.contains({lhs, rhs}))
      continue;
    if (Candidate best = findBest(lhs, rhs); best.gain > 0)
      candidates.push(best);
  }
}

/// Forms the sum, if the registers hold its cluster then.
bool Solver::form(const Sum &sum) {
  unsigned node = nodes.size();
  CodeNode oldLhs = nodes[sum.lhs], oldRhs = nodes[sum.rhs], result;
  result.sum = sum;
  match(sum,
        [&](unsigned base, Plane plane) { result.addDigits(base, plane); });
  for (Shifts left = result.accumulated; left; left &= left - 1) {
    unsigned base = llvm::countr_zero(left);
    Rows taken = result.planes[base].rows();
    nodes[sum.lhs].removeDigits(base + sum.lhsShift, taken);
    nodes[sum.rhs].removeDigits(base + sum.rhsShift, taken);
  }
  nodes[sum.lhs].summed |= Shifts(1) << sum.lhsShift;
  nodes[sum.rhs].summed |= Shifts(1) << sum.rhsShift;
  nodes.push_back(result);
  unsigned kept = clusterOf[sum.lhs], merged = clusterOf[sum.rhs];
  std::optional<SmallVector<unsigned>> order =
      kept == merged ? insertInto(clusters[kept], node)
                     : join(clusters[kept], clusters[merged], node);
  if (!order) {
    nodes.pop_back();
    nodes[sum.lhs] = oldLhs;
    nodes[sum.rhs] = oldRhs;
    return false;
  }
  versions.push_back(0);
  clusterOf.push_back(kept);
  for (unsigned member : *order)
    clusterOf[member] = kept;
  clusters[merged].clear();
  clusters[kept] = std::move(*order);
  return true;
}

/// The cluster with the sum `node` right after its terms, if that fits.
std::optional<SmallVector<unsigned>>
Solver::insertInto(ArrayRef<unsigned> cluster, unsigned node) {
  const Sum &sum = *nodes[node].sum;
  SmallVector<unsigned> order(cluster);
  auto last = llvm::find_if(llvm::reverse(order), [&](unsigned member) {
    return member == sum.lhs || member == sum.rhs;
  });
  order.insert(last.base(), node);
  if (counter.count(nodes, order) > options.temporaries)
    return std::nullopt;
  return order;
}

/// Two clusters as one, the first where it needs the second, or the other way
/// round, and the sum `node` of theirs, if that fits.
std::optional<SmallVector<unsigned>> Solver::join(ArrayRef<unsigned> first,
                                                  ArrayRef<unsigned> second,
                                                  unsigned node) {
  const Sum &sum = *nodes[node].sum;
  auto nest = [&](ArrayRef<unsigned> outer, unsigned term,
                  ArrayRef<unsigned> inner) {
    size_t split = llvm::find(outer, term) - outer.begin() + 1;
    SmallVector<unsigned> order(outer.take_front(split));
    order.append(inner.begin(), inner.end());
    order.push_back(node);
    order.append(outer.begin() + split, outer.end());
    return order;
  };
  for (SmallVector<unsigned> order :
       {nest(first, sum.lhs, second), nest(second, sum.rhs, first)})
    if (counter.count(nodes, order) <= options.temporaries)
      return order;
  return std::nullopt;
}

void Solver::shareSums() {
  for (unsigned node = 0; node < columns; ++node)
    for (unsigned other = 0; other <= node; ++other)
      if (nodes[node].rows & nodes[other].rows)
        if (Candidate best = findBest(other, node); best.gain > 0)
          candidates.push(best);
  while (!candidates.empty()) {
    Candidate best = candidates.top();
    candidates.pop();
    auto [lhs, rhs] = std::pair(best.sum.lhs, best.sum.rhs);
    if (best.lhsVersion != versions[lhs] || best.rhsVersion != versions[rhs])
      continue;
    // Clusters only grow: what does not fit now never will.
    if (!form(best.sum)) {
      refused.insert({lhs, rhs});
      continue;
    }
    for (unsigned changed : {lhs, rhs})
      ++versions[changed];
    addCandidates(lhs);
    if (rhs != lhs)
      addCandidates(rhs);
    addCandidates(nodes.size() - 1);
  }
}

AdderGraph Solver::build() const {
  AdderGraph graph(columns + rows, rows);
  std::vector<unsigned> ids(nodes.size());
  std::vector<AdderGraph::Operand> outputs;
  for (unsigned row = 0; row < rows; ++row)
    outputs.push_back({columns + row});
  for (ArrayRef<unsigned> cluster : clusters)
    for (unsigned node : cluster) {
      ids[node] = node;
      if (const std::optional<Sum> &sum = nodes[node].sum)
        ids[node] =
            graph.addAdder({ids[sum->lhs], sum->lhsShift},
                           {ids[sum->rhs], sum->rhsShift, sum->isDifference});
      for (Shifts left = nodes[node].accumulated; left; left &= left - 1) {
        unsigned shift = llvm::countr_zero(left);
        const Plane &plane = nodes[node].planes[shift];
        for (Rows set = plane.rows(); set; set &= set - 1) {
          unsigned row = llvm::countr_zero(set);
          bool negative = plane.negative >> row & 1;
          outputs[row] = {
              graph.addAdder(outputs[row], {ids[node], shift, negative})};
        }
      }
    }
  for (AdderGraph::Operand output : outputs)
    graph.addOutput(output);
  return graph;
}

AdderGraph shareInCode(const ConstantMatrix &matrix,
                       const CodeSharingOptions &options) {
  Solver solver(matrix, options);
  // A sum needs its two terms and, in between, one of them shifted.
  if (options.temporaries >= 3)
    solver.shareSums();
  return solver.build();
}

} // namespace bitnn
