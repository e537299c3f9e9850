// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The multiplication-free form of a constant matrix times a vector.

#ifndef BITNN_ARITHMETIC_ADDERGRAPH_H
#define BITNN_ARITHMETIC_ADDERGRAPH_H

#include "bitnn/Arithmetic/ConstantMatrix.h"
#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Arithmetic/Interval.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <vector>

namespace bitnn {

/// A DAG whose nodes are first the inputs, then adders; an adder's operands are
/// earlier nodes. Outputs are shifted, possibly negated nodes, or zero.
class AdderGraph {
public:
  /// The value +-(node << shift).
  struct Operand {
    unsigned node;
    unsigned shift = 0;
    bool negative = false;
  };
  /// The value lhs + rhs.
  struct Adder {
    Operand lhs;
    Operand rhs;
  };
  /// How fromMatrix builds a graph.
  struct Options {
    Encoding encoding = Encoding::Csd;
    /// One more input per output, after those of the matrix: the value its
    /// accumulator starts with. Every digit is then exactly one adder.
    bool accumulate = false;
  };

  /// A graph without adders. The last `numAccumulators` of the inputs are the
  /// start values of as many outputs.
  explicit AdderGraph(unsigned numInputs, unsigned numAccumulators = 0)
      : inputs(numInputs), accumulators(numAccumulators) {
    assert(numAccumulators <= numInputs);
  }

  /// The graph of matrix * x (+ start values), its adders in input-stationary
  /// order: by input, then by shift, then by output. An output without digits
  /// is its start value, or zero.
  static AdderGraph fromMatrix(const ConstantMatrix &matrix, Options options);

  /// Appends lhs + rhs and returns the new node. Shifts are below 64.
  unsigned addAdder(Operand lhs, Operand rhs);
  void addOutput(std::optional<Operand> output);

  /// All inputs, those of the matrix and the accumulators' start values.
  unsigned numInputs() const { return inputs; }
  unsigned numAccumulators() const { return accumulators; }
  unsigned numAdders() const { return adders.size(); }
  unsigned numNodes() const { return inputs + adders.size(); }
  unsigned numOutputs() const { return outputs.size(); }

  bool isInput(unsigned node) const { return node < inputs; }
  const Adder &getAdder(unsigned node) const {
    assert(!isInput(node) && node < numNodes());
    return adders[node - inputs];
  }
  llvm::ArrayRef<Adder> getAdders() const { return adders; }
  llvm::ArrayRef<std::optional<Operand>> getOutputs() const { return outputs; }

  /// The outputs for one value per input, modulo 2^64.
  std::vector<int64_t> evaluate(llvm::ArrayRef<int64_t> values) const;

  /// The linear forms of the outputs: coefficient [output][input], modulo 2^64.
  /// Takes numInputs() * numNodes() steps.
  std::vector<std::vector<int64_t>> toMatrix() const;

  /// Proves that the graph computes matrix * x, plus each accumulator's start
  /// value: its linear forms are compared, never samples. The error names the
  /// first output and input that differ.
  llvm::Error verifyEquals(const ConstantMatrix &matrix) const;

  /// The exact interval of every node, inputs included, for independent inputs
  /// within `inputIntervals`. The linear form decides: 8x - x spans 7 times the
  /// interval of x, not 9 times. Takes numInputs() * numNodes() steps.
  std::vector<Interval>
  getIntervals(llvm::ArrayRef<Interval> inputIntervals) const;

  /// The number of adders on the longest path to every node, inputs included.
  std::vector<unsigned> getDepths() const;

private:
  /// The coefficient of `input` in every node, modulo 2^64.
  std::vector<int64_t> getCoefficients(unsigned input) const;

  unsigned inputs;
  unsigned accumulators;
  std::vector<Adder> adders;
  std::vector<std::optional<Operand>> outputs;
};

} // namespace bitnn

#endif // BITNN_ARITHMETIC_ADDERGRAPH_H
