// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fold.h"
#include "Importer.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

Importer::Importer(const Graph &graph, Location file,
                   const OnnxImportOptions &options)
    : graph(graph), file(file), builder(file.getContext()), options(options) {
  for (const Node &node : graph.nodes)
    for (const std::string &output : node.outputs)
      if (!output.empty())
        producers[output] = &node;
  for (const auto &constant : graph.constants)
    values[constant.first()] = share(Constant{constant.second});
  for (auto [index, input] : llvm::enumerate(graph.inputs)) {
    Outside value;
    value.inputs = {unsigned(index)};
    value.type = input.type;
    value.shape = input.shape;
    values[input.name] = share(value);
  }
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// The nodes that compute the outputs, in the order of the graph; the others
/// need not be supported.
FailureOr<SmallVector<const Node *>>
Importer::getAncestors(ArrayRef<std::string> outputs) const {
  std::vector<bool> needed(graph.nodes.size());
  SmallVector<StringRef> pending(outputs.begin(), outputs.end());
  while (!pending.empty()) {
    auto found = producers.find(pending.pop_back_val());
    if (found == producers.end() || needed[found->second->index])
      continue;
    needed[found->second->index] = true;
    llvm::append_range(pending, found->second->inputs);
  }
  SmallVector<const Node *> nodes;
  for (const Node &node : graph.nodes)
    if (needed[node.index])
      nodes.push_back(&node);
  return nodes;
}

FailureOr<Operand> Importer::getOperand(const Node &node, StringRef name) {
  if (name.empty())
    return Operand();
  auto found = values.find(name);
  if (found != values.end())
    return found->second;
  auto producer = producers.find(name);
  if (producer == producers.end())
    return emitError(node, file) << "it reads the tensor " << quote(name)
                                 << ", which nothing defines";
  if (producer->second->index < node.index)
    return emitError(node, file) << "it reads the tensor " << quote(name)
                                 << ", which is not the first output of "
                                 << describe(*producer->second);
  return emitError(node, file)
         << "it reads the tensor " << quote(name) << ", which "
         << describe(*producer->second)
         << " computes later; the graph is cyclic or not in topological order";
}

/// The shape of what an elementwise operator makes of operands of equal shape,
/// or one that the model states.
static std::optional<Shape> inferShape(const Graph &graph, const Node &node,
                                       ArrayRef<Operand> operands) {
  static constexpr StringRef kElementwise[] = {
      "Add", "Cast", "Clip", "Div", "Mul",     "Pow",  "Relu",
      "Sub", "Abs",  "Neg",  "Exp", "Sigmoid", "Sqrt", "Tanh"};
  auto stated = graph.tensors.find(node.outputs.front());
  if (!llvm::is_contained(kElementwise, node.op)) {
    if (stated == graph.tensors.end() || !stated->second.hasShape ||
        llvm::any_of(stated->second.shape,
                     [](int64_t extent) { return extent < 1; }) ||
        failed(getNumElements(stated->second.shape)))
      return std::nullopt;
    return stated->second.shape;
  }
  Shape shape;
  for (const Operand &operand : operands) {
    if (!operand)
      continue;
    const Shape *other = nullptr;
    if (auto *outside = std::get_if<Outside>(operand.get()))
      other = outside->shape ? &*outside->shape : nullptr;
    else if (auto *constant = std::get_if<Constant>(operand.get()))
      other = &constant->tensor->shape;
    if (!other)
      return std::nullopt;
    // ONNX broadcasts from the last dimension.
    if (other->size() > shape.size())
      shape.insert(shape.begin(), other->size() - shape.size(), 1);
    for (size_t i = 1; i <= other->size(); ++i) {
      int64_t &mine = shape[shape.size() - i];
      mine = mine == 1 ? (*other)[other->size() - i] : mine;
    }
  }
  return shape;
}

Outside Importer::leaveOutside(const Node &node, ArrayRef<Operand> operands,
                               const Twine &reason) const {
  Outside result;
  auto addSource = [&](const Operand &source) {
    if (!llvm::is_contained(result.sources, source))
      result.sources.push_back(source);
  };
  for (const Operand &operand : operands) {
    if (!operand || std::holds_alternative<Constant>(*operand) ||
        std::holds_alternative<QuantizedConstant>(*operand))
      continue;
    auto *outside = std::get_if<Outside>(operand.get());
    if (!outside) {
      addSource(operand);
      continue;
    }
    llvm::append_range(result.inputs, outside->inputs);
    llvm::append_range(result.nodes, outside->nodes);
    llvm::for_each(outside->sources, addSource);
    if (outside->culprit && !result.culprit) {
      result.culprit = outside->culprit;
      result.reason = outside->reason;
    }
  }
  result.nodes.push_back(&node);
  auto byIndex = [](const Node *a, const Node *b) {
    return a->index < b->index;
  };
  llvm::sort(result.nodes, byIndex);
  result.nodes.erase(llvm::unique(result.nodes), result.nodes.end());
  llvm::sort(result.inputs);
  result.inputs.erase(llvm::unique(result.inputs), result.inputs.end());
  // Without a tensor of the object it is a float operator before the first
  // QuantizeLinear, unless it computes a constant.
  if (!result.culprit && (!result.sources.empty() || result.inputs.empty())) {
    result.culprit = &node;
    result.reason =
        result.sources.empty()
            ? "it computes a constant, but is not folded; simplify the model "
              "first"
            : reason.str();
  }
  result.shape = inferShape(graph, node, operands);
  return result;
}

/// Whether an operator must not be left to the caller, although it has no
/// integer form here: a layer, or control flow.
static bool isForeignLayer(const Node &node) {
  static constexpr StringRef kLayers[] = {"Attention", "Einsum", "GRU", "If",
                                          "LSTM",      "Loop",   "RNN", "Scan"};
  return llvm::is_contained(kLayers, node.op);
}

bool Importer::isRead(StringRef tensor) const {
  return !tensor.empty() && llvm::any_of(graph.nodes, [&](const Node &reader) {
    return llvm::is_contained(reader.inputs, tensor);
  });
}

/// Whether the node reads what was refused already; then so is its result.
bool Importer::readsRefused(const Node &node) {
  bool isRefused = llvm::any_of(node.inputs, [&](const std::string &input) {
    return refused.contains(input);
  });
  if (isRefused)
    for (const std::string &output : node.outputs)
      refused.insert(output);
  return isRefused;
}

LogicalResult Importer::importNode(const Node &node) {
  SmallVector<Operand> operands;
  const Operator *meaning = findOperator(node);
  for (const std::string &name : node.inputs) {
    FailureOr<Operand> operand = getOperand(node, name);
    if (failed(operand))
      return failure();
    operands.push_back(meaning && *operand ? readInput(*operand) : *operand);
  }
  NodeContext context(*this, node, operands);
  if (!meaning && isForeignLayer(node))
    return context.refuse()
           << "it is not supported; docs/Import.md has the operators that "
              "are";
  std::optional<Result> folded = foldConstants(context);
  Result value = folded    ? std::move(*folded)
                 : meaning ? meaning->import(context)
                           : Result(context.decline("it has no integer form"));
  if (failed(value))
    return failure();
  bool isOutside = std::holds_alternative<Outside>(*value);
  Operand shared = share(std::move(*value));
  values[node.outputs.front()] = shared;
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    auto further = context.furtherResults.find(i);
    if (further != context.furtherResults.end())
      values[output] = share(std::move(further->second));
    else if (i > 0 && isOutside)
      values[output] = shared;
    else if (i > 0 && isRead(output))
      return context.refuse() << "only its first output is supported, but "
                              << quote(output) << " is read";
  }
  return success();
}

LogicalResult Importer::run(ModuleOp module, StringRef name) {
  FailureOr<std::vector<std::string>> outputs = getOutputNames();
  if (failed(outputs))
    return failure();
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, file, name,
                                  builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  FailureOr<SmallVector<const Node *>> nodes = getAncestors(*outputs);
  if (failed(nodes))
    return failure();
  // All nodes that cannot be taken are named, not the first alone.
  for (const Node *node : *nodes)
    if (!readsRefused(*node) && failed(importNode(*node)))
      refused.insert(node->outputs.begin(), node->outputs.end());
  if (failed(cutOutputs(*outputs)) || !refused.empty())
    return failure();
  // What an output beyond its cut would have read.
  for (Operation &op :
       llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// importOnnx
//===----------------------------------------------------------------------===//

/// Letters, digits and underscores, none of the digits first.
static bool isIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

static std::string makeIdentifier(StringRef fileName) {
  std::string name = llvm::sys::path::stem(fileName).str();
  for (char &c : name)
    c = llvm::isAlnum(c) ? c : '_';
  return isIdentifier(name) ? name : "model_" + name;
}

OwningOpRef<ModuleOp> bitnn::importOnnx(StringRef bytes, StringRef fileName,
                                        const OnnxImportOptions &options,
                                        MLIRContext *context) {
  context->loadDialect<BitNNDialect, arith::ArithDialect, func::FuncDialect,
                       linalg::LinalgDialect, tensor::TensorDialect>();
  Location file = FileLineColLoc::get(context, fileName, 0, 0);
  std::string name =
      options.name.empty() ? makeIdentifier(fileName) : options.name;
  if (!isIdentifier(name)) {
    emitError(file) << "the name " << quote(name)
                    << " is not a C identifier; choose another with --name=";
    return nullptr;
  }
  if (options.batch < 1 || options.batch > INT32_MAX) {
    emitError(file) << "--batch=" << options.batch << " is not at least 1";
    return nullptr;
  }
  FailureOr<Graph> graph = readModel(bytes, file, options.batch);
  if (failed(graph))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(file);
  if (failed(Importer(*graph, file, options).run(*module, name)))
    return nullptr;
  return module;
}
