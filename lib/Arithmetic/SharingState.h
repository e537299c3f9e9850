// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums in which pairs of terms become nodes, and nodes become terms again.

#ifndef BITNN_LIB_ARITHMETIC_SHARINGSTATE_H
#define BITNN_LIB_ARITHMETIC_SHARINGSTATE_H

#include "DigitPlanes.h"
#include "bitnn/Arithmetic/Sharing.h"
#include "llvm/ADT/DenseMap.h"

namespace bitnn {

/// Every output, a row, is a sum of coefficients times nodes, which are inputs
/// or shared sums of two other nodes. Whatever is done to it, the state remains
/// an adder graph of the matrix.
class SharingState {
public:
  /// `digits` times `node` in the sum `row`; perhaps nothing.
  struct Cell {
    unsigned row;
    unsigned node;
    OpenDigits digits;
  };
  struct Node {
    /// Not of an input.
    SharedPair pair;
    unsigned depth = 0;
    /// What the adder costs.
    unsigned weight = 0;
    /// The largest coefficient that an input may have in it.
    uint64_t gain = 1;
    bool isRemoved = false;
    std::vector<unsigned> cells;
    /// The nodes, some perhaps removed, that are sums of this one.
    std::vector<unsigned> users;
    /// Inputs and their coefficients, if weighed by width.
    std::vector<std::pair<unsigned, int64_t>> form;
  };
  /// For each row, the cells of the nodes that may be shared.
  using RowLists = std::vector<std::vector<unsigned>>;

  SharingState(const ConstantMatrix &matrix, const SharingOptions &options);

  unsigned numInputs() const { return inputs; }
  unsigned numRows() const { return rows.size(); }
  unsigned numNodes() const { return nodes.size(); }
  const Node &getNode(unsigned node) const { return nodes[node]; }
  const Cell &getCell(unsigned cell) const { return cells[cell]; }
  bool isShared(unsigned node) const {
    return node >= inputs && !nodes[node].isRemoved;
  }
  bool hasTerms(unsigned node) const;

  /// The adders of toGraph(), and their cost: adders, or about their bits.
  unsigned numAdders() const { return numShared + numDigits - numSums; }
  int64_t getCost() const { return cost; }
  /// The most that a digit costs.
  unsigned maxWeight() const { return heaviest; }
  AdderGraph toGraph() const;

  /// The nodes that take part in sharing: none of a new state. New nodes are
  /// added at once.
  const RowLists &getRows() const { return rows; }
  void clearRows();
  void addToRows(unsigned node);

  /// Of all inputs, as long as nothing is unshared.
  const DigitPlanes &getPlanes() const { return *planes; }
  /// Counts how often pairs of `node` with itself occur.
  void countOwnPairs(unsigned node, PairCounts &counts) const;
  /// Counts how often pairs of `node` with nodes of the row lists, and with
  /// itself, occur. Occurrences that exclude each other all count.
  void countPairs(unsigned node, PairCounts &counts) const;
  /// The decrease of cost if the pair is shared.
  int64_t getSaving(SharedPair pair);
  /// Makes the pair a node, if it is not yet one, and replaces its occurrences
  /// by it. Returns the node.
  unsigned share(SharedPair pair);
  /// Makes a shared node, and all that are sums of it, terms again. Appends the
  /// nodes that get terms.
  void unshare(unsigned node, llvm::SmallVectorImpl<unsigned> &changed);
  /// Replaces a digit of a cell by `user`, a sum of the cell's node, and
  /// subtracts the other term of that sum. Does so only if the row does not get
  /// more digits. Appends the nodes that get or lose terms.
  void substitute(unsigned cell, Digit digit, unsigned user,
                  llvm::SmallVectorImpl<unsigned> &changed);

  /// From begin() on, changes are recorded, until keep() or undo().
  void begin();
  void keep();
  void undo();
  /// Forgets removed nodes and cells without digits; renumbers nodes, in order.
  /// All nodes are in the row lists afterwards.
  void compact();
  /// Whether more was changed since then than there is.
  bool isStale() const { return numChanges > cells.size(); }

private:
  struct Change {
    enum { Digits, NewCell, NewNode, Removal } kind;
    unsigned index;
    OpenDigits digits;
  };

  OpenDigits none() const {
    return isOpen ? OpenDigits() : OpenDigits::fixed({});
  }
  /// Of maxDepth: what so many digits add to the load of a row.
  uint64_t getLoad(unsigned node, unsigned digits) const {
    return uint64_t(digits) << nodes[node].depth;
  }
  bool fits(uint64_t load) const {
    return !maxDepth || load <= uint64_t(1) << *maxDepth;
  }
  /// Substitutions, which cancel out, must not let coefficients grow beyond
  /// what AdderGraph::verifyEquals can prove.
  static constexpr uint64_t maxGain = uint64_t(1) << 44;
  uint64_t getGain(SharedPair pair) const {
    return (nodes[pair.first].gain << pair.firstShift()) +
           (nodes[pair.second].gain << pair.secondShift());
  }
  unsigned getDepth(SharedPair pair) const {
    return 1 + std::max(nodes[pair.first].depth, nodes[pair.second].depth);
  }

  /// Cost, if weighed by width.
  unsigned getWidth(llvm::ArrayRef<std::pair<unsigned, int64_t>> form) const;
  void addForms(SharedPair pair,
                std::vector<std::pair<unsigned, int64_t>> &sum) const;
  void setWeights(const ConstantMatrix &matrix);

  /// Replaces the occurrences of `pair` by `node`, or only adds up the cost of
  /// the digits that this would save.
  int64_t replace(SharedPair pair, std::optional<unsigned> node);
  unsigned addNode(SharedPair pair);
  void addCell(unsigned row, unsigned node, OpenDigits digits);
  void setDigits(unsigned cell, OpenDigits digits);
  std::optional<unsigned> findCell(unsigned row, unsigned node) const;
  OpenDigits getDigits(unsigned row, unsigned node) const;
  /// Adds digits to a coefficient.
  void put(unsigned row, unsigned node, const OpenDigits &digits);

  bool isOpen;
  bool accumulate;
  bool weighByWidth;
  Interval inputInterval;
  std::optional<unsigned> maxDepth;
  unsigned inputs;
  std::vector<Cell> cells;
  std::vector<Node> nodes;
  RowLists rows;
  std::optional<DigitPlanes> planes;
  llvm::DenseMap<uint64_t, unsigned> nodeOfPair;
  /// By input and row, the cell + 1.
  std::vector<unsigned> inputCells;
  /// Per row, the cost of a digit, and the sum of 2^depth over its digits: they
  /// can be added up within a depth if it is at most 2^that.
  std::vector<unsigned> weights;
  std::vector<uint64_t> loads;
  unsigned heaviest = 1;

  unsigned numShared = 0, numDigits = 0, numSums = 0;
  int64_t cost = 0;
  std::vector<Change> changes;
  size_t numChanges = 0;
  bool isRecording = false;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_SHARINGSTATE_H
