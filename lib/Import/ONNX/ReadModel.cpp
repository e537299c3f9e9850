// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the bytes of a protobuf message to a Graph.

#include "ReadTensor.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace bitnn::importer;
namespace proto = ::onnx;

namespace {
/// Reads one model; every function that fails has emitted an error.
class Reader {
public:
  Reader(Location file, int64_t batch) : file(file), batch(batch) {}

  LogicalResult read(StringRef bytes);
  Graph graph;

private:
  InFlightDiagnostic error() { return mlir::emitError(file); }
  LogicalResult define(StringRef name, const Twine &what);
  LogicalResult readConstants(const proto::GraphProto &from);
  LogicalResult readEdges(const proto::GraphProto &from);
  LogicalResult readNode(const proto::NodeProto &from);
  FailureOr<AttributeValue> readAttribute(const proto::AttributeProto &from,
                                          const Node &node);
  FailureOr<Edge> readEdge(const proto::ValueInfoProto &from, bool isInput);

  Location file;
  int64_t batch;
  bool usesBatch = false;
  llvm::StringMap<int64_t> opsets;
  llvm::StringSet<> defined;
};
} // namespace

LogicalResult Reader::define(StringRef name, const Twine &what) {
  if (defined.insert(name).second)
    return success();
  return error() << what << " defines the tensor " << quote(name)
                 << ", which is already defined";
}

LogicalResult Reader::readConstants(const proto::GraphProto &from) {
  if (from.sparse_initializer_size())
    return error() << "sparse initializers are not supported; store the "
                      "weights as ordinary tensors";
  for (const proto::TensorProto &initializer : from.initializer()) {
    std::string what = "initializer " + quote(initializer.name());
    if (failed(define(initializer.name(), what)))
      return failure();
    FailureOr<TensorRef> tensor = readTensor(initializer, what, file);
    if (failed(tensor))
      return failure();
    graph.constants[initializer.name()] = *tensor;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Edges
//===----------------------------------------------------------------------===//

FailureOr<Edge> Reader::readEdge(const proto::ValueInfoProto &from,
                                 bool isInput) {
  const proto::TypeProto::Tensor &tensor = from.type().tensor_type();
  Edge edge;
  edge.name = from.name();
  edge.type = getEdgeType(tensor.elem_type());
  edge.typeName = getProtoTypeName(tensor.elem_type());
  edge.hasShape = tensor.has_shape();
  for (const proto::TensorShapeProto::Dimension &dim : tensor.shape().dim()) {
    bool isBatch = edge.shape.empty() && !dim.has_dim_value();
    usesBatch |= isBatch && isInput;
    edge.shape.push_back(isBatch ? batch
                                 : (dim.has_dim_value() ? dim.dim_value() : 0));
    if (!isInput)
      continue;
    if (!isBatch && !dim.has_dim_value())
      return error() << "input " << quote(edge.name) << ": dimension "
                     << edge.shape.size() - 1
                     << " is not fixed; only the first one may be (--batch)";
    if (edge.shape.back() <= 0)
      return error() << "input " << quote(edge.name) << ": dimension "
                     << edge.shape.size() - 1 << " is " << edge.shape.back();
  }
  if (!isInput)
    return edge;
  if (!from.type().has_tensor_type() || !tensor.elem_type())
    return error() << "input " << quote(edge.name)
                   << " is not a tensor with an element type";
  if (!edge.hasShape)
    return error() << "input " << quote(edge.name) << " has no shape";
  if (failed(getNumElements(edge.shape)))
    return error() << "input " << quote(edge.name) << ": its shape "
                   << toString(edge.shape) << " is too large";
  return edge;
}

LogicalResult Reader::readEdges(const proto::GraphProto &from) {
  for (const proto::ValueInfoProto &input : from.input()) {
    // A constant that the caller could override; nobody does.
    if (graph.constants.contains(input.name()))
      continue;
    if (failed(define(input.name(), "input " + quote(input.name()))))
      return failure();
    FailureOr<Edge> edge = readEdge(input, /*isInput=*/true);
    if (failed(edge))
      return failure();
    graph.inputs.push_back(*edge);
    graph.tensors[edge->name] = *edge;
  }
  if (batch != 1 && !usesBatch)
    return error() << "--batch=" << batch
                   << ", but the model fixes every input's first dimension";
  for (const proto::ValueInfoProto &output : from.output()) {
    graph.outputs.push_back(*readEdge(output, /*isInput=*/false));
    graph.tensors.try_emplace(output.name(), graph.outputs.back());
  }
  for (const proto::ValueInfoProto &info : from.value_info())
    graph.tensors.try_emplace(info.name(), *readEdge(info, /*isInput=*/false));
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

FailureOr<AttributeValue>
Reader::readAttribute(const proto::AttributeProto &from, const Node &node) {
  switch (from.type()) {
  case proto::AttributeProto::INT:
    return AttributeValue(int64_t(from.i()));
  case proto::AttributeProto::FLOAT:
    return AttributeValue(from.f());
  case proto::AttributeProto::STRING:
    return AttributeValue(from.s());
  case proto::AttributeProto::INTS:
    return AttributeValue(
        std::vector<int64_t>(from.ints().begin(), from.ints().end()));
  case proto::AttributeProto::FLOATS:
    return AttributeValue(
        std::vector<float>(from.floats().begin(), from.floats().end()));
  case proto::AttributeProto::TENSOR: {
    FailureOr<TensorRef> tensor = readTensor(
        from.t(), describe(node) + ": attribute " + quote(from.name()), file);
    if (failed(tensor))
      return failure();
    return AttributeValue(*tensor);
  }
  default:
    return AttributeValue();
  }
}

LogicalResult Reader::readNode(const proto::NodeProto &from) {
  Node node;
  node.op = from.op_type();
  node.name = from.name();
  node.domain = from.domain() == "ai.onnx" ? "" : from.domain();
  node.opset = opsets.count(node.domain) ? opsets[node.domain] : 1;
  node.inputs.assign(from.input().begin(), from.input().end());
  node.outputs.assign(from.output().begin(), from.output().end());
  node.index = graph.nodes.size();
  if (node.outputs.empty() || node.outputs.front().empty())
    return emitError(node, file) << "it has no output";
  for (const std::string &output : node.outputs)
    if (!output.empty() && failed(define(output, describe(node))))
      return failure();
  for (const proto::AttributeProto &attribute : from.attribute()) {
    FailureOr<AttributeValue> value = readAttribute(attribute, node);
    if (failed(value))
      return failure();
    if (!node.attributes.try_emplace(attribute.name(), *value).second)
      return emitError(node, file)
             << "attribute " << quote(attribute.name()) << " appears twice";
  }
  graph.nodes.push_back(std::move(node));
  return success();
}

LogicalResult Reader::read(StringRef bytes) {
  // Protobuf writes what it finds wrong to the terminal; our error is enough.
  google::protobuf::SetLogHandler(nullptr);
  proto::ModelProto model;
  if (bytes.size() > INT32_MAX)
    return error() << "is larger than 2 GiB, which no ONNX model is";
  if (!model.ParseFromArray(bytes.data(), bytes.size()))
    return error() << "is not an ONNX model: it is no protobuf message, or cut "
                      "short";
  if (!model.graph().output_size())
    return error() << "is not an ONNX model: its graph has no outputs";
  for (const proto::OperatorSetIdProto &opset : model.opset_import())
    opsets[opset.domain() == "ai.onnx" ? "" : opset.domain()] = opset.version();
  if (failed(readConstants(model.graph())) || failed(readEdges(model.graph())))
    return failure();
  for (const proto::NodeProto &node : model.graph().node())
    if (failed(readNode(node)))
      return failure();
  return success();
}

FailureOr<Graph> bitnn::importer::readModel(StringRef bytes, Location file,
                                            int64_t batch) {
  Reader reader(file, batch);
  if (failed(reader.read(bytes)))
    return failure();
  return std::move(reader.graph);
}
