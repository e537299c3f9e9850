// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Programs.h"
#include "bitnn/Arithmetic/CodeSharing.h"
#include "bitnn/Arithmetic/Partition.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace bitnn {

/// An input and the same shifted, beside the accumulators; sharing takes more.
static constexpr unsigned kFewestTemporaries = 2;
/// More have never left fewer instructions than more accumulators do.
static constexpr unsigned kMostTemporaries = 10;
/// Of one call of shareInCode.
static constexpr unsigned kMostAccumulators = 64;

unsigned Programs::count(LinearProgram::Opcode opcode) const {
  unsigned total = 0;
  for (const BlockProgram &block : blocks)
    total += count_if(block.program.getInstructions(),
                      [&](const LinearProgram::Instruction &instruction) {
                        return instruction.opcode == opcode;
                      });
  return total;
}

unsigned Programs::numAdds() const {
  unsigned total = 0;
  for (const BlockProgram &block : blocks)
    total += block.program.numAdds();
  return total;
}

unsigned Programs::numInstructions() const {
  unsigned total = 0;
  for (const BlockProgram &block : blocks)
    total += block.program.getInstructions().size();
  return total;
}

unsigned Programs::maxLive() const {
  unsigned most = 0;
  for (const BlockProgram &block : blocks)
    most = std::max(most, block.program.maxLive());
  return most;
}

/// The rows that are not zero: the others keep the accumulators that they have.
static std::vector<unsigned> getUsedRows(const ConstantMatrix &matrix) {
  std::vector<unsigned> rows;
  for (unsigned row = 0; row < matrix.rows(); ++row)
    if (any_of(matrix.row(row), [](int32_t weight) { return weight != 0; }))
      rows.push_back(row);
  return rows;
}

static Expected<BlockProgram> makeBlock(const CodeBlock &code,
                                        unsigned firstOutput, Encoding encoding,
                                        unsigned temporaries) {
  std::vector<unsigned> rows = getUsedRows(code.matrix);
  ConstantMatrix matrix = code.matrix.select(
      rows, to_vector(seq<unsigned>(0, code.matrix.columns())));
  AdderGraph graph = shareInCode(matrix, {encoding, temporaries});
  if (Error error = graph.verifyEquals(matrix))
    return std::move(error);
  Expected<LinearProgram> program =
      LinearProgram::fromGraph(graph, rows.size() + temporaries);
  if (!program)
    return program.takeError();
  for (unsigned &row : rows)
    row += firstOutput;
  return BlockProgram{code.inputs, std::move(rows), std::move(*program)};
}

static Expected<Programs> makePrograms(const ConstantMatrix &matrix,
                                       Encoding encoding, unsigned accumulators,
                                       unsigned temporaries) {
  PartitionOptions options;
  options.encoding = encoding;
  options.accumulators = accumulators;
  Programs programs;
  programs.accumulators = accumulators;
  for (const OutputBlock &block : Partition::compute(matrix, options).blocks)
    for (const CodeBlock &code : block.codeBlocks) {
      Expected<BlockProgram> program =
          makeBlock(code, block.firstOutput, encoding, temporaries);
      if (!program)
        return program.takeError();
      programs.blocks.push_back(std::move(*program));
    }
  return programs;
}

Expected<Programs> makePrograms(const ConstantMatrix &matrix, Encoding encoding,
                                unsigned registers) {
  if (registers <= kFewestTemporaries)
    return createStringError(
        "registers: at least 3 are needed, for an accumulator, an input and "
        "the input shifted");
  std::optional<Programs> best;
  unsigned most = std::min(kMostTemporaries, registers - 1);
  for (unsigned temporaries : seq_inclusive(kFewestTemporaries, most)) {
    unsigned accumulators =
        std::min({registers - temporaries, kMostAccumulators, matrix.rows()});
    Expected<Programs> programs =
        makePrograms(matrix, encoding, accumulators, registers - accumulators);
    if (!programs)
      return programs.takeError();
    if (!best || programs->numInstructions() < best->numInstructions())
      best = std::move(*programs);
  }
  return std::move(*best);
}

} // namespace bitnn
