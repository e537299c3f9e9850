// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ReadTensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitnn::importer;
namespace proto = ::onnx;

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

std::string bitnn::importer::getProtoTypeName(int type) {
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
ElementType bitnn::importer::getEdgeType(int type) {
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

/// Reads the bytes of a tensor that are in another file of the model's folder.
static LogicalResult readExternal(const proto::TensorProto &from,
                                  const std::string &what, Location file,
                                  proto::TensorProto &loaded) {
  auto error = [&]() { return mlir::emitError(file); };
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

FailureOr<TensorRef> bitnn::importer::readTensor(const proto::TensorProto &from,
                                                 const std::string &what,
                                                 Location file) {
  auto error = [&]() { return mlir::emitError(file); };
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
    if (failed(readExternal(from, what, file, loaded)))
      return failure();
    return readTensor(loaded, what, file);
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
