// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/LinearProgram.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace bitnn {

using Operand = AdderGraph::Operand;
using Opcode = LinearProgram::Opcode;
using Instruction = LinearProgram::Instruction;

/// How many of lhs and rhs an instruction reads.
static unsigned getNumReads(Opcode opcode) {
  switch (opcode) {
  case Opcode::Load:
  case Opcode::Zero:
    return 0;
  case Opcode::Shift:
  case Opcode::Negate:
  case Opcode::Store:
    return 1;
  case Opcode::Add:
  case Opcode::Subtract:
    return 2;
  }
  llvm_unreachable("unknown opcode");
}

/// The most values live at once, found by walking the program backwards.
static unsigned getMaxLive(llvm::ArrayRef<Instruction> instructions,
                           unsigned numValues) {
  llvm::BitVector isLive(numValues);
  unsigned live = 0, most = 0;
  auto makeLive = [&](unsigned value) {
    live += !isLive.test(value);
    isLive.set(value);
    most = std::max(most, live);
  };
  for (const Instruction &instruction : llvm::reverse(instructions)) {
    if (instruction.opcode != Opcode::Store) {
      makeLive(instruction.result);
      isLive.reset(instruction.result);
      --live;
    }
    unsigned reads = getNumReads(instruction.opcode);
    if (reads >= 1)
      makeLive(instruction.lhs);
    if (reads == 2)
      makeLive(instruction.rhs);
  }
  return most;
}

/// Appends instructions, defining every node and every shifted node once.
class LinearProgram::Builder {
public:
  Builder(const AdderGraph &graph, LinearProgram &program)
      : graph(graph), program(program), nodes(graph.numNodes()),
        outputsOf(graph.numNodes()) {
    for (auto [index, output] : llvm::enumerate(graph.getOutputs()))
      if (output)
        outputsOf[output->node].push_back(index);
  }

  void build() {
    for (unsigned node = graph.numInputs(); node < graph.numNodes(); ++node)
      define(node, emitAdder(graph.getAdder(node)));
    // What no adder computes: outputs that are an unused input, or zero.
    for (auto [index, output] : llvm::enumerate(graph.getOutputs())) {
      if (output)
        getNode(output->node);
      else
        store(index, emit({Opcode::Zero}));
    }
  }

private:
  unsigned emit(Instruction instruction) {
    instruction.result = program.values++;
    program.instructions.push_back(instruction);
    return instruction.result;
  }

  void store(unsigned output, unsigned value) {
    program.instructions.push_back(
        {Opcode::Store, /*result=*/0, value, /*rhs=*/0, output});
  }

  /// Sets the value of a node, and stores the outputs that are complete by it.
  unsigned define(unsigned node, unsigned value) {
    nodes[node] = value;
    for (unsigned index : outputsOf[node]) {
      Operand output = *graph.getOutputs()[index];
      unsigned result = getShifted(output);
      if (output.negative)
        result = emit({Opcode::Negate, 0, result});
      store(index, result);
    }
    return value;
  }

  unsigned getNode(unsigned node) {
    if (nodes[node])
      return *nodes[node];
    assert(graph.isInput(node) && "adders are defined in order");
    return define(node, emit({Opcode::Load, 0, 0, 0, node}));
  }

  /// The value of node << shift; the sign is the caller's.
  unsigned getShifted(Operand operand) {
    unsigned value = getNode(operand.node);
    if (operand.shift == 0)
      return value;
    auto [entry, isNew] = shifted.try_emplace({operand.node, operand.shift});
    if (isNew)
      entry->second = emit({Opcode::Shift, 0, value, 0, operand.shift});
    return entry->second;
  }

  unsigned emitAdder(const AdderGraph::Adder &adder) {
    unsigned lhs = getShifted(adder.lhs), rhs = getShifted(adder.rhs);
    if (adder.lhs.negative && adder.rhs.negative)
      return emit({Opcode::Negate, 0, emit({Opcode::Add, 0, lhs, rhs})});
    if (adder.lhs.negative)
      return emit({Opcode::Subtract, 0, rhs, lhs});
    return emit(
        {adder.rhs.negative ? Opcode::Subtract : Opcode::Add, 0, lhs, rhs});
  }

  const AdderGraph &graph;
  LinearProgram &program;
  std::vector<std::optional<unsigned>> nodes;
  std::vector<llvm::SmallVector<unsigned, 1>> outputsOf;
  llvm::DenseMap<std::pair<unsigned, unsigned>, unsigned> shifted;
};

llvm::Expected<LinearProgram> LinearProgram::fromGraph(const AdderGraph &graph,
                                                       unsigned registers) {
  LinearProgram program;
  program.outputs = graph.numOutputs();
  Builder(graph, program).build();
  program.live = getMaxLive(program.instructions, program.values);
  if (program.live > registers)
    return llvm::createStringError(llvm::Twine(
        llvm::formatv("the code block needs {0} registers, but {1} are "
                      "available: give it fewer outputs",
                      program.live, registers)
            .str()));
  return program;
}

unsigned LinearProgram::numAdds() const {
  return llvm::count_if(instructions, [](const Instruction &instruction) {
    return llvm::is_contained({Opcode::Add, Opcode::Subtract, Opcode::Negate},
                              instruction.opcode);
  });
}

unsigned LinearProgram::numShifts() const {
  return llvm::count_if(instructions, [](const Instruction &instruction) {
    return instruction.opcode == Opcode::Shift;
  });
}

std::vector<int64_t> LinearProgram::evaluate(llvm::ArrayRef<int64_t> inputs,
                                             unsigned laneBits) const {
  std::vector<uint64_t> registers(values);
  std::vector<int64_t> results(outputs);
  for (const Instruction &instruction : instructions) {
    auto lhs = [&] { return registers[instruction.lhs]; };
    auto rhs = [&] { return registers[instruction.rhs]; };
    auto define = [&](uint64_t value) {
      registers[instruction.result] =
          uint64_t(llvm::SignExtend64(value, laneBits));
    };
    switch (instruction.opcode) {
    case Opcode::Load:
      define(uint64_t(inputs[instruction.index]));
      break;
    case Opcode::Shift:
      define(lhs() << instruction.index);
      break;
    case Opcode::Add:
      define(lhs() + rhs());
      break;
    case Opcode::Subtract:
      define(lhs() - rhs());
      break;
    case Opcode::Negate:
      define(0 - lhs());
      break;
    case Opcode::Zero:
      define(0);
      break;
    case Opcode::Store:
      results[instruction.index] = int64_t(lhs());
      break;
    }
  }
  return results;
}

} // namespace bitnn
