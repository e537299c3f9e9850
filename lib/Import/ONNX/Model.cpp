// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Model.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace bitnn::importer;
namespace endian = llvm::support::endian;

StringRef bitnn::importer::getTypeName(ElementType type) {
  switch (type) {
  case ElementType::Float32:
    return "float32";
  case ElementType::Float16:
    return "float16";
  case ElementType::Bool:
    return "bool";
  case ElementType::Int8:
    return "int8";
  case ElementType::UInt8:
    return "uint8";
  case ElementType::Int32:
    return "int32";
  case ElementType::Int64:
    return "int64";
  case ElementType::Other:
    break;
  }
  return "an unsupported type";
}

FailureOr<int64_t> bitnn::importer::getNumElements(ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t extent : shape)
    if (extent < 0 || llvm::MulOverflow(product, extent, product) ||
        product > kMostElements)
      return failure();
  return product;
}

std::string bitnn::importer::toString(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleave(shape, stream, "x");
  return text;
}

std::string bitnn::importer::toString(float number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", number);
  return text;
}

//===----------------------------------------------------------------------===//
// Tensor
//===----------------------------------------------------------------------===//

int64_t Tensor::size() const { return *getNumElements(shape); }

int64_t Tensor::getInteger(int64_t index) const {
  const char *data = bytes.data();
  switch (type) {
  case ElementType::Int8:
    return static_cast<int8_t>(data[index]);
  case ElementType::UInt8:
  case ElementType::Bool:
    return static_cast<uint8_t>(data[index]);
  case ElementType::Int32:
    return endian::read<int32_t>(data + 4 * index, llvm::endianness::little);
  case ElementType::Int64:
    return endian::read<int64_t>(data + 8 * index, llvm::endianness::little);
  default:
    llvm_unreachable("not an integer tensor");
  }
}

float Tensor::getFloat(int64_t index) const {
  if (type == ElementType::Float16) {
    llvm::APInt bits(16, endian::read<uint16_t>(bytes.data() + 2 * index,
                                                llvm::endianness::little));
    llvm::APFloat half(llvm::APFloat::IEEEhalf(), bits);
    bool losesInfo;
    half.convert(llvm::APFloat::IEEEsingle(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return half.convertToFloat();
  }
  assert(type == ElementType::Float32 && "not a float tensor");
  return llvm::bit_cast<float>(endian::read<uint32_t>(
      bytes.data() + 4 * index, llvm::endianness::little));
}

template <typename T>
static void append(std::string &bytes, T value) {
  char buffer[sizeof(T)];
  endian::write<T>(buffer, value, llvm::endianness::little);
  bytes.append(buffer, sizeof(T));
}

TensorRef bitnn::importer::makeTensor(ElementType type, Shape shape,
                                      ArrayRef<int64_t> integers) {
  auto tensor = std::make_shared<Tensor>();
  tensor->type = type;
  tensor->typeName = getTypeName(type).str();
  tensor->shape = std::move(shape);
  for (int64_t value : integers) {
    if (isEightBits(type) || type == ElementType::Bool)
      append<uint8_t>(tensor->bytes, value);
    else if (type == ElementType::Int32)
      append<int32_t>(tensor->bytes, value);
    else
      append<int64_t>(tensor->bytes, value);
  }
  return tensor;
}

TensorRef bitnn::importer::makeTensor(Shape shape, ArrayRef<float> floats) {
  auto tensor = std::make_shared<Tensor>();
  tensor->type = ElementType::Float32;
  tensor->typeName = getTypeName(tensor->type).str();
  tensor->shape = std::move(shape);
  for (float value : floats)
    append<uint32_t>(tensor->bytes, llvm::bit_cast<uint32_t>(value));
  return tensor;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string bitnn::importer::quote(StringRef name) {
  std::string text = "'";
  llvm::raw_string_ostream stream(text);
  llvm::printEscapedString(name, stream);
  stream << "'";
  return text;
}

std::string bitnn::importer::describe(const Node &node) {
  std::string operation = quote(node.op);
  return StringRef(operation).drop_front().drop_back().str() + " " +
         quote(node.getLabel());
}

Location bitnn::importer::getLocation(const Node &node, Location file) {
  StringRef label = node.getLabel();
  if (label.empty())
    return file;
  return NameLoc::get(StringAttr::get(file.getContext(), label), file);
}

InFlightDiagnostic bitnn::importer::emitError(const Node &node, Location file) {
  return mlir::emitError(getLocation(node, file)) << describe(node) << ": ";
}
