// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Subgraphs that compute constants: the shape arithmetic of exporters.

#ifndef BITNN_LIB_IMPORT_ONNX_FOLD_H
#define BITNN_LIB_IMPORT_ONNX_FOLD_H

#include "NodeContext.h"

namespace bitnn::importer {

/// Shape arithmetic is small; anything larger is left to whoever reads it.
inline constexpr int64_t kMostFolded = 1 << 20;

/// Elements as numbers of the type that ONNX computes in.
template <typename T>
std::vector<T> getNumbers(const Tensor &tensor) {
  std::vector<T> numbers;
  for (int64_t i = 0; i < tensor.size(); ++i)
    numbers.push_back(tensor.type == ElementType::Float32
                          ? T(tensor.getFloat(i))
                          : T(tensor.getInteger(i)));
  return numbers;
}

/// An operator on two constants, broadcast; null where it is undefined, or no
/// shape arithmetic.
TensorRef combineConstants(llvm::StringRef op, const Tensor &lhs,
                           const Tensor &rhs);

/// The constant that a node computes, or nothing if it computes none, or is no
/// operator of shape arithmetic.
std::optional<Result> foldConstants(NodeContext &node);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_FOLD_H
