// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Solution.h"
#include "bitnn/Arithmetic/Sharing.h"
#include "llvm/ADT/STLExtras.h"
#include <ctime>
#include <sys/resource.h>

using namespace llvm;

namespace bitnn {

/// The bits of two's complement that hold the interval.
static unsigned getWidth(Interval interval) {
  unsigned bits = 1;
  while (!interval.fitsSigned(bits))
    ++bits;
  return bits;
}

static double getPeakMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

static AdderGraph share(const ConstantMatrix &matrix, const Request &request,
                        function_ref<bool()> isInterrupted) {
  SharingOptions options;
  options.encoding = request.encoding;
  options.accumulate = request.accumulate;
  options.maxDepth = request.maxDepth;
  options.weighByWidth = request.weighByWidth;
  options.inputInterval = request.inputInterval;
  options.window = request.window;
  options.evaluations = request.evaluations;
  options.seed = request.seed;
  options.isInterrupted = isInterrupted;
  return shareAdders(matrix, options);
}

Expected<Solution> solve(const ConstantMatrix &matrix, const Request &request,
                         function_ref<bool()> isInterrupted) {
  unsigned minimum =
      getMinimumDepth(matrix, request.encoding, request.accumulate);
  if (request.maxDepth && *request.maxDepth < minimum)
    return createStringError("depth " + Twine(*request.maxDepth) +
                             " is out of reach: the output with the most "
                             "digits takes " +
                             Twine(minimum));
  std::clock_t start = std::clock();
  Solution solution(share(matrix, request, isInterrupted), request.encoding);
  solution.seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
  solution.megabytes = getPeakMegabytes();
  solution.wasInterrupted = isInterrupted();

  const AdderGraph &graph = solution.graph;
  if (Error error = graph.verifyEquals(matrix))
    return joinErrors(createStringError("internal error: the graph is wrong"),
                      std::move(error));
  solution.numAddersWithoutSharing =
      AdderGraph::fromMatrix(matrix, {request.encoding, request.accumulate})
          .numAdders();
  solution.depths = graph.getDepths();
  std::vector<Interval> inputs(graph.numInputs(), request.inputInterval);
  for (Interval interval : graph.getIntervals(inputs))
    solution.widths.push_back(getWidth(interval));
  if (request.registers) {
    Expected<Programs> programs =
        makePrograms(matrix, request.encoding, *request.registers);
    if (!programs)
      return programs.takeError();
    solution.programs = std::move(*programs);
  }
  return solution;
}

unsigned Solution::getDepth() const {
  unsigned depth = 0;
  for (std::optional<AdderGraph::Operand> output : graph.getOutputs())
    if (output)
      depth = std::max(depth, depths[output->node]);
  return depth;
}

unsigned Solution::getWidth() const { return *max_element(widths); }

unsigned Solution::numNegatedOutputs() const {
  return count_if(graph.getOutputs(),
                  [](std::optional<AdderGraph::Operand> output) {
                    return output && output->negative;
                  });
}

} // namespace bitnn
