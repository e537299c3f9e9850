// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "NodeContext.h"
#include "Functions.h"
#include "Importer.h"

using namespace mlir;
using namespace bitnn::importer;

NodeContext::NodeContext(Importer &importer, const Node &node,
                         ArrayRef<Operand> operands)
    : importer(importer), node(node), operands(operands),
      builder(importer.builder), loc(getLocation(node, importer.file)) {}

InFlightDiagnostic NodeContext::refuse() const {
  return emitError(node, importer.file);
}

ImportedValue NodeContext::decline(const Twine &reason) const {
  return importer.leaveOutside(node, operands, reason);
}

InFlightDiagnostic NodeContext::refuseOperand(const Operand &operand,
                                              StringRef what,
                                              StringRef expected) const {
  if (!operand)
    return refuse() << "its " << what << " is missing";
  if (auto *outside = std::get_if<Outside>(operand.get());
      outside && outside->culprit) {
    auto error = emitError(*outside->culprit, importer.file);
    error << outside->reason << ", and " << describe(node)
          << " needs its result; docs/Import.md has the operators that have an "
             "integer form; quantize before and behind it, or cut the graph "
             "before it with --outputs=";
    // Several readers are one error.
    if (!importer.culprits.insert(outside->culprit).second)
      error.abandon();
    return error;
  }
  auto error = refuse();
  error << "its " << what << " must be " << expected;
  if (auto *input = std::get_if<Outside>(operand.get());
      input && input->nodes.empty() && !input->inputs.empty())
    error << ", but it is "
          << importer.graph.inputs[input->inputs.front()].typeName;
  return error;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

template <typename T>
FailureOr<T> NodeContext::getAttribute(StringRef name, T otherwise,
                                       StringRef type) const {
  auto found = node.attributes.find(name);
  if (found == node.attributes.end())
    return otherwise;
  if (auto *value = std::get_if<T>(&found->second))
    return *value;
  return refuse() << "attribute " << quote(name) << " must be " << type;
}

FailureOr<int64_t> NodeContext::getInt(StringRef name,
                                       int64_t otherwise) const {
  return getAttribute<int64_t>(name, otherwise, "an integer");
}

FailureOr<float> NodeContext::getFloat(StringRef name, float otherwise) const {
  return getAttribute<float>(name, otherwise, "a float");
}

FailureOr<std::string> NodeContext::getString(StringRef name,
                                              StringRef otherwise) const {
  return getAttribute<std::string>(name, otherwise.str(), "a string");
}

FailureOr<Shape> NodeContext::getInts(StringRef name,
                                      ArrayRef<int64_t> otherwise) const {
  auto values =
      getAttribute<std::vector<int64_t>>(name, otherwise.vec(), "integers");
  if (failed(values))
    return failure();
  return Shape(values->begin(), values->end());
}

LogicalResult NodeContext::refuseUnless(StringRef name, int64_t only) const {
  FailureOr<int64_t> value = getInt(name, only);
  if (failed(value) || *value == only)
    return value;
  return refuse() << name << " = " << *value << " is not supported, only "
                  << only;
}

//===----------------------------------------------------------------------===//
// The table of operators
//===----------------------------------------------------------------------===//

using Name = std::pair<StringRef, StringRef>;
static constexpr bool kLayer = true;
static constexpr llvm::StringLiteral kOnnx = "";
static constexpr llvm::StringLiteral kMicrosoft = "com.microsoft";

static std::map<Name, Operator> makeOperators() {
  std::map<Name, Operator> operators = {
      {{kOnnx, "Add"}, {importBinary}},
      {{kOnnx, "AveragePool"}, {importAveragePool}},
      {{kOnnx, "BatchNormalization"}, {importBatchNormalization}},
      {{kOnnx, "Cast"}, {importCast}},
      {{kOnnx, "Clip"}, {importClip}},
      {{kOnnx, "Concat"}, {importConcat}},
      {{kOnnx, "Constant"}, {importConstant}},
      {{kOnnx, "Conv"}, {importConv, kLayer}},
      {{kOnnx, "ConvInteger"}, {importConvInteger, kLayer}},
      {{kOnnx, "ConvTranspose"}, {importConvTranspose, kLayer}},
      {{kOnnx, "MatMulInteger"}, {importMatMulInteger, kLayer}},
      {{kOnnx, "GlobalMaxPool"}, {importMaxPool}},
      {{kOnnx, "ReduceMax"}, {importReduce}},
      {{kOnnx, "ReduceMean"}, {importReduce}},
      {{kOnnx, "ReduceMin"}, {importReduce}},
      {{kOnnx, "ReduceSum"}, {importReduce}},
      {{kOnnx, "DepthToSpace"}, {importDepthToSpace}},
      {{kOnnx, "DequantizeLinear"}, {importDequantizeLinear, kLayer}},
      {{kOnnx, "Div"}, {importBinary}},
      {{kOnnx, "Dropout"}, {importDropout}},
      {{kOnnx, "Expand"}, {importExpand}},
      {{kOnnx, "Flatten"}, {importFlatten}},
      {{kOnnx, "Gather"}, {importGather}},
      {{kOnnx, "Gemm"}, {importGemm, kLayer}},
      {{kOnnx, "GlobalAveragePool"}, {importGlobalAveragePool}},
      {{kOnnx, "Identity"}, {importIdentity}},
      {{kOnnx, "MatMul"}, {importMatMul, kLayer}},
      {{kOnnx, "Max"}, {importBinary}},
      {{kOnnx, "MaxPool"}, {importMaxPool}},
      {{kOnnx, "Min"}, {importBinary}},
      {{kOnnx, "Mul"}, {importBinary}},
      {{kOnnx, "PRelu"}, {importPRelu}},
      {{kOnnx, "Pad"}, {importPad}},
      {{kOnnx, "Pow"}, {importBinary}},
      {{kOnnx, "QLinearConv"}, {importQLinearConv, kLayer}},
      {{kOnnx, "QLinearMatMul"}, {importQLinearMatMul, kLayer}},
      {{kOnnx, "QuantizeLinear"}, {importQuantizeLinear, kLayer}},
      {{kOnnx, "Relu"}, {importRelu}},
      {{kOnnx, "Reshape"}, {importReshape}},
      {{kOnnx, "Resize"}, {importResize}},
      {{kOnnx, "Slice"}, {importSlice}},
      {{kOnnx, "Softmax"}, {importSoftmax}},
      {{kOnnx, "SpaceToDepth"}, {importSpaceToDepth}},
      {{kOnnx, "Split"}, {importSplit}},
      {{kOnnx, "Squeeze"}, {importSqueeze}},
      {{kOnnx, "Sub"}, {importBinary}},
      {{kOnnx, "Tile"}, {importTile}},
      {{kOnnx, "Transpose"}, {importTranspose}},
      {{kOnnx, "Unsqueeze"}, {importUnsqueeze}},
      {{kOnnx, "Upsample"}, {importUpsample}},
      {{kOnnx, "BitShift"}, {importBinary}},
      {{kOnnx, "Mod"}, {importBinary}},
      {{kMicrosoft, "DequantizeLinear"}, {importDequantizeLinear, kLayer}},
      {{kMicrosoft, "QuantizeLinear"}, {importQuantizeLinear, kLayer}},
      {{kMicrosoft, "QGemm"}, {importQGemm, kLayer}},
      {{kMicrosoft, "QLinearAdd"}, {importQLinearAdd, kLayer}},
      {{kMicrosoft, "QLinearAveragePool"}, {importQLinearAveragePool, kLayer}},
      {{kMicrosoft, "QLinearConcat"}, {importQLinearConcat, kLayer}},
      {{kMicrosoft, "QLinearGlobalAveragePool"},
       {importQLinearAveragePool, kLayer}},
      {{kMicrosoft, "QLinearLeakyRelu"}, {importQLinearLeakyRelu, kLayer}},
      {{kMicrosoft, "QLinearMul"}, {importQLinearMul, kLayer}},
      {{kMicrosoft, "QLinearSoftmax"}, {importQLinearSoftmax, kLayer}},
      {{kMicrosoft, "QLinearSigmoid"}, {importQLinearSigmoid, kLayer}},
  };
  for (const auto &[domain, name] : getFunctionNames())
    operators[{domain, name}] = {importFunction};
  return operators;
}

static const std::map<Name, Operator> &getOperators() {
  static const std::map<Name, Operator> operators = makeOperators();
  return operators;
}

const Operator *bitnn::importer::findOperator(const Node &node) {
  auto found = getOperators().find({node.domain, node.op});
  return found == getOperators().end() ? nullptr : &found->second;
}
