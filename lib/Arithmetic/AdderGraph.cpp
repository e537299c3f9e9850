// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/AdderGraph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

using Operand = AdderGraph::Operand;

/// The operand's value, given the values of all nodes, modulo 2^64.
static int64_t valueOf(Operand operand, llvm::ArrayRef<int64_t> nodes) {
  uint64_t value = uint64_t(nodes[operand.node]) << operand.shift;
  return int64_t(operand.negative ? 0 - value : value);
}

/// Appends the adders' values, modulo 2^64, to those of the inputs.
static void evaluateAdders(llvm::ArrayRef<AdderGraph::Adder> adders,
                           std::vector<int64_t> &nodes) {
  nodes.reserve(nodes.size() + adders.size());
  for (const AdderGraph::Adder &adder : adders)
    nodes.push_back(int64_t(uint64_t(valueOf(adder.lhs, nodes)) +
                            uint64_t(valueOf(adder.rhs, nodes))));
}

AdderGraph AdderGraph::fromMatrix(const ConstantMatrix &matrix,
                                  Options options) {
  unsigned rows = matrix.rows(), columns = matrix.columns();
  unsigned accumulators = options.accumulate ? rows : 0;
  AdderGraph graph(columns + accumulators, accumulators);
  graph.outputs.resize(rows);
  for (unsigned row = 0; row < accumulators; ++row)
    graph.outputs[row] = Operand{columns + row};

  struct Term {
    unsigned row;
    Digit digit;
  };
  std::vector<Term> terms;
  for (unsigned column = 0; column < columns; ++column) {
    terms.clear();
    for (unsigned row = 0; row < rows; ++row)
      for (Digit digit : encode(matrix.at(row, column), options.encoding))
        terms.push_back({row, digit});
    llvm::sort(terms, [](const Term &a, const Term &b) {
      return std::tie(a.digit.shift, a.row) < std::tie(b.digit.shift, b.row);
    });
    for (const Term &term : terms) {
      Operand operand{column, term.digit.shift, term.digit.negative};
      std::optional<Operand> &sum = graph.outputs[term.row];
      sum = sum ? Operand{graph.addAdder(*sum, operand)} : operand;
    }
  }
  return graph;
}

unsigned AdderGraph::addAdder(Operand lhs, Operand rhs) {
  assert(lhs.node < numNodes() && rhs.node < numNodes());
  assert(lhs.shift < 64 && rhs.shift < 64);
  adders.push_back({lhs, rhs});
  return numNodes() - 1;
}

void AdderGraph::addOutput(std::optional<Operand> output) {
  assert(!output || (output->node < numNodes() && output->shift < 64));
  outputs.push_back(output);
}

std::vector<int64_t>
AdderGraph::evaluate(llvm::ArrayRef<int64_t> values) const {
  assert(values.size() == inputs);
  std::vector<int64_t> nodes = values.vec();
  evaluateAdders(adders, nodes);
  std::vector<int64_t> results;
  for (std::optional<Operand> output : outputs)
    results.push_back(output ? valueOf(*output, nodes) : 0);
  return results;
}

std::vector<int64_t> AdderGraph::getCoefficients(unsigned input) const {
  std::vector<int64_t> nodes(inputs);
  nodes[input] = 1;
  evaluateAdders(adders, nodes);
  return nodes;
}

std::vector<std::vector<int64_t>> AdderGraph::toMatrix() const {
  std::vector<std::vector<int64_t>> forms(numOutputs(),
                                          std::vector<int64_t>(inputs));
  for (unsigned input = 0; input < inputs; ++input) {
    std::vector<int64_t> coefficients = getCoefficients(input);
    for (auto [form, output] : llvm::zip_equal(forms, outputs))
      if (output)
        form[input] = valueOf(*output, coefficients);
  }
  return forms;
}

llvm::Error AdderGraph::verifyEquals(const ConstantMatrix &matrix) const {
  auto fail = [](auto &&message) {
    return llvm::createStringError(llvm::Twine(message.str()));
  };
  unsigned columns = inputs - accumulators;
  if (matrix.rows() != numOutputs() || matrix.columns() != columns)
    return fail(llvm::formatv("the graph has {0} outputs and {1} inputs, the "
                              "matrix {2} rows and {3} columns",
                              numOutputs(), columns, matrix.rows(),
                              matrix.columns()));
  if (accumulators != 0 && accumulators != numOutputs())
    return fail(llvm::formatv("the graph has {0} outputs, but {1} accumulators",
                              numOutputs(), accumulators));

  // A bound of the coefficients: the sum of their magnitudes along all paths.
  // Below 2^63 the linear forms modulo 2^64 are the true ones.
  std::vector<uint64_t> gains(inputs, 1);
  auto gainOf = [&](Operand operand) {
    uint64_t power = uint64_t(1) << operand.shift;
    return llvm::SaturatingMultiply(gains[operand.node], power);
  };
  for (const Adder &adder : adders)
    gains.push_back(llvm::SaturatingAdd(gainOf(adder.lhs), gainOf(adder.rhs)));

  std::vector<std::vector<int64_t>> forms = toMatrix();
  for (unsigned row = 0; row < numOutputs(); ++row) {
    if (outputs[row] && gainOf(*outputs[row]) > INT64_MAX)
      return fail(llvm::formatv(
          "output {0}: its coefficients may reach 2^63: too many shifts", row));
    for (unsigned input = 0; input < inputs; ++input) {
      int64_t expected = input < columns ? matrix.at(row, input)
                                         : int64_t(input - columns == row);
      if (forms[row][input] != expected)
        return fail(llvm::formatv(
            "output {0}: the coefficient of input {1} is {2}, not {3}", row,
            input, forms[row][input], expected));
    }
  }
  return llvm::Error::success();
}

std::vector<Interval>
AdderGraph::getIntervals(llvm::ArrayRef<Interval> inputIntervals) const {
  assert(inputIntervals.size() == inputs);
  std::vector<Interval> intervals(numNodes());
  for (unsigned input = 0; input < inputs; ++input) {
    std::vector<int64_t> coefficients = getCoefficients(input);
    for (auto [interval, coefficient] :
         llvm::zip_equal(intervals, coefficients))
      if (coefficient != 0)
        interval += inputIntervals[input] * coefficient;
  }
  return intervals;
}

std::vector<unsigned> AdderGraph::getDepths() const {
  std::vector<unsigned> depths(inputs);
  for (const Adder &adder : adders)
    depths.push_back(1 +
                     std::max(depths[adder.lhs.node], depths[adder.rhs.node]));
  return depths;
}

} // namespace bitnn
