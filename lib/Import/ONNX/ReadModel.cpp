// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the bytes of a protobuf message to a Graph: the only file that knows
// protobuf.

#include "Model.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
// The generated header last: protobuf's macros end with its own.
#include "onnx.pb.h"

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
  FailureOr<TensorRef> readTensor(const proto::TensorProto &from,
                                  const std::string &what);
  LogicalResult readExternal(const proto::TensorProto &from,
                             const std::string &what,
                             proto::TensorProto &loaded);
  FailureOr<Edge> readEdge(const proto::ValueInfoProto &from, bool isInput);

  Location file;
  int64_t batch;
  bool usesBatch = false;
  llvm::StringMap<int64_t> opsets;
  llvm::StringSet<> defined;
};
} // namespace

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static ElementType getElementType(int type) {
  switch (type) {
  case proto::TensorProto::FLOAT:
    return ElementType::Float32;
  case proto::TensorProto::FLOAT16:
    return ElementType::Float16;
  case proto::TensorProto::BOOL:
    return ElementType::Bool;
  case proto::TensorProto::INT8:
    return ElementType::Int8;
  case proto::TensorProto::UINT8:
    return ElementType::UInt8;
  case proto::TensorProto::INT32:
    return ElementType::Int32;
  case proto::TensorProto::INT64:
    return ElementType::Int64;
  default:
    return ElementType::Other;
  }
}

static std::string getProtoTypeName(int type) {
  ElementType known = getElementType(type);
  if (known != ElementType::Other)
    return getTypeName(known).str();
  if (!proto::TensorProto::DataType_IsValid(type))
    return "type " + std::to_string(type);
  return StringRef(proto::TensorProto::DataType_Name(
                       static_cast<proto::TensorProto::DataType>(type)))
      .lower();
}

static int64_t getBytesPerElement(ElementType type) {
  switch (type) {
  case ElementType::Int8:
  case ElementType::UInt8:
  case ElementType::Bool:
    return 1;
  case ElementType::Float16:
    return 2;
  case ElementType::Int64:
    return 8;
  default:
    return 4;
  }
}

/// Bits of integers that are packed into bytes; 0 for other types.
static unsigned getPackedBits(int type) {
  switch (type) {
  case proto::TensorProto::INT2:
  case proto::TensorProto::UINT2:
    return 2;
  case proto::TensorProto::INT4:
  case proto::TensorProto::UINT4:
    return 4;
  default:
    return 0;
  }
}

/// The type of an array at the graph's edge: packed integers have one byte
/// each.
static ElementType getStoredType(int type) {
  switch (type) {
  case proto::TensorProto::INT2:
  case proto::TensorProto::INT4:
    return ElementType::Int8;
  case proto::TensorProto::UINT2:
  case proto::TensorProto::UINT4:
    return ElementType::UInt8;
  default:
    return getElementType(type);
  }
}

/// Packed integers, the first in the lowest bits, as one byte each.
static FailureOr<TensorRef> unpack(const proto::TensorProto &from,
                                   const Tensor &tensor, int64_t size) {
  unsigned bits = getPackedBits(from.data_type()), perByte = 8 / bits;
  bool isSigned = from.data_type() == proto::TensorProto::INT4 ||
                  from.data_type() == proto::TensorProto::INT2;
  int64_t bytes = llvm::divideCeil(size, perByte);
  if (from.has_raw_data() ? int64_t(from.raw_data().size()) != bytes
                          : from.int32_data_size() != bytes)
    return failure();
  SmallVector<int64_t> values;
  for (int64_t i = 0; i < size; ++i) {
    uint8_t packed = from.has_raw_data() ? from.raw_data()[i / perByte]
                                         : from.int32_data(i / perByte);
    uint64_t value = packed >> (i % perByte * bits) & ((1u << bits) - 1);
    values.push_back(isSigned ? llvm::SignExtend64(value, bits) : value);
  }
  auto result = std::make_shared<Tensor>(*makeTensor(
      isSigned ? ElementType::Int8 : ElementType::UInt8, tensor.shape, values));
  result->typeName = tensor.typeName;
  return TensorRef(result);
}

/// The elements of one of the typed fields; fails if one is out of range.
template <typename Field>
static FailureOr<TensorRef> getTyped(const Tensor &tensor, const Field &field) {
  SmallVector<int64_t> values(field.begin(), field.end());
  bool fits = llvm::all_of(values, [&](int64_t value) {
    return tensor.type == ElementType::Int8    ? llvm::isInt<8>(value)
           : tensor.type == ElementType::UInt8 ? llvm::isUInt<8>(value)
           : tensor.type == ElementType::Bool  ? llvm::isUInt<1>(value)
                                               : true;
  });
  if (!fits)
    return failure();
  return makeTensor(tensor.type, tensor.shape, values);
}

FailureOr<TensorRef> Reader::readTensor(const proto::TensorProto &from,
                                        const std::string &what) {
  auto tensor = std::make_shared<Tensor>();
  tensor->type = getElementType(from.data_type());
  tensor->typeName = getProtoTypeName(from.data_type());
  tensor->shape.assign(from.dims().begin(), from.dims().end());
  FailureOr<int64_t> size = getNumElements(tensor->shape);
  if (failed(size))
    return error() << what << ": its shape " << toString(tensor->shape)
                   << " is negative somewhere or too large";
  proto::TensorProto loaded;
  if (from.data_location() == proto::TensorProto::EXTERNAL ||
      from.external_data_size()) {
    if (failed(readExternal(from, what, loaded)))
      return failure();
    return readTensor(loaded, what);
  }
  if (from.has_segment())
    return error() << what << ": tensors in segments are not supported";
  if (getPackedBits(from.data_type())) {
    FailureOr<TensorRef> unpacked = unpack(from, *tensor, *size);
    if (failed(unpacked))
      return error() << what << ": " << toString(tensor->shape) << " of "
                     << tensor->typeName << " has the wrong number of bytes";
    return unpacked;
  }
  if (tensor->type == ElementType::Other)
    return TensorRef(tensor);

  int64_t expected = *size * getBytesPerElement(tensor->type);
  if (from.has_raw_data()) {
    tensor->bytes = from.raw_data();
    if (int64_t(tensor->bytes.size()) == expected)
      return TensorRef(tensor);
    return error() << what << ": " << toString(tensor->shape) << " of "
                   << tensor->typeName << " needs " << expected
                   << " bytes, it has " << tensor->bytes.size();
  }
  FailureOr<TensorRef> typed;
  if (tensor->type == ElementType::Float16) {
    auto halves = std::make_shared<Tensor>(*tensor);
    for (int32_t bits : from.int32_data())
      for (unsigned shift : {0, 8})
        halves->bytes.push_back(char(bits >> shift));
    typed = TensorRef(halves);
  } else if (tensor->type == ElementType::Float32)
    typed =
        makeTensor(tensor->shape, SmallVector<float>(from.float_data().begin(),
                                                     from.float_data().end()));
  else if (tensor->type == ElementType::Int64)
    typed = getTyped(*tensor, from.int64_data());
  else
    typed = getTyped(*tensor, from.int32_data());
  if (failed(typed))
    return error() << what << ": an element does not fit " << tensor->typeName;
  if (int64_t((*typed)->bytes.size()) != expected)
    return error() << what << ": " << toString(tensor->shape) << " has "
                   << *size << " elements, but "
                   << (*typed)->bytes.size() / getBytesPerElement(tensor->type)
                   << " are given";
  return typed;
}

/// Reads the bytes of a tensor that are in another file of the model's folder.
LogicalResult Reader::readExternal(const proto::TensorProto &from,
                                   const std::string &what,
                                   proto::TensorProto &loaded) {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const proto::StringStringEntryProto &entry : from.external_data()) {
    uint64_t number = 0;
    bool isNumber = entry.key() == "offset" || entry.key() == "length";
    if (isNumber && StringRef(entry.value()).getAsInteger(10, number))
      return error() << what << ": its external " << entry.key() << ", "
                     << quote(entry.value()) << ", is no number";
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = number;
    else if (entry.key() == "length")
      length = number;
  }
  auto fileLocation = dyn_cast<FileLineColLoc>(file);
  StringRef folder =
      llvm::sys::path::parent_path(fileLocation.getFilename().strref());
  SmallString<128> path(folder), realFolder, realPath;
  llvm::sys::path::append(path, location);
  auto refuse = [&](StringRef reason) {
    return error() << what << ": its data is in the file " << quote(location)
                   << ", which " << reason;
  };
  if (location.empty() || llvm::sys::path::is_absolute(location))
    return refuse("is not in the model's folder");
  // Links are followed first: the file itself must be in the folder.
  if (llvm::sys::fs::real_path(folder.empty() ? "." : folder, realFolder) ||
      llvm::sys::fs::real_path(path, realPath))
    return refuse("cannot be found beside the model");
  if (!StringRef(realPath).starts_with((realFolder + "/").str()))
    return refuse("is not in the model's folder");
  // A pipe would never end.
  if (!llvm::sys::fs::is_regular_file(realPath))
    return refuse("is no ordinary file");
  auto whole = llvm::MemoryBuffer::getFile(realPath, /*IsText=*/false,
                                           /*RequiresNullTerminator=*/false);
  if (!whole)
    return error() << what << ": cannot read " << quote(location) << ": "
                   << whole.getError().message();
  StringRef bytes = (*whole)->getBuffer();
  if (offset > bytes.size() || length.value_or(0) > bytes.size() - offset)
    return error() << what << ": its data is beyond the end of "
                   << quote(location);
  loaded.set_name(from.name());
  loaded.set_data_type(from.data_type());
  *loaded.mutable_dims() = from.dims();
  loaded.set_raw_data(
      bytes.substr(offset, length.value_or(StringRef::npos)).str());
  return success();
}

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
    FailureOr<TensorRef> tensor = readTensor(initializer, what);
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
  edge.type = getStoredType(tensor.elem_type());
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
        from.t(), describe(node) + ": attribute " + quote(from.name()));
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
