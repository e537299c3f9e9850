// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy sharing of two-term sums.
//
// Every output is a sum of coefficients times nodes. The pair of terms that
// occurs most often becomes a node of its own, until no pair occurs twice.
// A pair occurs in a coefficient only if its digits can be taken away from it,
// so that the number of its occurrences only ever falls: pairs wait in a queue
// with the number last seen, and are counted again when their turn comes.

#ifndef BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H
#define BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H

#include "OpenDigits.h"
#include "SharedPair.h"
#include "bitnn/Arithmetic/Sharing.h"

namespace bitnn {

class SharingSolver {
public:
  SharingSolver(const ConstantMatrix &matrix, const SharingOptions &options);

  /// Shares until nothing can be shared, or it is interrupted.
  void run();

  /// The adders of toGraph().
  unsigned numAdders() const;
  AdderGraph toGraph() const;

private:
  /// A coefficient that is not zero: `digits` times `node` in the sum `row`.
  struct Cell {
    unsigned row;
    unsigned node;
    OpenDigits digits;
  };
  /// Nodes that may be shared with each other, and their cells by row.
  struct Window {
    std::vector<unsigned> nodes;
    std::vector<std::vector<unsigned>> rows;
  };
  struct Node {
    /// Ascending by row. Cells whose digits are all taken may remain.
    std::vector<unsigned> cells;
    unsigned depth = 0;
  };

  void readMatrix(const ConstantMatrix &matrix);
  std::vector<Window> makeWindows() const;
  void addNode(Window &window, unsigned node);
  void absorb(Window &window, Window &other);
  void shareAll(Window &window);

  /// Queues the pairs of `node` with nodes of `window`, or itself, that occur
  /// more than once.
  void findPairs(unsigned node, const Window &window);
  /// The digits that the outputs lose if the pair becomes a node, and that node
  /// if `window` is given.
  unsigned replacePair(SharedPair pair, bool commit);
  bool fitsDepth(unsigned row, int64_t change) const;

  SharingOptions options;
  unsigned numRows;
  unsigned numColumns;
  std::vector<Cell> cells;
  std::vector<Node> nodes;
  std::vector<SharedPair> pairs;
  /// Per row, the sum of 2^depth over its digits: all of them can be added up
  /// within a depth if it is at most 2^that.
  std::vector<uint64_t> loads;
  std::optional<unsigned> maxDepth;
  PairQueue queue;

  /// Of findPairs: how often each pair of one node occurs, by the other node,
  /// distance and sign.
  std::vector<unsigned> countersOf;
  std::vector<uint16_t> counters;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H
