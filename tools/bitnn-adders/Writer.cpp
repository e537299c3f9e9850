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

static unsigned count(const LinearProgram &program, Opcode opcode) {
  return count_if(program.getInstructions(),
                  [=](const Instruction &instruction) {
                    return instruction.opcode == opcode;
                  });
}

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

static void writeInstruction(const AdderGraph &graph,
                             const Instruction &instruction,
                             ArrayRef<unsigned> registers, raw_ostream &os) {
  auto name = [&](unsigned value) { return "r" + utostr(registers[value]); };
  if (instruction.opcode == Opcode::Store) {
    os << "y" << instruction.index << " = " << name(instruction.lhs) << "\n";
    return;
  }
  os << name(instruction.result) << " = ";
  switch (instruction.opcode) {
  case Opcode::Load:
    os << getName(graph, instruction.index);
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

static void writeProgram(const Solution &solution, raw_ostream &os) {
  const LinearProgram &program = *solution.program;
  std::vector<unsigned> registers = assignRegisters(program);
  os << "\n";
  for (const Instruction &instruction : program.getInstructions())
    writeInstruction(solution.graph, instruction, registers, os);
  os << formatv("\nprogram: {0} registers, {1} loads, {2} shifts, {3} adds, "
                "{4} stores\n",
                program.maxLive(), count(program, Opcode::Load),
                program.numShifts(), program.numAdds(),
                count(program, Opcode::Store));
}

void writeText(const Solution &solution, raw_ostream &os) {
  const AdderGraph &graph = solution.graph;
  writeGraph(solution, os);
  if (solution.program)
    writeProgram(solution, os);
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

static json::Value toJson(const Instruction &instruction,
                          ArrayRef<unsigned> registers) {
  unsigned lhs = instruction.lhs, rhs = instruction.rhs;
  switch (instruction.opcode) {
  case Opcode::Store:
    return json::Object{{"store", instruction.index}, {"lhs", registers[lhs]}};
  case Opcode::Load:
    return json::Object{{"result", registers[instruction.result]},
                        {"load", instruction.index}};
  default:
    break;
  }
  json::Object object{{"result", registers[instruction.result]}};
  if (instruction.opcode != Opcode::Zero)
    object["lhs"] = registers[lhs];
  switch (instruction.opcode) {
  case Opcode::Shift:
    object["shift"] = instruction.index;
    break;
  case Opcode::Add:
    object["add"] = registers[rhs];
    break;
  case Opcode::Subtract:
    object["subtract"] = registers[rhs];
    break;
  default:
    object[instruction.opcode == Opcode::Negate ? "negate" : "zero"] = true;
  }
  return object;
}

static json::Value toJson(const LinearProgram &program) {
  std::vector<unsigned> registers = assignRegisters(program);
  json::Array instructions;
  for (const Instruction &instruction : program.getInstructions())
    instructions.push_back(toJson(instruction, registers));
  return json::Object{{"registers", program.maxLive()},
                      {"loads", count(program, Opcode::Load)},
                      {"shifts", program.numShifts()},
                      {"adds", program.numAdds()},
                      {"stores", count(program, Opcode::Store)},
                      {"instructions", std::move(instructions)}};
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
  if (solution.program)
    object["program"] = toJson(*solution.program);
  if (withCosts) {
    object["seconds"] = solution.seconds;
    object["megabytes"] = solution.megabytes;
  }
  os << json::Value(std::move(object)) << "\n";
}

} // namespace bitnn
