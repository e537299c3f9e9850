// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Writer.h"
#include "Registers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace bitnn {

using Operand = AdderGraph::Operand;
using Opcode = LinearProgram::Opcode;
using Instruction = LinearProgram::Instruction;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string getName(const AdderGraph &graph, unsigned node) {
  unsigned inputs = graph.numInputs();
  unsigned columns = inputs - graph.numAccumulators();
  if (node < columns)
    return "x" + utostr(node);
  if (node < inputs)
    return "s" + utostr(node - columns);
  return "t" + utostr(node - inputs);
}

/// The operand without its sign.
static std::string getMagnitude(const AdderGraph &graph, Operand operand,
                                bool isAlone = false) {
  std::string name = getName(graph, operand.node);
  if (operand.shift == 0)
    return name;
  std::string shifted = name + " << " + utostr(operand.shift);
  return isAlone ? shifted : "(" + shifted + ")";
}

static std::string getSum(const AdderGraph &graph,
                          const AdderGraph::Adder &adder) {
  auto [first, second] = std::pair(adder.lhs, adder.rhs);
  if (first.negative && !second.negative)
    std::swap(first, second);
  return (first.negative ? "-" : "") + getMagnitude(graph, first) +
         (second.negative ? " - " : " + ") + getMagnitude(graph, second);
}

static std::string getOutput(const AdderGraph &graph,
                             std::optional<Operand> output) {
  if (!output)
    return "0";
  return (output->negative ? "-" : "") +
         getMagnitude(graph, *output, /*isAlone=*/!output->negative);
}

static void writeGraph(const Solution &solution, raw_ostream &os) {
  const AdderGraph &graph = solution.graph;
  for (auto [index, adder] : enumerate(graph.getAdders())) {
    unsigned node = graph.numInputs() + index;
    os << formatv("{0,-32} # depth {1}, {2} bits\n",
                  getName(graph, node) + " = " + getSum(graph, adder),
                  solution.depths[node], solution.widths[node]);
  }
  for (auto [index, output] : enumerate(graph.getOutputs()))
    os << "y" << index << " = " << getOutput(graph, output) << "\n";
}

/// The name of a block's input: one of the matrix, or an accumulator.
static std::string getInputName(const BlockProgram &block, unsigned input) {
  unsigned columns = block.inputs.size();
  return input < columns ? "x" + utostr(block.inputs[input])
                         : "y" + utostr(block.outputs[input - columns]);
}

static void writeInstruction(const BlockProgram &block,
                             const Instruction &instruction,
                             ArrayRef<unsigned> registers, raw_ostream &os) {
  auto name = [&](unsigned value) { return "r" + utostr(registers[value]); };
  if (instruction.opcode == Opcode::Store) {
    os << "y" << block.outputs[instruction.index] << " = "
       << name(instruction.lhs) << "\n";
    return;
  }
  os << name(instruction.result) << " = ";
  switch (instruction.opcode) {
  case Opcode::Load:
    os << getInputName(block, instruction.index);
    break;
  case Opcode::Shift:
    os << name(instruction.lhs) << " << " << instruction.index;
    break;
  case Opcode::Add:
    os << name(instruction.lhs) << " + " << name(instruction.rhs);
    break;
  case Opcode::Subtract:
    os << name(instruction.lhs) << " - " << name(instruction.rhs);
    break;
  case Opcode::Negate:
    os << "-" << name(instruction.lhs);
    break;
  case Opcode::Zero:
    os << "0";
    break;
  case Opcode::Store:
    llvm_unreachable("written above");
  }
  os << "\n";
}

static void writePrograms(const Programs &programs, raw_ostream &os) {
  for (const BlockProgram &block : programs.blocks) {
    os << formatv("\n# y += M x: {0} outputs, {1} inputs, {2} registers\n",
                  block.outputs.size(), block.inputs.size(),
                  block.program.maxLive());
    std::vector<unsigned> registers = assignRegisters(block.program);
    for (const Instruction &instruction : block.program.getInstructions())
      writeInstruction(block, instruction, registers, os);
  }
  os << formatv("\nprograms: {0}, {1} registers, {2} of them accumulators; {3} "
                "loads, {4} shifts, {5} adds, {6} stores\n",
                programs.blocks.size(), programs.maxLive(),
                programs.accumulators, programs.count(Opcode::Load),
                programs.count(Opcode::Shift), programs.numAdds(),
                programs.count(Opcode::Store));
}

void writeText(const Solution &solution, raw_ostream &os) {
  const AdderGraph &graph = solution.graph;
  writeGraph(solution, os);
  if (solution.programs)
    writePrograms(*solution.programs, os);
  os << formatv("\nadders: {0}, without sharing {1}\n", graph.numAdders(),
                solution.numAddersWithoutSharing);
  os << formatv("depth: {0}, widest node: {1} bits, negated outputs: {2}\n",
                solution.getDepth(), solution.getWidth(),
                solution.numNegatedOutputs());
  if (solution.wasInterrupted)
    os << "interrupted: this is the best found until then\n";
  os << formatv("proved: all {0} coefficients equal the matrix\n",
                uint64_t(graph.numOutputs()) * graph.numInputs());
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static json::Value toJson(Operand operand) {
  return json::Object{{"node", operand.node},
                      {"shift", operand.shift},
                      {"negative", operand.negative}};
}

static json::Value toJson(const BlockProgram &block,
                          const Instruction &instruction,
                          ArrayRef<unsigned> registers) {
  unsigned columns = block.inputs.size(), index = instruction.index;
  if (instruction.opcode == Opcode::Store)
    return json::Object{{"store", block.outputs[index]},
                        {"lhs", registers[instruction.lhs]}};
  json::Object object{{"result", registers[instruction.result]}};
  switch (instruction.opcode) {
  case Opcode::Load:
    if (index < columns)
      object["input"] = block.inputs[index];
    else
      object["accumulator"] = block.outputs[index - columns];
    return object;
  case Opcode::Zero:
    object["zero"] = true;
    return object;
  case Opcode::Shift:
    object["shift"] = index;
    break;
  case Opcode::Add:
    object["add"] = registers[instruction.rhs];
    break;
  case Opcode::Subtract:
    object["subtract"] = registers[instruction.rhs];
    break;
  case Opcode::Negate:
    object["negate"] = true;
    break;
  case Opcode::Store:
    llvm_unreachable("returned above");
  }
  object["lhs"] = registers[instruction.lhs];
  return object;
}

static json::Value toJson(const BlockProgram &block) {
  std::vector<unsigned> registers = assignRegisters(block.program);
  json::Array instructions;
  for (const Instruction &instruction : block.program.getInstructions())
    instructions.push_back(toJson(block, instruction, registers));
  return json::Object{{"inputs", block.inputs},
                      {"outputs", block.outputs},
                      {"registers", block.program.maxLive()},
                      {"instructions", std::move(instructions)}};
}

static json::Value toJson(const Programs &programs) {
  json::Array blocks;
  for (const BlockProgram &block : programs.blocks)
    blocks.push_back(toJson(block));
  return json::Object{{"registers", programs.maxLive()},
                      {"accumulators", programs.accumulators},
                      {"loads", programs.count(Opcode::Load)},
                      {"shifts", programs.count(Opcode::Shift)},
                      {"adds", programs.numAdds()},
                      {"stores", programs.count(Opcode::Store)},
                      {"blocks", std::move(blocks)}};
}

void writeJson(const Solution &solution, bool withCosts, raw_ostream &os) {
  const AdderGraph &graph = solution.graph;
  json::Array nodes, outputs;
  for (auto [index, adder] : enumerate(graph.getAdders())) {
    unsigned node = graph.numInputs() + index;
    nodes.push_back(json::Object{{"lhs", toJson(adder.lhs)},
                                 {"rhs", toJson(adder.rhs)},
                                 {"depth", solution.depths[node]},
                                 {"width", solution.widths[node]}});
  }
  for (std::optional<Operand> output : graph.getOutputs())
    outputs.push_back(output ? toJson(*output) : json::Value(nullptr));
  json::Object object{
      {"inputs", graph.numInputs()},
      {"accumulators", graph.numAccumulators()},
      {"encoding", solution.encoding == Encoding::Csd ? "csd" : "binary"},
      {"adders", std::move(nodes)},
      {"outputs", std::move(outputs)},
      {"adds", graph.numAdders()},
      {"adds_without_sharing", solution.numAddersWithoutSharing},
      {"depth", solution.getDepth()},
      {"width", solution.getWidth()},
      {"negated_outputs", solution.numNegatedOutputs()},
      {"interrupted", solution.wasInterrupted},
      {"proved", true}};
  if (solution.programs)
    object["programs"] = toJson(*solution.programs);
  if (withCosts) {
    object["seconds"] = solution.seconds;
    object["megabytes"] = solution.megabytes;
  }
  os << json::Value(std::move(object)) << "\n";
}

} // namespace bitnn
