// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An ONNX model as plain values. Reading it checks everything that does not
// depend on what operators mean: sizes, names, types.

#ifndef BITNN_LIB_IMPORT_ONNX_MODEL_H
#define BITNN_LIB_IMPORT_ONNX_MODEL_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace bitnn::importer {

using Shape = llvm::SmallVector<int64_t, 4>;

/// The element types that quantized graphs are made of; of any other tensor
/// only the type's name is kept.
enum class ElementType {
  Float32,
  Float16,
  Int8,
  UInt8,
  Int32,
  Int64,
  Bool,
  Other
};

llvm::StringRef getTypeName(ElementType type);
inline bool isEightBits(ElementType type) {
  return type == ElementType::Int8 || type == ElementType::UInt8;
}

inline bool isInteger(ElementType type) {
  return isEightBits(type) || type == ElementType::Int32 ||
         type == ElementType::Int64;
}

/// More elements than any tensor has that such a network needs; lists of them
/// still fit the memory.
inline constexpr int64_t kMostElements = 1 << 28;
/// The same of a constant that the importer computes: it keeps several lists.
inline constexpr int64_t kMostComputedElements = 1 << 26;

/// The number of elements of a shape; fails above `kMostElements`.
mlir::FailureOr<int64_t> getNumElements(llvm::ArrayRef<int64_t> shape);

/// "1x3x32x32", or "scalar".
std::string toString(llvm::ArrayRef<int64_t> shape);
/// As many digits as tell one float32 from another.
std::string toString(float number);

/// A constant: elements in row-major order, little-endian.
struct Tensor {
  ElementType type = ElementType::Other;
  std::string typeName;
  Shape shape;
  std::string bytes;

  int64_t size() const;
  /// An element of an integer or Bool tensor.
  int64_t getInteger(int64_t index) const;
  /// An element of a Float32 or Float16 tensor.
  float getFloat(int64_t index) const;
};
using TensorRef = std::shared_ptr<const Tensor>;

/// A tensor of integers that fit its type, or of floats.
TensorRef makeTensor(ElementType type, Shape shape,
                     llvm::ArrayRef<int64_t> integers);
TensorRef makeTensor(Shape shape, llvm::ArrayRef<float> floats);

/// std::monostate is a kind of attribute that no supported operator has.
using AttributeValue =
    std::variant<std::monostate, int64_t, float, std::string,
                 std::vector<int64_t>, std::vector<float>, TensorRef>;

struct Node {
  std::string op, name, domain;
  /// The version of the node's domain that the model imports.
  int64_t opset = 1;
  std::vector<std::string> inputs, outputs;
  llvm::StringMap<AttributeValue> attributes;
  /// The node's place in the graph.
  unsigned index = 0;

  /// The node's name; an unnamed node is known by its first output.
  llvm::StringRef getLabel() const {
    return name.empty() && !outputs.empty() ? outputs.front() : name;
  }
};

/// An input or output of the graph, or what the model says about a tensor.
struct Edge {
  std::string name;
  ElementType type = ElementType::Other;
  std::string typeName;
  bool hasShape = false;
  Shape shape;
};

struct Graph {
  std::vector<Edge> inputs, outputs;
  std::vector<Node> nodes;
  llvm::StringMap<TensorRef> constants;
  llvm::StringMap<Edge> tensors;
};

/// Reads a model. What the model leaves open in a first dimension becomes
/// `batch`. Errors are emitted at `file`, or at a node in it.
mlir::FailureOr<Graph> readModel(llvm::StringRef bytes, mlir::Location file,
                                 int64_t batch);

/// "Conv 'name'", with what a terminal could not show escaped.
std::string describe(const Node &node);
std::string quote(llvm::StringRef name);

/// The location of what a node becomes.
mlir::Location getLocation(const Node &node, mlir::Location file);
/// Begins the error "Conv 'name': ".
mlir::InFlightDiagnostic emitError(const Node &node, mlir::Location file);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_MODEL_H
