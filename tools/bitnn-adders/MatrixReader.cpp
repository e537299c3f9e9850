// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "MatrixReader.h"
#include "bitnn/Arithmetic/Interval.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace bitnn {

/// Sums of thousands of products of wider weights and 16-bit inputs would leave
/// the 64 bits in which graphs are proved.
static constexpr unsigned kMaxBits = 24;

template <typename... Values>
static Error fail(const char *format, Values &&...values) {
  return createStringError(
      Twine(formatv(format, std::forward<Values>(values)...).str()));
}

static Expected<int32_t> readWeight(const json::Value &value, size_t row,
                                    size_t column) {
  std::optional<int64_t> weight = value.getAsInteger();
  if (!weight)
    return fail("row {0}, column {1} is {2}, no integer", row, column, value);
  if (!Interval::ofValue(*weight).fitsSigned(kMaxBits))
    return fail("row {0}, column {1} is {2}, which takes more than {3} bits",
                row, column, *weight, kMaxBits);
  return int32_t(*weight);
}

static Error readRow(const json::Value &value, size_t row,
                     std::vector<int32_t> &weights) {
  const json::Array *values = value.getAsArray();
  if (!values)
    return fail("row {0} is no array of integers", row);
  for (auto [column, weight] : enumerate(*values)) {
    Expected<int32_t> integer = readWeight(weight, row, column);
    if (!integer)
      return integer.takeError();
    weights.push_back(*integer);
  }
  return Error::success();
}

Expected<ConstantMatrix> readMatrix(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return value.takeError();
  const json::Array *rows = value->getAsArray();
  if (!rows)
    return fail(
        "not a matrix: an array of rows is expected, [[7, -1], [0, 3]]");
  std::vector<int32_t> weights;
  size_t columns = 0;
  for (auto [index, row] : enumerate(*rows)) {
    size_t before = weights.size();
    if (Error error = readRow(row, index, weights))
      return std::move(error);
    size_t found = weights.size() - before;
    if (index == 0)
      columns = found;
    if (found != columns)
      return fail("row {0} has {1} columns, row 0 has {2}", index, found,
                  columns);
  }
  if (weights.empty())
    return fail("the matrix is empty");
  return ConstantMatrix(rows->size(), columns, weights);
}

} // namespace bitnn
