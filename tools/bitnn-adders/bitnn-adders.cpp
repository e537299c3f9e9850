// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A constant matrix in, a proved graph of adders out.

#include "MatrixReader.h"
#include "Solution.h"
#include "Writer.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include <csignal>

using namespace bitnn;
using namespace llvm;

static cl::OptionCategory category("Options");

static cl::opt<std::string> input(cl::Positional, cl::init("-"),
                                  cl::desc("matrix.json"), cl::cat(category));
static cl::opt<Encoding> encoding(
    "encoding", cl::desc("How weights become digits"), cl::init(Encoding::Csd),
    cl::values(clEnumValN(Encoding::Csd, "csd", "the fewest signed digits"),
               clEnumValN(Encoding::Binary, "binary", "sign and magnitude")),
    cl::cat(category));
static cl::opt<bool> addToStart(
    "accumulate",
    cl::desc("One more input per output: what its accumulator starts with"),
    cl::cat(category));
static cl::opt<unsigned> depth("depth", cl::value_desc("N"), cl::cat(category),
                               cl::desc("The most adders on any path"));
static cl::opt<bool> weighByWidth("weigh-by-width", cl::cat(category),
                                  cl::desc("Save bits rather than adders"));
static cl::opt<unsigned> anneal(
    "anneal", cl::value_desc("N"), cl::cat(category),
    cl::desc("Solve so many variants and keep the best; Ctrl-C ends it early"));
static cl::opt<uint64_t> seed("seed", cl::value_desc("N"), cl::cat(category),
                              cl::desc("Of annealing"));
static cl::opt<unsigned>
    window("window", cl::value_desc("N"), cl::cat(category),
           cl::desc("Inputs that are solved together first; 0 (default): all"));
static cl::opt<unsigned> inputBits(
    "input-bits", cl::value_desc("N"), cl::init(8), cl::cat(category),
    cl::desc("The inputs are signed integers of so many bits, at most 16"));
static cl::opt<unsigned>
    registers("registers", cl::value_desc("N"), cl::cat(category),
              cl::desc("Also print linear programs for so many registers"));
static cl::opt<bool> asJson("json", cl::desc("Print JSON"), cl::cat(category));
static cl::opt<bool> withCosts(
    "time", cl::cat(category),
    cl::desc("With --json: CPU seconds and peak megabytes of sharing"));

static volatile std::sig_atomic_t interrupted = 0;

static Expected<Request> readRequest() {
  Request request;
  request.encoding = encoding;
  request.accumulate = addToStart;
  if (depth.getNumOccurrences())
    request.maxDepth = depth;
  request.weighByWidth = weighByWidth;
  request.window = window;
  request.evaluations = anneal;
  request.seed = seed;
  if (inputBits < 1 || inputBits > 16)
    return createStringError("--input-bits=" + Twine(inputBits) +
                             " is not between 1 and 16");
  request.inputInterval = Interval::ofSigned(inputBits);
  if (registers.getNumOccurrences())
    request.registers = registers;
  return request;
}

static Error run() {
  Expected<Request> request = readRequest();
  if (!request)
    return request.takeError();
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFileOrSTDIN(input);
  if (!buffer)
    return createStringError("cannot read '" + input +
                             "': " + buffer.getError().message());
  Expected<ConstantMatrix> matrix = readMatrix((*buffer)->getBuffer());
  if (!matrix)
    return matrix.takeError();
  // From here on there is something to show for the time that was spent.
  std::signal(SIGINT, [](int) { interrupted = 1; });
  Expected<Solution> solution =
      solve(*matrix, *request, [] { return interrupted != 0; });
  if (!solution)
    return solution.takeError();
  if (asJson)
    writeJson(*solution, withCosts, outs());
  else
    writeText(*solution, outs());
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM initialize(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv,
      "bitnn-adders: a constant matrix as a graph of adders\n\n"
      "  echo '[[7, -1], [0, 3]]' | bitnn-adders    one row per output\n");
  if (Error error = run()) {
    errs() << "bitnn-adders: error: " << toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
