// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy sharing of two-term sums, and annealing.

#ifndef BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H
#define BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H

#include "PairQueue.h"
#include "SharingState.h"

namespace bitnn {

/// Random numbers that are the same everywhere (SplitMix64; Steele, Lea and
/// Flood, 2014).
class SplitMix {
public:
  explicit SplitMix(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t x = state += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }
  /// One of 0 to count - 1.
  unsigned below(unsigned count) { return next() % count; }
  bool isLess(double probability) {
    return double(next() >> 11) < probability * double(uint64_t(1) << 53);
  }

private:
  uint64_t state;
};

/// Shares the pair that saves most, until none saves anything.
///
/// A pair is counted where its digits can be taken away, so that sharing others
/// only ever lowers its count: pairs wait in a queue with the saving last seen,
/// and are counted again when their turn comes.
class SharingSolver {
public:
  SharingSolver(const ConstantMatrix &matrix, const SharingOptions &options)
      : options(options), state(matrix, options), random(options.seed) {}

  /// Window by window, then windows merged two by two.
  void run();
  /// Afterwards: makes some sums terms again, changes terms at random without
  /// adding digits, shares anew, and keeps what is not worse; sometimes also
  /// what is, ever more seldom.
  void anneal();

  const SharingState &getState() const { return state; }

private:
  /// Shares the terms of these nodes with each other, as long as that saves at
  /// least `minimum`. Appends the new nodes. Inputs that still have most of
  /// their terms take less time if that is known.
  void shareAmong(std::vector<unsigned> &nodes, unsigned minimum,
                  bool hasDenseInputs);
  /// At most so much does a pair save that is not yet a node.
  unsigned getBound(unsigned count) const;
  /// Queues the pairs that were counted.
  void queuePairs();
  /// Queues all pairs of two inputs as one, with the largest saving of them, or
  /// what it may be at most. Returns a pair that does save `expected`.
  std::optional<SharedPair> queueBest(SharedPair pairs, unsigned expected);
  /// Queues the pairs of a node with those in the row lists, and with itself.
  void findPairs(unsigned node);
  /// Empties the queue. Pairs that save less are forgotten, others with a
  /// probability.
  void shareAll(unsigned minimum, double forget = 0);
  bool isInterrupted();

  void change();
  void substituteOne(llvm::SmallVectorImpl<unsigned> &changed);

  SharingOptions options;
  SharingState state;
  SplitMix random;
  PairQueue queue;
  PairCounts counts;
  unsigned turns = 0;
  bool wasInterrupted = false;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_SHARINGSOLVER_H
