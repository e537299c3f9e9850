// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the graph is cut: the object ends at integer tensors.

#include "Emit.h"
#include "Importer.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/IR/EdgeAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitnn;
using namespace bitnn::importer;

/// "; did you mean 'a', 'b'?", or all names if none is near.
static std::string suggest(StringRef name, ArrayRef<StringRef> names) {
  SmallVector<std::pair<unsigned, StringRef>> near;
  for (StringRef candidate : names)
    near.push_back({name.edit_distance(candidate, true, 1000), candidate});
  llvm::sort(near);
  constexpr size_t kMost = 5;
  near.truncate(std::min(near.size(), kMost));
  return llvm::join(
      llvm::map_range(near, [](auto &pair) { return quote(pair.second); }),
      ", ");
}

FailureOr<std::vector<std::string>> Importer::getOutputNames() const {
  std::vector<std::string> names = options.outputs;
  if (names.empty())
    for (const Edge &output : graph.outputs)
      names.push_back(output.name);
  llvm::StringSet<> seen;
  for (const std::string &name : names) {
    if (!seen.insert(name).second)
      return mlir::emitError(file)
             << "output " << quote(name) << " is asked for twice";
    if (producers.contains(name) || values.contains(name))
      continue;
    SmallVector<StringRef> tensors;
    for (const Node &node : graph.nodes)
      llvm::append_range(tensors, node.outputs);
    llvm::erase_if(tensors, [](StringRef tensor) { return tensor.empty(); });
    return mlir::emitError(file)
           << "there is no tensor " << quote(name) << " to be an output; the "
           << "nearest names are " << suggest(name, tensors);
  }
  return names;
}

/// The integers of a value as it was before its operators.
static FailureOr<Cut> cutValue(OpBuilder &builder, Location loc, StringRef name,
                               const ImportedValue &value) {
  auto refuse = [&]() {
    return mlir::emitError(loc) << "output " << quote(name) << ": ";
  };
  Cut cut(loc);
  cut.name = name.str();
  cut.isFloat = true;
  auto setIntegers = [&](const Integers &integers) {
    cut.tensor = integers.tensor;
    cut.isUnsigned = integers.isUnsigned;
    cut.quantization = integers.quantization;
    cut.value = integers.value;
  };
  if (auto *integers = std::get_if<Integers>(&value)) {
    setIntegers(*integers);
    cut.isFloat = false;
    return cut;
  }
  if (auto *real = std::get_if<Dequantized>(&value)) {
    setIntegers(real->source);
    cut.caller = real->nodes;
    return cut;
  }
  if (auto *softmax = std::get_if<Softmax>(&value)) {
    setIntegers(softmax->input.source);
    cut.caller = softmax->nodes;
    return cut;
  }
  if (auto *sum = std::get_if<Accumulator>(&value)) {
    if (sum->counts.size() > 1)
      return refuse() << "the int32 sums of " << quote(sum->tensor)
                      << " are averages of different windows; put a "
                         "QuantizeLinear behind them";
    cut.tensor = sum->tensor;
    cut.caller = sum->nodes;
    cut.isFloat = !sum->isInteger;
    if (sum->scales.size() == 1)
      cut.quantization =
          Quantization{sum->scales.front() / float(sum->counts.front()), 0};
    else
      cut.scales = sum->scales, cut.axis = sum->channelAxis;
    cut.value = emitAccumulator(builder, *sum);
    if (sum->addend) {
      Value addend = arith::ConstantOp::create(
          builder, loc, builder.getI32IntegerAttr(sum->addend));
      cut.value = emitElementwise(
          builder, loc, cut.value, 32,
          [&](OpBuilder &nested, Location nestedLoc, ValueRange scalars) {
            return arith::AddIOp::create(nested, nestedLoc, scalars[0], addend);
          });
    }
    return cut;
  }
  if (auto *pair = std::get_if<Pair>(&value))
    return refuse() << quote(pair->tensor)
                    << " combines two quantized tensors and is not quantized "
                       "itself; put a QuantizeLinear behind it, or cut the "
                       "graph before it with --outputs="
                    << pair->lhs.source.tensor << ","
                    << pair->rhs.source.tensor;
  if (auto *parts = std::get_if<Parts>(&value))
    return refuse() << quote(parts->tensor)
                    << " combines quantized tensors and is not quantized "
                       "itself; put a QuantizeLinear behind it";
  return refuse() << "it is a constant";
}

FailureOr<Cut> Importer::cutOutput(StringRef name) {
  auto found = producers.find(name);
  Operand computed = values.lookup(name);
  if (!computed)
    return emitError(*found->second, file)
           << "only its first output is supported, but " << quote(name)
           << " is an output of the graph";
  Operand value = readInput(computed);
  Location loc =
      found == producers.end() ? file : getLocation(*found->second, file);
  auto *outside = std::get_if<Outside>(value.get());
  if (!outside)
    return cutValue(builder, loc, name, *value);
  auto refuse = [&]() {
    return mlir::emitError(loc) << "output " << quote(name) << ": ";
  };
  if (outside->sources.empty())
    return refuse() << "no quantized operator computes it; quantize the model "
                       "(QuantizeLinear and DequantizeLinear around its "
                       "operators)";
  if (outside->sources.size() > 1 || !outside->inputs.empty())
    return refuse() << "it is computed by float operators (such as "
                    << describe(*outside->culprit)
                    << ") from several tensors; cut the graph before them with "
                       "--outputs=";
  FailureOr<Cut> cut = cutValue(builder, loc, name, *outside->sources.front());
  if (failed(cut))
    return failure();
  llvm::append_range(cut->caller, outside->nodes);
  auto info = graph.tensors.find(name);
  cut->isFloat =
      info == graph.tensors.end() || info->second.type == ElementType::Float32;
  return cut;
}

LogicalResult Importer::cutOutputs(ArrayRef<std::string> names) {
  std::vector<Cut> results;
  SmallVector<Value> returned;
  bool isComplete = true;
  for (const std::string &name : names) {
    if (refused.contains(name))
      continue;
    FailureOr<Cut> cut = cutOutput(name);
    isComplete &= succeeded(cut);
    if (failed(cut))
      continue;
    returned.push_back(cut->isUnsigned
                           ? emitRecentre(builder, cut->loc, cut->value)
                           : cut->value);
    results.push_back(std::move(*cut));
  }
  if (!isComplete)
    return failure();
  auto terminator = func::ReturnOp::create(builder, file, returned);
  sortArguments();
  function.setFunctionType(
      builder.getFunctionType(function.getBody().front().getArgumentTypes(),
                              terminator.getOperandTypes()));
  setEdgeAttributes(results);
  return success();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static DictionaryAttr getAttributes(Builder &builder, const Cut &cut) {
  SmallVector<NamedAttribute> attributes;
  auto add = [&](StringRef name, Attribute value) {
    attributes.push_back(builder.getNamedAttr(name, value));
  };
  add(BitNNDialect::kNameAttr, builder.getStringAttr(cut.name));
  add(BitNNDialect::kTensorAttr, builder.getStringAttr(cut.tensor));
  if (cut.quantization) {
    add(BitNNDialect::kScaleAttr,
        builder.getF32FloatAttr(cut.quantization->scale));
    add(BitNNDialect::kZeroPointAttr,
        builder.getI32IntegerAttr(cut.quantization->zeroPoint +
                                  (cut.isUnsigned ? 128 : 0)));
  }
  if (!cut.scales.empty()) {
    add(kEdgeScalesAttr, builder.getDenseF32ArrayAttr(cut.scales));
    add(kEdgeAxisAttr, builder.getI32IntegerAttr(cut.axis));
  }
  if (cut.isUnsigned)
    add(BitNNDialect::kUnsignedAttr, builder.getUnitAttr());
  if (cut.isFloat)
    add(BitNNDialect::kFloatAttr, builder.getUnitAttr());
  if (!cut.caller.empty()) {
    SmallVector<StringRef> names;
    for (const Node *node : cut.caller)
      names.push_back(node->op);
    add(BitNNDialect::kCallerAttr, builder.getStrArrayAttr(names));
  }
  return builder.getDictionaryAttr(attributes);
}

void Importer::setEdgeAttributes(ArrayRef<Cut> results) {
  // An input that is quantized in two ways gives two arguments.
  llvm::StringMap<unsigned> uses;
  for (const Cut &cut : arguments)
    ++uses[cut.name];
  for (auto [index, cut] : llvm::enumerate(arguments)) {
    if (uses[cut.name] > 1)
      cut.name = cut.tensor;
    function.setArgAttrs(index, getAttributes(builder, cut));
  }
  for (auto [index, cut] : llvm::enumerate(results))
    function.setResultAttrs(index, getAttributes(builder, cut));
}
