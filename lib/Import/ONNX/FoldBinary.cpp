// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on two constants.

#include "Emit.h"
#include "Fold.h"

using namespace mlir;
using namespace bitnn::importer;

static TensorRef makeNumbers(ElementType type, Shape shape,
                             const std::vector<int64_t> &numbers) {
  return makeTensor(type, std::move(shape), numbers);
}
static TensorRef makeNumbers(ElementType, Shape shape,
                             const std::vector<float> &numbers) {
  return makeTensor(std::move(shape), numbers);
}

/// Nothing where the result is undefined, as after a division by zero.
template <typename T>
static std::optional<T> compute(StringRef op, T a, T b) {
  if (op == "Equal")
    return a == b;
  if (op == "Less")
    return a < b;
  if (op == "Greater")
    return a > b;
  if (op == "Max")
    return std::max(a, b);
  if (op == "Min")
    return std::min(a, b);
  if constexpr (std::is_same_v<T, int64_t>) {
    T result;
    if (op == "Add")
      return llvm::AddOverflow(a, b, result) ? std::nullopt
                                             : std::optional(result);
    if (op == "Sub")
      return llvm::SubOverflow(a, b, result) ? std::nullopt
                                             : std::optional(result);
    if (op == "Mul")
      return llvm::MulOverflow(a, b, result) ? std::nullopt
                                             : std::optional(result);
    if (b == 0 || (a == INT64_MIN && b == -1))
      return std::nullopt;
    return op == "Div" ? a / b : a % b;
  } else {
    if (op == "Add")
      return a + b;
    if (op == "Sub")
      return a - b;
    if (op == "Mul")
      return a * b;
    return op == "Div" ? a / b : std::fmod(a, b);
  }
}

template <typename T>
static TensorRef combine(StringRef op, const Tensor &lhs, const Tensor &rhs,
                         ElementType type) {
  auto shape = getBroadcastShape(lhs.shape, rhs.shape);
  FailureOr<int64_t> size = failure();
  if (shape)
    size = getNumElements(*shape);
  if (failed(size) || *size > kMostFolded)
    return nullptr;
  std::vector<T> a = getNumbers<T>(lhs), b = getNumbers<T>(rhs), result;
  for (int64_t i = 0; i < *size; ++i) {
    auto value = compute(op, a[getBroadcastSource(lhs.shape, *shape, i)],
                         b[getBroadcastSource(rhs.shape, *shape, i)]);
    if (!value)
      return nullptr;
    result.push_back(*value);
  }
  if (type != ElementType::Bool)
    return makeNumbers(type, *shape, result);
  return makeTensor(type, *shape,
                    std::vector<int64_t>(result.begin(), result.end()));
}

TensorRef bitnn::importer::combineConstants(StringRef op, const Tensor &lhs,
                                            const Tensor &rhs) {
  if (lhs.type != rhs.type || lhs.type == ElementType::Other)
    return nullptr;
  bool isComparison = op == "Equal" || op == "Less" || op == "Greater";
  ElementType type = isComparison ? ElementType::Bool : lhs.type;
  return lhs.type == ElementType::Float32
             ? combine<float>(op, lhs, rhs, type)
             : combine<int64_t>(op, lhs, rhs, type);
}
