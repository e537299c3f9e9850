// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/LinearProgram.h"
#include "RandomMatrix.h"
#include "bitnn/Arithmetic/Partition.h"
#include "llvm/ADT/STLExtras.h"
#include <map>
#include <set>

using namespace bitnn;
using namespace bitnn::testing;

namespace {

using Opcode = LinearProgram::Opcode;
using Instruction = LinearProgram::Instruction;

LinearProgram programOf(const AdderGraph &graph, unsigned registers = 1000) {
  return llvm::cantFail(LinearProgram::fromGraph(graph, registers));
}

LinearProgram programOf(const ConstantMatrix &matrix, bool accumulate) {
  return programOf(AdderGraph::fromMatrix(matrix, {Encoding::Csd, accumulate}));
}

llvm::SmallVector<unsigned> readsOf(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Load:
  case Opcode::Zero:
    return {};
  case Opcode::Shift:
  case Opcode::Negate:
  case Opcode::Store:
    return {instruction.lhs};
  default:
    return {instruction.lhs, instruction.rhs};
  }
}

/// Gives each value a register while it is still to be read, forwards, and
/// returns how many registers that took.
unsigned countRegisters(const LinearProgram &program) {
  std::map<unsigned, size_t> lastRead;
  for (auto [index, instruction] : llvm::enumerate(program.getInstructions()))
    for (unsigned value : readsOf(instruction))
      lastRead[value] = index;
  std::map<unsigned, unsigned> registerOf;
  std::set<unsigned> free;
  unsigned count = 0;
  for (auto [index, instruction] : llvm::enumerate(program.getInstructions())) {
    for (unsigned value : readsOf(instruction)) {
      EXPECT_TRUE(registerOf.count(value)) << "value " << value << " is dead";
      if (lastRead[value] == index)
        free.insert(registerOf[value]);
    }
    if (instruction.opcode == Opcode::Store)
      continue;
    if (free.empty())
      free.insert(count++);
    registerOf[instruction.result] = *free.begin();
    if (lastRead.count(instruction.result))
      free.erase(free.begin());
  }
  return count;
}

TEST(LinearProgram, EqualsTheMatrixAndNeedsMaxLive) {
  forEachSeed(200, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 1 + random() % 8,
                                         random() % 10, random() % 2 ? 8 : 16);
    for (Encoding encoding : {Encoding::Binary, Encoding::Csd})
      for (bool accumulate : {false, true}) {
        AdderGraph graph =
            AdderGraph::fromMatrix(matrix, {encoding, accumulate});
        LinearProgram program = programOf(graph);
        std::vector<int64_t> values =
            randomValues(random, matrix.columns(), {-128, 127});
        std::vector<int64_t> start;
        if (accumulate)
          start = randomValues(random, matrix.rows(), {-70000, 70000});
        std::vector<int64_t> expected = multiply(matrix, values, start);
        llvm::append_range(values, start);
        EXPECT_EQ(program.evaluate(values), expected);
        for (int64_t &sum : expected)
          sum = int16_t(sum);
        EXPECT_EQ(program.evaluate(values, 16), expected);

        EXPECT_EQ(countRegisters(program), program.maxLive());
        // All accumulators, the input, and the input shifted.
        EXPECT_LE(program.maxLive(), matrix.rows() + 2);
        if (accumulate) {
          EXPECT_EQ(program.numAdds(), graph.numAdders());
        }
      }
  });
}

TEST(LinearProgram, LoadsAndShiftsOnce) {
  forEachSeed(50, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 8, 10, 8);
    LinearProgram program = programOf(matrix, random() % 2);
    std::set<std::pair<unsigned, unsigned>> shifts;
    std::set<unsigned> loads, stores;
    for (auto [index, instruction] :
         llvm::enumerate(program.getInstructions())) {
      if (instruction.opcode == Opcode::Shift) {
        EXPECT_TRUE(shifts.insert({instruction.lhs, instruction.index}).second);
      } else if (instruction.opcode == Opcode::Store) {
        EXPECT_TRUE(stores.insert(instruction.index).second);
      } else if (instruction.opcode == Opcode::Load) {
        EXPECT_TRUE(loads.insert(instruction.index).second);
        // An adder loads at most two operands and shifts them; then it reads.
        bool soon = false;
        for (const Instruction &next :
             program.getInstructions().slice(index + 1).take_front(3))
          soon |= llvm::is_contained(readsOf(next), instruction.result);
        EXPECT_TRUE(soon) << "input " << instruction.index;
      }
    }
    EXPECT_EQ(stores.size(), matrix.rows());
  });
}

TEST(LinearProgram, KeepsTheOrderOfTheGraph) {
  // y0 = 5 x0 + a0, y1 = 4 x0 - x1 + a1
  LinearProgram program = programOf(ConstantMatrix(2, 2, {5, 0, 4, -1}), true);
  std::string text;
  for (const Instruction &instruction : program.getInstructions()) {
    static const char *const names[] = {"load", "shift", "add",  "sub",
                                        "neg",  "zero",  "store"};
    text += names[unsigned(instruction.opcode)];
    for (unsigned value : readsOf(instruction))
      text += " v" + std::to_string(value);
    text += " " + std::to_string(instruction.index) + "; ";
  }
  EXPECT_EQ(text, "load 2; load 0; add v0 v1 0; shift v1 2; add v2 v3 0; "
                  "store v4 0; load 3; add v5 v3 0; load 1; sub v6 v7 0; "
                  "store v8 1; ");
  EXPECT_EQ(program.maxLive(), 2u);
}

TEST(LinearProgram, NegativeFirstTerms) {
  LinearProgram program = programOf(ConstantMatrix(4, 2,
                                                   {-1, 0, -2, -1, //
                                                    -1, 1, 0, 0}),
                                    false);
  EXPECT_EQ(program.evaluate({10, 3}), (std::vector<int64_t>{-10, -23, -7, 0}));
  EXPECT_EQ(llvm::count_if(program.getInstructions(),
                           [](const Instruction &instruction) {
                             return instruction.opcode == Opcode::Negate;
                           }),
            2);
}

TEST(LinearProgram, SharedNodesAndScaledOutputs) {
  AdderGraph graph(2);
  unsigned sum = graph.addAdder({0}, {1, 1});
  unsigned other = graph.addAdder({sum, 3, true}, {1, 0, true});
  graph.addOutput(AdderGraph::Operand{sum, 2, true});
  graph.addOutput(AdderGraph::Operand{sum});
  graph.addOutput(AdderGraph::Operand{other, 1});
  graph.addOutput(AdderGraph::Operand{1, 4});
  graph.addOutput(std::nullopt);
  LinearProgram program = programOf(graph);
  std::vector<int64_t> inputs = {7, -3};
  EXPECT_EQ(program.evaluate(inputs), graph.evaluate(inputs));
  EXPECT_EQ(program.evaluate(inputs),
            (std::vector<int64_t>{-4, 1, -10, -48, 0}));
  EXPECT_EQ(countRegisters(program), program.maxLive());
}

TEST(LinearProgram, RefusesTooFewRegisters) {
  ConstantMatrix matrix(3, 2, {3, 1, 5, 1, 9, 1});
  AdderGraph graph = AdderGraph::fromMatrix(matrix, {Encoding::Csd, true});
  unsigned needed = programOf(graph).maxLive();
  EXPECT_EQ(needed, 5u);
  EXPECT_EQ(programOf(graph, needed).maxLive(), needed);
  auto refused = LinearProgram::fromGraph(graph, needed - 1);
  EXPECT_EQ(llvm::toString(refused.takeError()),
            "the code block needs 5 registers, but 4 are available: give it "
            "fewer outputs");
}

/// From a layer to its numbers: partition, graphs, programs in lanes that wrap.
TEST(LinearProgram, RunsPartitionedLayers) {
  forEachSeed(60, [](Random &random) {
    ConstantMatrix matrix = randomMatrix(random, 20, 50, 8);
    PartitionOptions options;
    options.laneBits = 8u << random() % 3;
    options.accumulators = 1 + random() % 12;
    options.maxAdds = 50 + random() % 300;
    std::vector<int64_t> values =
        randomValues(random, matrix.columns(), options.inputInterval);
    std::vector<int64_t> sums;
    Partition partition = Partition::compute(matrix, options);
    for (const OutputBlock &block : partition.blocks) {
      std::vector<int64_t> blockSums = block.corrections;
      for (const CodeBlock &codeBlock : block.codeBlocks) {
        AdderGraph graph =
            AdderGraph::fromMatrix(codeBlock.matrix, {options.encoding, true});
        LinearProgram program = programOf(graph, options.accumulators + 2);
        std::vector<int64_t> inputs;
        for (unsigned column : codeBlock.inputs)
          inputs.push_back(values[column]);
        llvm::append_range(inputs, codeBlock.starts);
        for (auto [sum, partial, shift] : llvm::zip_equal(
                 blockSums, program.evaluate(inputs, codeBlock.laneBits),
                 codeBlock.shifts))
          sum += partial * (int64_t(1) << shift);
        EXPECT_EQ(program.numAdds(), codeBlock.numAdds);
      }
      llvm::append_range(sums, blockSums);
    }
    EXPECT_EQ(sums, multiply(matrix, values));
  });
}

} // namespace
