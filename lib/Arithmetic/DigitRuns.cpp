// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "DigitRuns.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include <map>

namespace bitnn {

DigitRuns::DigitRuns(const ConstantMatrix &matrix, unsigned firstOutput,
                     unsigned numOutputs, llvm::ArrayRef<unsigned> columns,
                     const PartitionOptions &options)
    : firstOutput(firstOutput), columns(columns), options(options),
      digits(numOutputs) {
  for (auto [row, ofRow] : llvm::enumerate(digits)) {
    for (auto [place, column] : llvm::enumerate(columns))
      for (Digit digit :
           encode(matrix.at(firstOutput + row, column), options.encoding))
        ofRow.push_back({digit.shift, unsigned(place), digit.negative});
    llvm::stable_sort(ofRow, [](const PlacedDigit &a, const PlacedDigit &b) {
      return a.plane < b.plane;
    });
  }
}

/// Takes the run that `rest` begins with, of planes below `endPlane`.
DigitRuns::Run DigitRuns::takeRun(llvm::ArrayRef<PlacedDigit> &rest,
                                  unsigned endPlane) const {
  Run run;
  size_t mostDigits =
      std::max<size_t>(1, options.maxAdds / std::max<size_t>(1, digits.size()));
  size_t count = 0;
  // The digits of one weight in a run are one weight there.
  llvm::DenseMap<unsigned, int64_t> weights;
  for (const PlacedDigit &digit : rest.take_front(mostDigits)) {
    if (digit.plane >= endPlane)
      break;
    int64_t &weight = weights[digit.place];
    int64_t value = int64_t(1) << (digit.plane - rest.front().plane);
    int64_t grown = weight + (digit.negative ? -value : value);
    Interval before = options.inputInterval * weight;
    Interval after = options.inputInterval * grown;
    Interval sum = {run.sum.lower + after.lower - before.lower,
                    run.sum.upper + after.upper - before.upper};
    if (sum.size() > uint64_t(1) << options.laneBits)
      break;
    weight = grown;
    run.sum = sum;
    ++count;
  }
  run.digits = rest.take_front(count);
  rest = rest.drop_front(count);
  return run;
}

void DigitRuns::append(OutputBlock &block, llvm::ArrayRef<Run> runs) const {
  CodeBlock code;
  code.laneBits = options.laneBits;
  std::map<unsigned, unsigned> inputOf;
  for (const Run &run : runs) {
    code.numAdds += run.digits.size();
    code.shifts.push_back(run.digits.empty() ? 0 : run.digits.front().plane);
    for (const PlacedDigit &digit : run.digits)
      inputOf.insert({digit.place, 0});
  }
  for (auto &[place, input] : inputOf) {
    input = code.inputs.size();
    code.inputs.push_back(columns[place]);
  }
  code.matrix = ConstantMatrix(runs.size(), code.inputs.size());
  for (auto [row, run] : llvm::enumerate(runs))
    for (const PlacedDigit &digit : run.digits) {
      int32_t weight = int32_t(1) << (digit.plane - code.shifts[row]);
      code.matrix.at(row, inputOf[digit.place]) +=
          digit.negative ? -weight : weight;
    }
  auto sums = llvm::to_vector(
      llvm::map_range(runs, [](const Run &run) { return run.sum; }));
  appendCodeBlock(block, std::move(code), sums, options);
}

OutputBlock DigitRuns::cut(unsigned height) const {
  OutputBlock block;
  block.firstOutput = firstOutput;
  block.numOutputs = digits.size();
  block.corrections.resize(block.numOutputs);
  llvm::SmallVector<llvm::ArrayRef<PlacedDigit>> rest(digits.begin(),
                                                      digits.end());
  auto isDone = [](llvm::ArrayRef<PlacedDigit> left) { return left.empty(); };
  for (unsigned end = height; !llvm::all_of(rest, isDone); end += height)
    while (true) {
      std::vector<Run> runs;
      for (llvm::ArrayRef<PlacedDigit> &left : rest)
        runs.push_back(takeRun(left, end));
      if (llvm::all_of(runs, [](const Run &run) { return run.digits.empty(); }))
        break;
      append(block, runs);
    }
  return block;
}

} // namespace bitnn
