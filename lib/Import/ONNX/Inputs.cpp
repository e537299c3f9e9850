// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the graph is cut: the object begins at integer tensors.

#include "Emit.h"
#include "Importer.h"
#include <numeric>

using namespace mlir;
using namespace bitnn::importer;

Integers Importer::addArgument(Cut cut, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getI8Type());
  Block &entry = function.getBody().front();
  cut.value = entry.addArgument(type, cut.loc);
  Integers integers;
  integers.value =
      cut.isUnsigned ? emitRecentre(builder, cut.loc, cut.value) : cut.value;
  integers.isUnsigned = cut.isUnsigned;
  integers.tensor = cut.tensor;
  integers.quantization = cut.quantization;
  integers.argument = arguments.size();
  arguments.push_back(std::move(cut));
  argumentIntegers.push_back(integers);
  return integers;
}

Operand Importer::readInput(const Operand &value) {
  auto *input = std::get_if<Outside>(value.get());
  if (!input || !input->nodes.empty() || !isEightBits(input->type) ||
      input->shape->empty())
    return value;
  const Edge &edge = graph.inputs[input->inputs.front()];
  Location loc = NameLoc::get(builder.getStringAttr(edge.name), file);
  Cut cut(loc);
  cut.name = cut.tensor = cut.source = edge.name;
  cut.isUnsigned = edge.type == ElementType::UInt8;
  cut.input = input->inputs.front();
  Operand integers = share(addArgument(std::move(cut), edge.shape));
  return values[edge.name] = integers;
}

void Importer::describeArgument(const Integers &integers,
                                Quantization quantization) {
  if (integers.argument && !arguments[*integers.argument].quantization)
    arguments[*integers.argument].quantization = quantization;
}

Result Importer::cutInput(NodeContext &node, const Outside &real,
                          bool isUnsigned,
                          std::optional<Quantization> quantization) {
  if (real.nodes.empty() && real.type != ElementType::Float32)
    return node.refuse() << "it quantizes input "
                         << quote(graph.inputs[real.inputs.front()].name)
                         << " of type "
                         << graph.inputs[real.inputs.front()].typeName
                         << ", only float32 is supported";
  if (!real.shape)
    return node.refuse() << "the shape of its input is unknown, because of "
                         << describe(*real.nodes.back())
                         << "; add it to the model (ONNX shape inference)";
  if (real.shape->empty())
    return node.refuse() << "scalars are not supported";
  const std::string &source = node.node.inputs.front();
  // Exporters quantize an input once per reader.
  for (auto [cut, integers] : llvm::zip_equal(arguments, argumentIntegers))
    if (quantization && cut.source == source &&
        cut.quantization == quantization && cut.isUnsigned == isUnsigned)
      return ImportedValue(integers);
  Cut cut(node.loc);
  cut.tensor = node.node.outputs.front();
  cut.name = real.inputs.size() == 1 ? graph.inputs[real.inputs.front()].name
                                     : cut.tensor;
  cut.isUnsigned = isUnsigned;
  cut.isFloat = true;
  cut.quantization = quantization;
  cut.caller = real.nodes;
  if (!quantization)
    cut.caller.push_back(&node.node);
  cut.input = real.inputs.front();
  cut.source = source;
  return ImportedValue(addArgument(std::move(cut), *real.shape));
}

/// The graph's order, whatever order the nodes read them in.
void Importer::sortArguments() {
  SmallVector<unsigned> order(arguments.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    return arguments[a].input < arguments[b].input;
  });
  Block &entry = function.getBody().front();
  std::vector<Cut> sorted;
  for (unsigned index : order) {
    Cut &cut = sorted.emplace_back(std::move(arguments[index]));
    Value moved = entry.addArgument(cut.value.getType(), cut.loc);
    cut.value.replaceAllUsesWith(moved);
    cut.value = moved;
  }
  entry.eraseArguments(0, order.size());
  arguments = std::move(sorted);
}
